use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, Lit, LitStr, Meta, Token};

/// What is in the parentheses of `#[amino::microservice(...)]`.
#[derive(Default)]
pub struct Attribute {
    pub name: Option<LitStr>,
    pub dms: Vec<LitStr>,
}

impl Parse for Attribute {
    fn parse(input: ParseStream) -> syn::Result<Attribute> {
        let mut attribute = Attribute::default();
        for meta in Punctuated::<Meta, Token![,]>::parse_terminated(input)? {
            match &meta {
                Meta::NameValue(m) if m.path.is_ident("name") => attribute.name = Some(text(&m.value)?),
                Meta::List(m) if m.path.is_ident("dms") => {
                    attribute.dms =
                        m.parse_args_with(Punctuated::<LitStr, Token![,]>::parse_terminated)?.into_iter().collect();
                }
                other => {
                    return Err(syn::Error::new_spanned(
                        other,
                        "only name = \"...\" and dms(\"...\", ...) are known here",
                    ));
                }
            }
        }
        Ok(attribute)
    }
}

fn text(e: &Expr) -> syn::Result<LitStr> {
    match e {
        Expr::Lit(ExprLit { lit: Lit::Str(s), .. }) => Ok(s.clone()),
        other => Err(syn::Error::new_spanned(other, "a text in quotes is wanted")),
    }
}

/// Returns the doc comment among attributes, one paragraph a line.
pub fn doc(attrs: &[syn::Attribute]) -> String {
    let lines = attrs.iter().filter(|a| a.path().is_ident("doc")).filter_map(|a| match &a.meta {
        Meta::NameValue(m) => text(&m.value).ok().map(|s| s.value().trim().to_string()),
        _ => None,
    });
    let mut doc = String::new();
    for line in lines {
        let gap = if doc.is_empty() || doc.ends_with('\n') { "" } else { " " };
        doc += &if line.is_empty() { "\n".to_string() } else { format!("{gap}{line}") };
    }
    doc.trim().to_string()
}

/// Returns a name in lower case with a separator between its words.
pub fn lower(name: &str, separator: char) -> String {
    let mut out = String::new();
    for (i, c) in name.char_indices() {
        if c.is_uppercase() && i > 0 && !out.ends_with(separator) {
            out.push(separator);
        }
        out.extend(if c == '_' { vec![separator] } else { c.to_lowercase().collect() });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_part_at_capitals() {
        for (name, want) in
            [("Counter", "counter"), ("PriceList", "price-list"), ("price_list", "price-list"), ("V2", "v2")]
        {
            assert_eq!(lower(name, '-'), want);
        }
    }

    #[test]
    fn docs_join_lines_and_part_paragraphs() {
        let item: syn::ItemFn = syn::parse_quote! {
            /// Adds by
            /// and returns.
            ///
            /// Slowly.
            fn f() {}
        };
        assert_eq!(doc(&item.attrs), "Adds by and returns.\nSlowly.");
    }

    #[test]
    fn unknown_settings_are_refused() {
        assert!(syn::parse_str::<Attribute>("nam = \"x\"").is_err());
        let a: Attribute = syn::parse_str("name = \"x\", dms(\"A\", \"B(c=1)\")").expect("valid");
        assert_eq!((a.name.map(|n| n.value()), a.dms.len()), (Some("x".into()), 2));
    }
}

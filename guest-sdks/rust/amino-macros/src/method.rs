use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Attribute, Expr, FnArg, Ident, ImplItemFn, Meta, Pat, ReturnType, Type, Visibility};

use crate::attribute::doc;

/// A method of the `impl` block that callers see, or its constructor.
pub struct Method {
    pub ident: Ident,
    doc: String,
    readonly: bool,
    params: Vec<Param>,
    result: Type,
}

struct Param {
    name: String,
    ty: Type,
    default: Option<Expr>,
}

/// What a function of the `impl` block is.
pub enum Role {
    Method(Method),
    Constructor(Method),
    Resume,
    Other,
}

/// Reads a function, and takes the attributes of its parameters off it.
pub fn read(f: &mut ImplItemFn) -> syn::Result<Role> {
    if f.sig.ident == "on_resume" {
        return Ok(Role::Resume);
    }
    let receiver = f.sig.receiver().cloned();
    let constructor = f.sig.ident == "new" && receiver.is_none();
    if !matches!(f.vis, Visibility::Public(_)) || (receiver.is_none() && !constructor) {
        return Ok(Role::Other);
    }
    if let Some(what) =
        f.sig.asyncness.map(|a| syn::Error::new_spanned(a, "a microservice's methods are not async: calls wait"))
    {
        return Err(what);
    }
    if let Some(r) = receiver.as_ref().filter(|r| r.reference.is_none()) {
        return Err(syn::Error::new_spanned(r, "a method takes &self or &mut self"));
    }
    let method = Method {
        ident: f.sig.ident.clone(),
        doc: doc(&f.attrs),
        readonly: receiver.is_some_and(|r| r.mutability.is_none()),
        params: f.sig.inputs.iter_mut().filter_map(|arg| param(arg).transpose()).collect::<syn::Result<_>>()?,
        result: match &f.sig.output {
            ReturnType::Default => syn::parse_quote!(()),
            ReturnType::Type(_, ty) => (**ty).clone(),
        },
    };
    Ok(if constructor { Role::Constructor(method) } else { Role::Method(method) })
}

fn param(arg: &mut FnArg) -> syn::Result<Option<Param>> {
    let FnArg::Typed(arg) = arg else { return Ok(None) };
    let Pat::Ident(name) = &*arg.pat else {
        return Err(syn::Error::new_spanned(&arg.pat, "a parameter needs a name that callers can be told"));
    };
    let mut default = None;
    for a in arg.attrs.extract_if(.., |a| a.path().is_ident("default")) {
        default = Some(default_value(&a)?);
    }
    Ok(Some(Param { name: name.ident.unraw().to_string(), ty: (*arg.ty).clone(), default }))
}

fn default_value(a: &Attribute) -> syn::Result<Expr> {
    match &a.meta {
        Meta::NameValue(m) => Ok(m.value.clone()),
        other => Err(syn::Error::new_spanned(other, "write #[default = value]")),
    }
}

impl Method {
    /// Returns the method's entry in the manifest.
    pub fn describe(&self, constructor: bool) -> TokenStream {
        let (name, doc, readonly) = (self.ident.unraw().to_string(), &self.doc, self.readonly);
        let params = self.params.iter().map(|p| {
            let (name, ty) = (&p.name, fixed(&p.ty));
            let or_default = p.default.is_some().then(|| quote!(.or_default()));
            quote!(Param { name: #name, wit: <#ty as ::amino::IntoValue>::WIT #or_default })
        });
        let result = fixed(&self.result);
        let result = if constructor { quote!(Wit::None) } else { quote!(<#result as Answer>::WIT) };
        quote!(Method { name: #name, doc: #doc, params: &[#(#params),*], result: #result, readonly: #readonly })
    }

    /// Returns the statements that read the arguments, and the arguments as they are passed on.
    pub fn read_args(&self) -> (TokenStream, Vec<TokenStream>) {
        let mut read = TokenStream::new();
        let mut pass = Vec::new();
        for (i, p) in self.params.iter().enumerate() {
            let name = format_ident!("arg{i}");
            let (ty, value) = match &p.ty {
                Type::Reference(r) => {
                    let inner = &r.elem;
                    (quote!(<#inner as ::std::borrow::ToOwned>::Owned), quote!(&#name))
                }
                ty => (quote!(#ty), quote!(#name)),
            };
            let take = match &p.default {
                Some(value) => quote!(take_or(|| (#value).into())),
                None => quote!(take()),
            };
            read.extend(quote!(let #name: #ty = args.#take?;));
            pass.push(value);
        }
        (read, pass)
    }
}

/// Returns a type whose references have the lifetime `'static`, as constants need them.
fn fixed(ty: &Type) -> Type {
    let mut ty = ty.clone();
    fix(&mut ty);
    ty
}

fn fix(ty: &mut Type) {
    match ty {
        Type::Reference(r) => {
            r.lifetime = Some(syn::parse_quote!('static));
            fix(&mut r.elem);
        }
        Type::Tuple(t) => t.elems.iter_mut().for_each(fix),
        Type::Slice(s) => fix(&mut s.elem),
        Type::Paren(p) => fix(&mut p.elem),
        Type::Path(p) => {
            for segment in &mut p.path.segments {
                let syn::PathArguments::AngleBracketed(args) = &mut segment.arguments else { continue };
                for arg in &mut args.args {
                    match arg {
                        syn::GenericArgument::Type(t) => fix(t),
                        syn::GenericArgument::Lifetime(l) => *l = syn::parse_quote!('static),
                        _ => {}
                    }
                }
            }
        }
        _ => {}
    }
}

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Error, ImplItem, ItemImpl, Type};

use crate::attribute::{Attribute, doc, lower};
use crate::method::{self, Method, Role};

/// Leaves the `impl` block as it is, less its attributes, and adds what makes its type callable.
pub fn expand(attribute: Attribute, mut item: ItemImpl) -> syn::Result<TokenStream> {
    if item.trait_.is_some() || !item.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &item.self_ty,
            "a microservice is a plain impl block, of no trait and without generics",
        ));
    }
    let (mut methods, mut constructor, mut resume) = (Vec::new(), None, false);
    for f in item.items.iter_mut() {
        let ImplItem::Fn(f) = f else { continue };
        match method::read(f)? {
            Role::Method(m) => methods.push(m),
            Role::Constructor(m) => constructor = Some(m),
            Role::Resume => resume = true,
            Role::Other => {}
        }
    }
    let service = &item.self_ty;
    let manifest = manifest(&attribute, &item, &methods, constructor.as_ref())?;
    let construct = construct(service, constructor.as_ref());
    let arms = methods.iter().enumerate().map(|(i, m)| {
        let (read, pass) = m.read_args();
        let name = &m.ident;
        quote!(#i => { #read Answer::answer(self.#name(#(#pass),*)) })
    });
    let resume = resume.then(|| {
        quote!(
            fn resume(&mut self) {
                self.on_resume()
            }
        )
    });
    Ok(quote! {
        #item

        const _: () = {
            use ::amino::internal::{Answer, Args, Manifest, Method, Param, Wit};

            impl ::amino::guest::Microservice for #service {
                const MANIFEST: Manifest = #manifest;
                fn construct(#[allow(unused_mut)] mut args: Args) -> ::amino::Result<Self> { #construct }
                #[allow(unused_mut, unused_variables)]
                fn call(&mut self, method: usize, mut args: Args) -> ::amino::Result<::amino::Value> {
                    match method {
                        #(#arms)*
                        _ => ::std::unreachable!("the manifest has no such method"),
                    }
                }
                #resume
            }
        };

        ::amino::__export!(#service);
    })
}

fn manifest(
    attribute: &Attribute,
    item: &ItemImpl,
    methods: &[Method],
    constructor: Option<&Method>,
) -> syn::Result<TokenStream> {
    let name = match (&attribute.name, &*item.self_ty) {
        (Some(name), _) => name.value(),
        (None, Type::Path(p)) => p.path.segments.last().map(|s| lower(&s.ident.to_string(), '-')).unwrap_or_default(),
        (None, other) => return Err(Error::new_spanned(other, "give the microservice a name = \"...\"")),
    };
    let valid = name.len() <= 63 && name.starts_with(|c: char| c.is_ascii_lowercase());
    if !valid || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
        let at = attribute.name.as_ref().map_or(item.self_ty.to_token_stream(), ToTokens::to_token_stream);
        return Err(Error::new_spanned(
            at,
            "a microservice's name is lower-case letters, digits and -, at most 63, a letter first",
        ));
    }
    let doc = doc(&item.attrs);
    let dms = &attribute.dms;
    let methods = methods.iter().map(|m| m.describe(false));
    let constructor = match constructor.map(|c| c.describe(true)) {
        Some(c) => quote!(::std::option::Option::Some(&#c)),
        None => quote!(::std::option::Option::None),
    };
    Ok(quote! {
        Manifest { name: #name, doc: #doc, constructor: #constructor, methods: &[#(#methods),*], dms: &[#(#dms),*] }
    })
}

/// Returns the body that makes the initial state: `new`, which may fail, or the default.
fn construct(service: &Type, constructor: Option<&Method>) -> TokenStream {
    let Some(c) = constructor else {
        return quote!(::std::mem::drop(args); ::std::result::Result::Ok(<#service as ::std::default::Default>::default()));
    };
    let (read, pass) = c.read_args();
    quote!(#read ::amino::internal::Constructed::constructed(<#service>::new(#(#pass),*)))
}

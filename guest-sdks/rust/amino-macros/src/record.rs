use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Data, DataEnum, DeriveInput, Error, Fields, FieldsNamed, Ident};

use crate::attribute::lower;

/// Expands the derive.
pub fn expand(item: DeriveInput) -> syn::Result<TokenStream> {
    let problem = "a record is a struct with named fields, or an enum without fields; neither has generics";
    if !item.generics.params.is_empty() {
        return Err(Error::new_spanned(&item.generics, problem));
    }
    match &item.data {
        Data::Struct(s) => match &s.fields {
            Fields::Named(fields) => Ok(structure(&item.ident, fields)),
            _ => Err(Error::new_spanned(&item.ident, problem)),
        },
        Data::Enum(e) if e.variants.iter().all(|v| v.fields.is_empty()) => Ok(enumeration(&item.ident, e)),
        _ => Err(Error::new_spanned(&item.ident, problem)),
    }
}

fn structure(name: &Ident, fields: &FieldsNamed) -> TokenStream {
    let idents: Vec<_> = fields.named.iter().filter_map(|f| f.ident.as_ref()).collect();
    let keys: Vec<_> = idents.iter().map(|i| i.unraw().to_string()).collect();
    quote! {
        impl ::amino::IntoValue for #name {
            const WIT: ::amino::internal::Wit = ::amino::internal::RECORD;
            fn into_value(self) -> ::amino::Value {
                ::amino::internal::record([#((#keys, ::amino::IntoValue::into_value(self.#idents))),*])
            }
        }
        impl ::amino::FromValue for #name {
            fn from_value(v: ::amino::Value) -> ::std::result::Result<Self, ::amino::Mismatch> {
                let mut fields = ::amino::internal::fields(v)?;
                ::std::result::Result::Ok(#name { #(#idents: ::amino::internal::field(&mut fields, #keys)?),* })
            }
        }
    }
}

fn enumeration(name: &Ident, e: &DataEnum) -> TokenStream {
    let variants: Vec<_> = e.variants.iter().map(|v| &v.ident).collect();
    let texts: Vec<_> = variants.iter().map(|v| lower(&v.to_string(), '_')).collect();
    let want = format!("one of {}", texts.join(", "));
    quote! {
        impl ::amino::IntoValue for #name {
            const WIT: ::amino::internal::Wit = <::std::string::String as ::amino::IntoValue>::WIT;
            fn into_value(self) -> ::amino::Value {
                ::amino::Value::Text(match self { #(#name::#variants => #texts),* }.into())
            }
        }
        impl ::amino::FromValue for #name {
            fn from_value(v: ::amino::Value) -> ::std::result::Result<Self, ::amino::Mismatch> {
                match &v {
                    #(::amino::Value::Text(t) if t == #texts => ::std::result::Result::Ok(#name::#variants),)*
                    other => ::std::result::Result::Err(::amino::Mismatch::new(#want, other)),
                }
            }
        }
    }
}

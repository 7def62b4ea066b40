//! The macros of the crate `amino`; see there.

mod attribute;
mod method;
mod microservice;
mod record;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;
use syn::parse_macro_input;

/// Makes the type of an `impl` block a microservice.
///
/// ```ignore
/// /// What it is, for the manifest.
/// #[amino::microservice(name = "price-list", dms("LeaseCaching(ttl=10s)"))]
/// impl PriceList {
///     pub fn new(#[default = "EUR"] currency: String) -> Self { ... }
///     pub fn set(&mut self, sku: String, cents: i64) -> Result<(), String> { ... }
///     pub fn price(&self, sku: &str) -> Option<i64> { ... }
/// }
/// ```
///
/// - Every `pub fn` that takes `&self` or `&mut self` is a method; `&self` declares it readonly.
/// - `pub fn new` is the constructor. Without `new` the type is a [`Default`].
/// - Parameters at the end that are an `Option` or have a `#[default = ...]` may be left out. A null
///   stands for the default.
/// - Parameters are types that are `FromValue`, or `&str` and `&[T]`. Results are `IntoValue`, or a
///   `Result` of one whose error is `Display`.
/// - `fn on_resume(&mut self)`, if there is one, runs after a restore into another microservice
///   (a fork, a copy or a replica): reseed random generators there.
/// - `name` is the type's name in lower case with `-` between words, unless given. `dms` is the
///   default chain of deployment managers. Doc comments go into the manifest.
///
/// A crate has one microservice.
#[proc_macro_attribute]
pub fn microservice(attr: TokenStream, item: TokenStream) -> TokenStream {
    let attr = parse_macro_input!(attr as attribute::Attribute);
    let item = parse_macro_input!(item as syn::ItemImpl);
    microservice::expand(attr, item).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a struct with named fields a value: a map from the fields' names. Fields that a map has too
/// many are ignored, and `Option`s that it lacks are `None`. An enum without fields becomes a text.
#[proc_macro_derive(Record)]
pub fn record(item: TokenStream) -> TokenStream {
    record::expand(parse_macro_input!(item as syn::DeriveInput)).unwrap_or_else(syn::Error::into_compile_error).into()
}

//! What the macros refuse, and how they say it.

use syn::parse_quote;

use crate::attribute::Attribute;

fn refused(item: syn::ItemImpl) -> String {
    crate::microservice::expand(Attribute::default(), item).expect_err("it is refused").to_string()
}

#[test]
fn a_microservice_is_a_plain_impl_block() {
    let want = "a microservice is a plain impl block, of no trait and without generics";
    assert_eq!(refused(parse_quote!(impl Clone for S {})), want);
    assert_eq!(
        refused(parse_quote!(
            impl<T> S<T> {}
        )),
        want
    );
}

#[test]
fn methods_borrow_self_and_name_their_parameters() {
    let want = "a method takes &self or &mut self";
    assert_eq!(refused(parse_quote!(impl S { pub fn f(self) {} })), want);
    let want = "a parameter needs a name that callers can be told";
    assert_eq!(refused(parse_quote!(impl S { pub fn f(&self, (a, b): (u8, u8)) {} })), want);
    let want = "a microservice's methods are not async: calls wait";
    assert_eq!(refused(parse_quote!(impl S { pub async fn f(&self) {} })), want);
}

#[test]
fn defaults_are_written_as_a_value() {
    assert_eq!(refused(parse_quote!(impl S { pub fn new(#[default(1)] a: u8) -> S {} })), "write #[default = value]");
}

#[test]
fn names_are_checked() {
    let want = "a microservice's name is lower-case letters, digits and -, at most 63, a letter first";
    assert_eq!(refused(parse_quote!(impl Größe {})), want);
    assert_eq!(
        refused(parse_quote!(
            impl (u8, u8) {}
        )),
        "give the microservice a name = \"...\""
    );
}

#[test]
fn records_are_structs_and_plain_enums() {
    let want = "a record is a struct with named fields, or an enum without fields; neither has generics";
    let items: [syn::DeriveInput; 4] = [
        parse_quote!(
            struct S(u8);
        ),
        parse_quote!(
            struct S<T> {
                t: T,
            }
        ),
        parse_quote!(
            enum E {
                A(u8),
            }
        ),
        parse_quote!(union U { a: u8 }),
    ];
    for item in items {
        assert_eq!(crate::record::expand(item).expect_err("it is refused").to_string(), want);
    }
}

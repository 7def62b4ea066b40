use std::collections::BTreeMap;

use amino::{Error, Result};

/// The price list. All amounts are in cents.
pub struct Pricing {
    prices: BTreeMap<String, i64>,
}

impl Default for Pricing {
    fn default() -> Self {
        let prices = [("book", 1990), ("coffee", 720), ("mug", 1250), ("tea", 450)];
        Pricing {
            prices: prices.map(|(sku, cents)| (sku.to_string(), cents)).into(),
        }
    }
}

/// Prices and discounts.
#[amino::microservice]
impl Pricing {
    /// Sets or adds a price.
    pub fn set_price(&mut self, sku: String, cents: i64) -> Result<(), String> {
        if cents < 0 {
            return Err(format!("price {cents} of {sku:?} is negative"));
        }
        self.prices.insert(sku, cents);
        Ok(())
    }

    /// Returns the price of an article, if there is such an article.
    pub fn price(&self, sku: &str) -> Option<i64> {
        self.prices.get(sku).copied()
    }

    /// Returns the price list.
    pub fn prices(&self) -> &BTreeMap<String, i64> {
        &self.prices
    }

    /// Returns the net price, discount, tax and gross price of a basket: how many of which article.
    pub fn quote(
        &self,
        country: &str,
        basket: BTreeMap<String, u32>,
    ) -> Result<BTreeMap<String, i64>> {
        if basket.is_empty() {
            return Err(Error::new("the basket is empty"));
        }
        let (mut net, mut discount) = (0i64, 0i64);
        for (sku, &quantity) in &basket {
            let price = self
                .price(sku)
                .ok_or_else(|| Error::new(format!("no such article {sku:?}")))?;
            let line = price.saturating_mul(quantity.into());
            let off = if quantity >= 10 { line / 10 } else { 0 };
            net = net.saturating_add(line - off);
            discount = discount.saturating_add(off);
        }
        let tax: i64 = amino::call("tax", "vat", (country, net))?;
        Ok([
            ("net", net),
            ("discount", discount),
            ("tax", tax),
            ("gross", net.saturating_add(tax)),
        ]
        .map(|(k, v)| (k.to_string(), v))
        .into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use amino::{Code, Value, testing};

    fn basket(lines: &[(&str, u32)]) -> BTreeMap<String, u32> {
        lines.iter().map(|(sku, n)| (sku.to_string(), *n)).collect()
    }

    #[test]
    fn quotes_with_the_tax_of_another_microservice() {
        testing::answer(|target, method, args| {
            assert_eq!((target, method), ("tax", "vat"));
            assert_eq!(args, [Value::Text("DE".into()), Value::Int(5300)]);
            Ok(Value::Int(1007))
        });
        let quote = Pricing::default().quote(
            "DE",
            basket(&[("tea", 10), ("mug", 1), ("coffee", 0), ("book", 0)]),
        );
        let quote = quote.expect("all of it is on the list");
        assert_eq!(
            (
                quote["net"],
                quote["discount"],
                quote["tax"],
                quote["gross"]
            ),
            (5300, 450, 1007, 6307)
        );
    }

    #[test]
    fn refuses_what_it_cannot_price() {
        let mut p = Pricing::default();
        assert_eq!(
            p.set_price("tea".into(), -5),
            Err("price -5 of \"tea\" is negative".into())
        );
        let message = |b| {
            p.quote("DE", b)
                .expect_err("it has no price")
                .message()
                .to_string()
        };
        assert_eq!(message(basket(&[])), "the basket is empty");
        assert_eq!(message(basket(&[("hat", 1)])), "no such article \"hat\"");
    }

    #[test]
    fn an_error_of_tax_keeps_its_code() {
        testing::answer(|_, _, _| Err(Error::with_code(Code::LEASED, "busy")));
        let e = Pricing::default()
            .quote("DE", basket(&[("tea", 1)]))
            .expect_err("tax fails");
        assert_eq!((e.code(), e.message()), (Code::LEASED, "busy"));
    }

    #[test]
    fn prices_can_be_set() {
        let mut p = Pricing::default();
        assert_eq!((p.price("tea"), p.price("hat")), (Some(450), None));
        assert_eq!(p.set_price("hat".into(), 2500), Ok(()));
        assert_eq!((p.price("hat"), p.prices().len()), (Some(2500), 5));
    }
}

/// The state of a counter.
#[derive(Default)]
pub struct Counter {
    n: i64,
}

/// Counts.
#[amino::microservice]
impl Counter {
    /// Adds by and returns the sum.
    pub fn add(&mut self, by: i64) -> i64 {
        self.n += by;
        self.n
    }

    /// Returns the sum.
    pub fn get(&self) -> i64 {
        self.n
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        let mut c = Counter::default();
        assert_eq!((c.add(40), c.add(2), c.get()), (40, 42, 42));
    }
}

/// The state of a counter.
pub struct Counter {
    n: i64,
}

/// Counts.
#[amino::microservice]
impl Counter {
    /// Begins at start, or at 0.
    pub fn new(#[default = 0] start: i64) -> Self {
        Counter { n: start }
    }

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
        let mut c = Counter::new(0);
        assert_eq!((c.add(40), c.add(2), c.get()), (40, 42, 42));
        assert_eq!(Counter::new(40).add(2), 42);
    }
}

//! The conformance microservice (../../../CONFORMANCE.md).

use std::collections::BTreeMap;

use amino::{Code, Error, Result, Value};

pub struct Conformance {
    label: String,
    entries: BTreeMap<String, String>,
    count: i64,
    blocks: Vec<Vec<u8>>,
}

/// Shows that an SDK does what it should.
#[amino::microservice]
impl Conformance {
    pub fn new(label: Option<String>) -> Self {
        Conformance {
            label: label.unwrap_or_else(|| "none".into()),
            entries: BTreeMap::new(),
            count: 0,
            blocks: Vec::new(),
        }
    }

    pub fn label(&self) -> &str {
        &self.label
    }

    /// Returns any value as it came.
    pub fn echo(&self, v: Value) -> Value {
        v
    }

    pub fn add(&self, a: i64, b: i64) -> i64 {
        a.wrapping_add(b)
    }

    pub fn scale(&self, x: f64, by: f64) -> f64 {
        x * by
    }

    pub fn join(&self, parts: Vec<String>, sep: &str) -> String {
        parts.join(sep)
    }

    pub fn flip(&self, b: bool) -> bool {
        !b
    }

    pub fn reverse(&self, mut b: Vec<u8>) -> Vec<u8> {
        b.reverse();
        b
    }

    pub fn put(&mut self, key: String, value: String) -> u32 {
        self.entries.insert(key, value);
        self.entries.len() as u32
    }

    pub fn get(&self, key: &str) -> Option<&String> {
        self.entries.get(key)
    }

    pub fn keys(&self) -> Vec<&str> {
        self.entries.keys().map(String::as_str).collect()
    }

    pub fn count(&mut self, by: i64) -> i64 {
        self.count += by;
        self.count
    }

    pub fn fail(&mut self, msg: String) -> Result<(), String> {
        self.count += 1;
        Err(msg)
    }

    pub fn panic(&mut self, msg: &str) {
        self.count += 1;
        panic!("{msg}");
    }

    pub fn trap(&mut self) {
        self.count += 1;
        std::process::abort();
    }

    pub fn spin(&mut self) {
        loop {
            std::hint::spin_loop();
        }
    }

    pub fn grow(&mut self, mib: u32) -> Result<u32> {
        for _ in 0..mib {
            let mut block = Vec::new();
            let kept = self.blocks.len();
            block
                .try_reserve_exact(1 << 20)
                .map_err(|_| Error::with_code(Code::MEMORY_LIMIT, format!("no memory after {kept} MiB")))?;
            block.resize(1 << 20, 1);
            self.blocks.push(block);
        }
        Ok(self.blocks.len() as u32)
    }

    pub fn relay(&mut self, target: &str, method: &str, arg: Value) -> Result<Value> {
        amino::call(target, method, (arg,))
    }

    pub fn verb(&mut self, target: &str, verb: &str) -> Result<Value> {
        amino::verb(target, verb, ())
    }

    pub fn whoami(&self) -> String {
        amino::whoami().name
    }

    pub fn setting(&self, key: &str) -> Option<String> {
        amino::config(key)
    }

    pub fn say(&mut self, text: &str) {
        amino::log!("{text}");
    }

    pub fn time(&self) -> u64 {
        amino::now().nanos() as u64
    }

    pub fn dice(&self, n: u32) -> Vec<u8> {
        let mut dice = vec![0; n as usize];
        amino::random(&mut dice);
        dice
    }
}

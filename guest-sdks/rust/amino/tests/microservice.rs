//! What the attribute and the derive make of ordinary Rust.

mod common;

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use amino::guest::Microservice;
use amino::internal::{json, json_len};
use amino::{Code, Error, Level, Record, Result, Time, Value, testing};
use common::{Guest, unhex};

#[derive(Record, Clone, Debug, PartialEq)]
struct Order {
    id: u64,
    note: Option<String>,
    state: State,
}

#[derive(Record, Clone, Copy, Debug, PartialEq)]
enum State {
    Open,
    PaidInFull,
}

#[derive(Debug)]
struct TooMuch(i64);

impl fmt::Display for TooMuch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is too much", self.0)
    }
}

struct OrderBook {
    currency: String,
    total: i64,
    resumed: bool,
}

/// Keeps "orders"
/// and totals.
///
/// Of every \ kind.
#[amino::microservice(dms("LeaseCaching(ttl=10s)", "Pin(node=a)"))]
impl OrderBook {
    /// Opens the book.
    pub fn new(total: i64, #[default = "EUR"] currency: String) -> Result<Self, TooMuch> {
        if total > 1000 { Err(TooMuch(total)) } else { Ok(OrderBook { currency, total, resumed: false }) }
    }

    fn on_resume(&mut self) {
        self.resumed = true;
    }

    /// Adds.
    pub fn add(&mut self, by: i64) -> Result<i64, TooMuch> {
        self.total = self.total.checked_add(by).filter(|t| *t < 100).ok_or(TooMuch(by))?;
        Ok(self.total)
    }

    pub fn describe(&self, greeting: &str, raw: &[u8], words: &[String]) -> String {
        format!("{greeting} {} {} {raw:?} {words:?} {}", self.total, self.currency, self.resumed)
    }

    pub fn r#move(&mut self, order: Order) -> Order {
        Order { id: order.id + 1, state: State::PaidInFull, ..order }
    }

    pub fn shapes(
        &self,
        pair: (u8, char),
        map: BTreeMap<String, Vec<f64>>,
        by_id: HashMap<u32, Time>,
    ) -> Vec<(u8, char)> {
        vec![pair; map.len() + by_id.len()]
    }

    pub fn numbers(&self, small: i8, single: f32, size: usize) -> (i8, f32, usize) {
        (small, single, size)
    }

    pub fn busy(&self) -> Result<Value> {
        Err(Error::with_code(Code::LEASED, "taken"))
    }

    pub fn options(
        &self,
        first: u8,
        #[default = 2] a: u8,
        b: Option<u8>,
        #[default = "none"] c: &str,
        #[default = None] d: Option<i8>,
    ) -> String {
        format!("{first} {a} {b:?} {c} {d:?}")
    }

    pub fn parse(&self, text: &str) -> Result<i64> {
        Ok(text.parse()?)
    }

    pub fn world(&self) -> String {
        let mut dice = [0; 4];
        amino::random(&mut dice);
        amino::log!("level is {}", "info");
        amino::log!(Warning, "dice {}", dice.len());
        let after = amino::now() > Time::from_nanos(1_600_000_000_000_000_000);
        format!("{} {:?} {:?} {after}", amino::whoami().name, amino::config("a"), amino::config("b"))
    }

    pub fn helper() -> i64 {
        7
    }

    fn _private(&self) {}
}

fn guest() -> Guest<OrderBook> {
    let guest = Guest::new();
    assert_eq!(guest.call("", &[0x81, 5]).as_deref(), Ok("f6"));
    guest
}

fn call(method: &str, args: &str) -> Result<String, (u8, String)> {
    guest().call(method, &unhex(args))
}

#[test]
fn manifest() {
    const LEN: usize = json_len(&OrderBook::MANIFEST);
    const JSON: [u8; LEN] = json(&OrderBook::MANIFEST);
    let got: serde_json::Value = serde_json::from_slice(&JSON).expect("the manifest is JSON");
    let want = serde_json::json!({
        "abi": 1, "name": "order-book", "doc": "Keeps \"orders\" and totals.\nOf every \\ kind.", "language": "rust",
        "constructor": {"doc": "Opens the book.", "params": [{"name": "total", "type": "s64"}, {"name": "currency", "type": "option<string>"}]},
        "methods": [
            {"name": "add", "doc": "Adds.", "params": [{"name": "by", "type": "s64"}], "result": "s64"},
            {"name": "describe", "params": [{"name": "greeting", "type": "string"}, {"name": "raw", "type": "list<u8>"},
                {"name": "words", "type": "list<string>"}], "result": "string", "readonly": true},
            {"name": "move", "params": [{"name": "order", "type": "map<string, value>"}], "result": "map<string, value>"},
            {"name": "shapes", "params": [{"name": "pair", "type": "tuple<u8, char>"}, {"name": "map", "type": "map<string, list<f64>>"},
                {"name": "by_id", "type": "map<u32, time>"}], "result": "list<tuple<u8, char>>", "readonly": true},
            {"name": "numbers", "params": [{"name": "small", "type": "s8"}, {"name": "single", "type": "f32"}, {"name": "size", "type": "u64"}],
                "result": "tuple<s8, f32, u64>", "readonly": true},
            {"name": "busy", "params": [], "result": "value", "readonly": true},
            {"name": "options", "params": [{"name": "first", "type": "u8"}, {"name": "a", "type": "option<u8>"},
                {"name": "b", "type": "option<u8>"}, {"name": "c", "type": "option<string>"}, {"name": "d", "type": "option<s8>"}],
                "result": "string", "readonly": true},
            {"name": "parse", "params": [{"name": "text", "type": "string"}], "result": "s64", "readonly": true},
            {"name": "world", "params": [], "result": "string", "readonly": true},
        ],
        "dms": ["LeaseCaching(ttl=10s)", "Pin(node=a)"],
    });
    assert_eq!(got, want);
}

#[test]
fn constructor() {
    let new = |args: &str| Guest::<OrderBook>::new().call("", &unhex(args));
    assert_eq!(new("81191000"), Err((1, "4096 is too much".into())));
    assert_eq!(new("80"), Err((17, "new takes 2 arguments (total: s64, currency: option<string>), got 0".into())));
    assert_eq!(new("820101"), Err((17, "argument currency of new: want string, got an integer".into())));
    let usd = Guest::<OrderBook>::new();
    assert_eq!(usd.call("", &unhex("820163555344")).as_deref(), Ok("f6"));
    for args in ["8101", "8201f6", "9f01f7ff"] {
        let eur = Guest::<OrderBook>::new();
        assert_eq!(eur.call("", &unhex(args)).as_deref(), Ok("f6"));
        assert_eq!(eur.call("describe", &unhex("8361614080")), Ok(text("a 1 EUR [] [] false")));
    }
    usd.resume();
    assert_eq!(usd.call("describe", &unhex("8361614101816162")), Ok(text("a 1 USD [1] [\"b\"] true")));
    assert_eq!(OrderBook::helper(), 7);
}

/// Returns text in CBOR, in hex.
fn text(s: &str) -> String {
    let head = if s.len() < 24 { vec![0x60 | s.len() as u8] } else { vec![0x78, s.len() as u8] };
    common::hex(&[&head, s.as_bytes()].concat())
}

#[test]
fn methods_and_their_errors() {
    let guest = guest();
    let call = |method: &str, args: &str| guest.call(method, &unhex(args));
    assert_eq!(call("add", "8102").as_deref(), Ok("07"));
    assert_eq!(call("add", "811864"), Err((1, "100 is too much".into())));
    assert_eq!(call("add", "81f93c00").as_deref(), Ok("08"));
    assert_eq!(call("describe", "8361614080"), Ok(text("a 8 EUR [] [] false")));
    assert_eq!(call("busy", "80"), Err((4, "taken".into())));
    assert_eq!(call("parse", "816178"), Err((1, "invalid digit found in string".into())));
    assert_eq!(call("parse", "81623432").as_deref(), Ok("182a"));
    for hidden in ["helper", "_private", "on_resume", "new", "nope"] {
        assert_eq!(call(hidden, "80"), Err((7, format!("order-book has no method {hidden}"))));
    }
}

#[test]
fn a_call_before_the_constructor_needs_none() {
    let guest = Guest::<OrderBook>::new();
    let e = guest.call("busy", &[0x80]);
    assert_eq!(e, Err((17, "new takes 2 arguments (total: s64, currency: option<string>), got 0".into())));
}

#[test]
fn arguments_are_checked() {
    for (method, args, message) in [
        ("add", "80", "add takes 1 argument (by: s64), got 0"),
        ("busy", "8101", "busy takes no arguments, got 1"),
        ("add", "816178", "argument by of add: want s64, got text"),
        ("add", "811bffffffffffffffff", "argument by of add: want s64, got an integer"),
        ("add", "81f93e00", "argument by of add: want s64, got a float"),
        ("add", "81f6", "argument by of add: want s64, got null"),
        ("add", "a0", "the arguments are a map, want a list"),
        ("add", "81", "the arguments are broken CBOR: cut short"),
        ("describe", "836161806178", "argument raw of describe: want bytes, got a list"),
        ("describe", "836161408101", "argument words of describe: want string, got an integer"),
        ("numbers", "83187f1b002000000000000100", "argument single of numbers: want f32, got an integer"),
        ("numbers", "831880f50000", "the arguments are broken CBOR: more than one value"),
        ("numbers", "8318800000", "argument small of numbers: want s8, got an integer"),
        ("numbers", "830000", "the arguments are broken CBOR: cut short"),
        ("numbers", "83000020", "argument size of numbers: want u64, got an integer"),
        ("shapes", "83820162c3a9a0a0", ""),
        ("shapes", "8382016161a161610080", "argument map of shapes: want a list, got an integer"),
        ("shapes", "838101a0a0", "argument pair of shapes: want a list of 2, got a list"),
        ("shapes", "8382016261 62a0a0", "argument pair of shapes: want char, got text"),
        ("move", "8101", "argument order of move: want a map, got an integer"),
        ("move", "81a16269 6401", "argument order of move: want one of open, paid_in_full, got null"),
    ] {
        let got = call(method, &args.replace(' ', ""));
        match message {
            "" => assert!(got.is_ok(), "{method} {args}: {got:?}"),
            _ => assert_eq!(got, Err((17, message.into())), "{method} {args}"),
        }
    }
}

#[test]
fn arguments_at_the_end_may_be_missing_or_null() {
    for (args, want) in [
        ("8101", "1 2 None none None"),
        ("8501f6f6f6f6", "1 2 None none None"),
        ("8401f60361 78", "1 2 Some(3) x None"),
        ("8501 05f6f620", "1 5 None none Some(-1)"),
    ] {
        assert_eq!(call("options", &args.replace(' ', "")), Ok(text(want)), "{args}");
    }
    let e = call("options", "8401f60305");
    assert_eq!(e, Err((17, "argument c of options: want string, got an integer".into())));
    assert_eq!(call("options", "80").map_err(|e| e.0), Err(17));
}

#[test]
fn values_keep_their_shape() {
    assert_eq!(call("numbers", "8320f93e0018ff").as_deref(), Ok("8320f93e0018ff"));
    assert_eq!(call("numbers", "83f9c00002fb40f0000000000000").as_deref(), Ok("8321f940001a00010000"));
    assert_eq!(call("shapes", "8382016161a161788001a0").map_err(|e| e.0), Err(17));
    assert_eq!(call("shapes", "8382016161a1617881f93e00a101c100").as_deref(), Ok("828201616182016161"));
    let order = "81a462696407646e6f7465f6657374617465646f70656e656578747261f5";
    assert_eq!(call("move", order), Ok("a362696408646e6f7465f6657374617465".to_string() + &text("paid_in_full")));
    assert_eq!(call("move", "81a262696407657374617465646f70656e"), call("move", order));
}

#[test]
fn the_world_is_the_hosts() {
    testing::set_config("a", "1");
    assert_eq!(call("world", "80"), Ok(text("test Some(\"1\") None true")));
    let logged = [(Level::Info, "level is info".to_string()), (Level::Warning, "dice 4".to_string())];
    assert_eq!(testing::logged(), logged);
}

#[test]
fn calls_to_others() {
    let e = amino::call::<i64>("tax", "vat", ()).expect_err("there is none");
    assert_eq!((e.code(), e.message()), (Code::NOT_FOUND, "no microservice tax"));
    testing::answer(|_, name, _| {
        if name == "fail" { Err(Error::with_code(Code(200), "later")) } else { Ok(Value::Text("x".into())) }
    });
    assert_eq!(amino::call::<String>("a", "b", (1, "c")), Ok("x".into()));
    assert_eq!(amino::call::<char>("a", "b", ()), Ok('x'));
    let e = amino::call::<i64>("a", "b", ()).expect_err("it is text");
    assert_eq!((e.code(), e.message()), (Code::APPLICATION, "a.b answered another type: want s64, got text"));
    let e = amino::verb::<()>("a", "fail", ()).expect_err("it fails");
    assert_eq!((e.code(), e.message()), (Code(200), "later"));
}

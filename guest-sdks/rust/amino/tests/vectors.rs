//! The vectors of abi/testdata.

mod common;

use std::cell::RefCell;
use std::rc::Rc;

use amino::{Code, Value, testing};
use common::{Guest, hex, unhex, vectors};

#[derive(Default)]
struct Echo;

/// Echoes.
#[amino::microservice]
impl Echo {
    pub fn echo(&self, v: Value) -> Value {
        v
    }
}

#[test]
fn values() {
    let guest = Guest::<Echo>::new();
    let all = vectors("cbor_vectors.json");
    let all = all.as_array().expect("a list of vectors");
    assert!(all.len() > 200);
    for v in all {
        let bytes = unhex(v["hex"].as_str().expect("hex"));
        let got = guest.call("echo", &[&[0x81], bytes.as_slice()].concat());
        match (v["read"].as_str(), got) {
            (Some("yes"), Ok(out)) => {
                let also = v["also"].as_array().is_some_and(|a| a.contains(&out.as_str().into()));
                assert!(v["write"] == out.as_str() || also, "{v} was written as {out}");
            }
            (Some("no"), Err((17, _))) | (Some("may"), Ok(_) | Err((17, _))) => {}
            (_, got) => panic!("{v}: {got:?}"),
        }
    }
}

/// Cut at every place and with every byte changed, a vector still reads as something or nothing.
#[test]
fn ruined_values() {
    let guest = Guest::<Echo>::new();
    for v in vectors("cbor_vectors.json").as_array().expect("a list of vectors") {
        let bytes = [&[0x81], unhex(v["hex"].as_str().expect("hex")).as_slice()].concat();
        for at in 0..bytes.len().min(100) {
            for change in (1..=255).step_by(5) {
                let mut ruined = bytes.clone();
                ruined[at] = ruined[at].wrapping_add(change);
                if let Ok(out) = guest.call("echo", &ruined) {
                    let again = guest.call("echo", &[&[0x81], unhex(&out).as_slice()].concat());
                    assert_eq!(again.as_deref(), Ok(out.as_str()), "{}", hex(&ruined));
                }
            }
            let broken = v["read"] == "no"; // or two values, one of which is left
            assert!(broken || guest.call("echo", &bytes[..at]).is_err(), "{} cut at {at}", hex(&bytes));
        }
    }
}

#[test]
fn calls() {
    let guest = Guest::<Echo>::new();
    for v in vectors("frames.json")["call"].as_array().expect("calls") {
        let got = guest.frame(&unhex(v["hex"].as_str().expect("hex")));
        match v["method"].as_str().expect("a method") {
            "" if v["args"] == "80" => assert_eq!(got.as_deref(), Ok("f6"), "{v}"),
            "" => assert_eq!(got, Err((17, "new takes no arguments, got 1".into())), "{v}"),
            name => assert_eq!(got, Err((7, format!("echo has no method {name}"))), "{v}"),
        }
    }
    for cut in ["", "00", "00000300", "0000ff006164", "0200030061646480", "00000100ff80"] {
        assert_eq!(guest.frame(&unhex(cut)), Err((17, "the call frame is broken".into())), "{cut}");
    }
}

/// What reaches the host of a request is what the vector says of it.
#[test]
fn requests() {
    for v in vectors("frames.json")["request"].as_array().expect("requests") {
        let (Some(target), Some(name), Some(args)) = (v["target"].as_str(), v["name"].as_str(), v["args"].as_str())
        else {
            continue; // broken: for the host to refuse
        };
        let seen = Rc::new(RefCell::new(String::new()));
        let note = seen.clone();
        testing::answer(move |target, name, args| {
            *note.borrow_mut() = format!("{target} {name} {args:?}");
            Ok(Value::Null)
        });
        let sent: amino::Result<()> = match args {
            "80" if v["kind"] == 1 => amino::verb(target, name, ()),
            "80" => amino::call(target, name, ()),
            "8105" => amino::call(target, name, (5,)),
            "82616b8201f6" => amino::call(target, name, ("k", (1, None::<bool>))),
            other => panic!("no case for the arguments {other}"),
        };
        assert_eq!(sent, Ok(()));
        let want = match args {
            "80" => "[]",
            "8105" => "[Int(5)]",
            _ => "[Text(\"k\"), List([Int(1), Null])]",
        };
        assert_eq!(*seen.borrow(), format!("{target} {name} {want}"));
    }
    let long = "x".repeat(70_000);
    assert_eq!(amino::call::<()>(&long, "m", ()).map_err(|e| e.code()), Err(Code::BAD_ARGUMENT));
}

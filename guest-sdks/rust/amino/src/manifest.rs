//! The manifest, written as JSON while the microservice is compiled.

use crate::types::Wit;

/// What a microservice says of itself.
pub struct Manifest {
    pub name: &'static str,
    pub doc: &'static str,
    pub constructor: Option<&'static Method>,
    pub methods: &'static [Method],
    pub dms: &'static [&'static str],
}

/// A method, or the constructor.
pub struct Method {
    pub name: &'static str,
    pub doc: &'static str,
    pub params: &'static [Param],
    pub result: Wit,
    pub readonly: bool,
}

/// A parameter. Options at the end may be left out by the caller.
pub struct Param {
    pub name: &'static str,
    pub wit: Wit,
}

/// Returns how long the JSON is.
pub const fn json_len(m: &Manifest) -> usize {
    write::<0>(m).len
}

/// Returns the JSON; N must be its length.
pub const fn json<const N: usize>(m: &Manifest) -> [u8; N] {
    write::<N>(m).buf
}

/// Returns the text of a type.
pub fn wit_text(w: &Wit) -> String {
    let mut out = Writer { buf: [0; 1024], len: 0 };
    out.wit(w);
    String::from_utf8_lossy(&out.buf[..out.len.min(1024)]).into_owned()
}

/// Text in the making. What does not fit in N bytes is only counted.
struct Writer<const N: usize> {
    buf: [u8; N],
    len: usize,
}

const fn write<const N: usize>(m: &Manifest) -> Writer<N> {
    let mut w = Writer { buf: [0; N], len: 0 };
    w.put("{\"abi\":1,\"name\":");
    w.quote(m.name);
    w.doc(m.doc);
    w.put(",\"language\":\"rust\"");
    if let Some(c) = m.constructor {
        w.put(",\"constructor\":{");
        w.params(c.params);
        w.doc(c.doc);
        w.put("}");
    }
    w.put(",\"methods\":[");
    let mut i = 0;
    while i < m.methods.len() {
        w.comma(i);
        w.method(&m.methods[i]);
        i += 1;
    }
    w.put("]");
    if !m.dms.is_empty() {
        w.put(",\"dms\":[");
        let mut i = 0;
        while i < m.dms.len() {
            w.comma(i);
            w.quote(m.dms[i]);
            i += 1;
        }
        w.put("]");
    }
    w.put("}");
    w
}

impl<const N: usize> Writer<N> {
    const fn byte(&mut self, b: u8) {
        if self.len < N {
            self.buf[self.len] = b;
        }
        self.len += 1;
    }

    const fn put(&mut self, s: &str) {
        let mut i = 0;
        while i < s.len() {
            self.byte(s.as_bytes()[i]);
            i += 1;
        }
    }

    const fn comma(&mut self, i: usize) {
        if i > 0 {
            self.put(",");
        }
    }

    const fn quote(&mut self, s: &str) {
        self.put("\"");
        let mut i = 0;
        while i < s.len() {
            match s.as_bytes()[i] {
                b'\n' => self.put("\\n"),
                b @ (b'"' | b'\\') => {
                    self.byte(b'\\');
                    self.byte(b);
                }
                b @ ..b' ' => {
                    self.put("\\u00");
                    self.byte(b'0' + b / 16);
                    self.byte(b"0123456789abcdef"[(b % 16) as usize]);
                }
                b => self.byte(b),
            }
            i += 1;
        }
        self.put("\"");
    }

    const fn doc(&mut self, doc: &str) {
        if !doc.is_empty() {
            self.put(",\"doc\":");
            self.quote(doc);
        }
    }

    const fn method(&mut self, m: &Method) {
        self.put("{\"name\":");
        self.quote(m.name);
        self.doc(m.doc);
        self.put(",");
        self.params(m.params);
        if !matches!(m.result, Wit::None) {
            self.put(",\"result\":\"");
            self.wit(&m.result);
            self.put("\"");
        }
        if m.readonly {
            self.put(",\"readonly\":true");
        }
        self.put("}");
    }

    const fn params(&mut self, params: &[Param]) {
        self.put("\"params\":[");
        let mut i = 0;
        while i < params.len() {
            self.comma(i);
            self.put("{\"name\":");
            self.quote(params[i].name);
            self.put(",\"type\":\"");
            self.wit(&params[i].wit);
            self.put("\"}");
            i += 1;
        }
        self.put("]");
    }

    const fn wit(&mut self, w: &Wit) {
        match w {
            Wit::None => {}
            Wit::Word(word) => self.put(word),
            Wit::List(item) => self.generic("list<", item),
            Wit::Option(some) => self.generic("option<", some),
            Wit::Map(key, value) => {
                self.put("map<");
                self.wit(key);
                self.put(", ");
                self.wit(value);
                self.put(">");
            }
            Wit::Tuple(items) => {
                self.put("tuple<");
                let mut i = 0;
                while i < items.len() {
                    self.put(if i > 0 { ", " } else { "" });
                    self.wit(&items[i]);
                    i += 1;
                }
                self.put(">");
            }
        }
    }

    const fn generic(&mut self, open: &str, inner: &Wit) {
        self.put(open);
        self.wit(inner);
        self.put(">");
    }
}

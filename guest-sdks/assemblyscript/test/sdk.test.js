// The SDK through the eyes of a user: types, errors, calls to others, the standard library, mistakes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, beforeEach, describe, it } from "node:test";
import { Guest, build } from "./host.js";

const APPLICATION = 1, UNKNOWN_METHOD = 7, NOT_FOUND = 8, BAD_ARGUMENT = 17;

let wasm, guest;
before(() => (wasm = build(readFileSync(new URL("types.ts", import.meta.url), "utf8"))));
beforeEach(() => {
  guest = new Guest(wasm);
  assert.equal(guest.construct("8101").code, 0);
});

const text = (s) => (0x60 + Buffer.byteLength(s)).toString(16) + Buffer.from(s).toString("hex");
const args = (...values) => (0x80 + values.length).toString(16) + values.join("");
const fails = (reply, code, message) => {
  assert.equal(reply.code, code, JSON.stringify(reply));
  assert.match(reply.message, message);
};

describe("manifest", () => {
  it("names, documents and types what others may call", () => {
    const m = guest.manifest;
    assert.equal(m.abi, 1);
    assert.equal(m.name, "types-as");
    assert.equal(m.doc, "Shows every type.\n\nIn two paragraphs.");
    assert.equal(m.language, "assemblyscript");
    assert.deepEqual(m.dms, ["LeaseCaching(ttl=10s)", "KeepInPlace"]);
    assert.equal(m.constructor.doc, "Begins at start and makes a step.");
    assert.deepEqual(m.constructor.params, [
      { name: "start", type: "s64" }, { name: "step", type: "option<s64>" }, { name: "label", type: "option<string>" },
    ]);
    const type = (name) => {
      const { params, result } = m.methods.find((x) => x.name === name);
      assert.equal(params[0].type, result);
      return result;
    };
    const types = {
      bool: "bool", i8: "s8", u64: "u64", f32: "f32", string: "string", uint8_array: "list<u8>", static_bytes: "list<u8>",
      list: "list<list<string>>", map: "map<string, list<f64>>", int_map: "map<s32, option<string>>",
      optional_bytes: "option<list<u8>>", values: "list<value>", alias: "s64", color: "s32",
    };
    for (const [name, wit] of Object.entries(types)) assert.equal(type(name), wit, name);
    assert.deepEqual(m.methods.find((x) => x.name === "sum"), { name: "sum", result: "s64", readonly: true });
    assert.deepEqual(m.methods.find((x) => x.name === "nothing"), { name: "nothing" });
  });

  it("leaves out what is private, static, an accessor or begins with _", () => {
    const names = guest.manifest.methods.map((m) => m.name);
    for (const name of ["hidden", "shielded", "_internal", "helper", "size", "dig"]) {
      assert.ok(!names.includes(name), name);
      fails(guest.call(name), UNKNOWN_METHOD, /no method/);
    }
  });

  it("imports nothing but the ABI", () => {
    for (const { module, name } of WebAssembly.Module.imports(guest.module)) {
      assert.equal(module, "amino");
      assert.ok(["invoke", "take", "self", "config", "log", "now", "random"].includes(name), name);
    }
  });
});

describe("constructor", () => {
  it("fills in defaults, which may use earlier parameters", () => {
    assert.equal(guest.call("sum").value, "03");
    assert.equal(guest.call("label_of").value, "f6");
    guest = new Guest(wasm);
    guest.construct(args("01", "05", text("x")));
    assert.equal(guest.call("sum").value, "06");
    assert.equal(guest.call("label_of").value, text("x"));
  });

  it("takes a null for the default", () => {
    guest = new Guest(wasm);
    assert.equal(guest.construct(args("02", "f6", text("x"))).code, 0);
    assert.equal(guest.call("sum").value, "06");
    assert.equal(guest.call("label_of").value, text("x"));
  });

  it("refuses wrong arguments and may fail", () => {
    guest = new Guest(wasm);
    fails(guest.construct(), BAD_ARGUMENT, /argument start: missing/);
    fails(guest.construct(args("01", "02", "f6", "00")), BAD_ARGUMENT, /more than 3/);
    fails(guest.construct("8120"), APPLICATION, /^start is negative$/);
    fails(guest.call("sum"), 25, /constructor has not been called/);
  });
});

describe("types", () => {
  const returns = {
    bool: ["f4", "f5"],
    i8: ["00", "387f", "187f"],
    i16: ["397fff", "197fff"],
    i32: ["3a7fffffff", "1a7fffffff"],
    i64: ["3b7fffffffffffffff", "1b7fffffffffffffff", "20"],
    u8: ["18ff"],
    u16: ["19ffff"],
    u32: ["1affffffff"],
    u64: ["1bffffffffffffffff"],
    f32: ["f93c00", "fa47c35000", "f97c00", "f90001"],
    f64: ["fb3ff199999999999a", "f9fc00", "f97e00"],
    string: ["60", text("é"), "64f09f9982"],
    uint8_array: ["40", "43010203"],
    array_buffer: ["43010203"],
    static_bytes: ["43010203"],
    array_bytes: ["43010203"],
    static_ints: ["80", "83012003"],
    list: ["80", "8280816161"],
    map: ["a0", "a26161806162" + "81f93c00"],
    int_map: ["a201616120f6"],
    optional_bytes: ["f6", "4101"],
    values: ["84f6a1016161c1004101"],
    alias: ["18ff"],
    color: ["01"],
  };
  for (const [method, values] of Object.entries(returns)) {
    it(`${method} comes back as it went`, () => {
      for (const v of values) assert.equal(guest.call(method, args(v)).value, v, v);
    });
  }

  it("converts what loses nothing", () => {
    assert.equal(guest.call("i8", args("f9d800")).value, "387f"); // -128.0
    assert.equal(guest.call("u64", args("fb43e0000000000000")).value, "1b8000000000000000");
    assert.equal(guest.call("f64", args("1b0020000000000000")).value, "fa5a000000");
    assert.equal(guest.call("f32", args("1a01000000")).value, "fa4b800000");
    assert.equal(guest.call("f32", args("fb3fb999999999999a")).value, "fa3dcccccd"); // rounded
    assert.equal(guest.call("uint8_array", args("83010203")).value, "43010203");
    assert.equal(guest.call("string", args("d9d9f76161")).value, text("a"));
    assert.equal(guest.call("optional_bytes", args("f7")).value, "f6");
    assert.equal(guest.call("bool", "9ff5ff").value, "f5");
  });

  it("refuses what loses something", () => {
    const wrong = {
      bool: ["00", "f6"], i8: ["1880", "3880", "f93e00", "6131"], u8: ["20", "190100", "f5"], u64: ["20", "fb43f0000000000000"],
      i64: ["1b8000000000000000", "3b8000000000000000"], f64: ["1b0020000000000001", "6131"], f32: ["1a01000001", "fb7fefffffffffffff"],
      string: ["f6", "01", "4161", "61ff"], uint8_array: ["6161", "8119" + "0100"], list: ["8101", "a0"],
      map: ["80", "a10180", "a16161"], int_map: ["a1616160"], values: ["8161"],
    };
    for (const [method, values] of Object.entries(wrong)) {
      for (const v of values) fails(guest.call(method, args(v)), BAD_ARGUMENT, /^argument v: /);
    }
    fails(guest.call("i8", args("6131")), BAD_ARGUMENT, /^argument v: want s8, got text$/);
    fails(guest.call("i8", args("1880")), BAD_ARGUMENT, /^argument v: want s8, got an integer out of its range$/);
  });

  it("counts arguments", () => {
    fails(guest.call("i8"), BAD_ARGUMENT, /^argument v: missing$/);
    fails(guest.call("i8", args("01", "02")), BAD_ARGUMENT, /more than 1/);
    fails(guest.call("nothing", args("01")), BAD_ARGUMENT, /more than 0/);
    fails(guest.call("nothing", "00"), BAD_ARGUMENT, /want list, got an integer/);
    fails(guest.call("nothing", ""), BAD_ARGUMENT, /cut short/);
    fails(guest.call("nothing", "8000"), BAD_ARGUMENT, /something follows/);
    assert.equal(guest.call("http_get", args("03")).value, "0c");
    assert.equal(guest.call("http_get", args("03", "05")).value, "0f");
  });

  it("lets arguments at the end be missing or null", () => {
    const types = guest.manifest.methods.find((m) => m.name === "maybe").params.map((p) => p.type);
    assert.deepEqual(types, ["s32", "option<string>", "option<s32>", "option<string>"]);
    const given = {
      "1 7 none": ["8101", "8201f6", "8401f6f7f6", "9f01ff", "9f01f6f6ff", "8301d9d9f7f6f6"],
      "1 7 b": ["82016162", "9f016162ff", "84016162f6f6"],
      "1 2 b": ["8301616202"],
      "1 2 d": ["8401616202" + "6164", "8401f6026164"],
    };
    for (const [want, list] of Object.entries(given)) {
      for (const a of list) assert.deepEqual(guest.call("maybe", a), { code: 0, value: text(want) }, a);
    }
    fails(guest.call("maybe", "80"), BAD_ARGUMENT, /^argument a: missing$/);
    fails(guest.call("maybe", "8301f66162"), BAD_ARGUMENT, /^argument c: want s32, got text$/);
    fails(guest.call("maybe", "8501f6f6f600"), BAD_ARGUMENT, /more than 4/);
    fails(guest.call("maybe", "9f01f61c"), BAD_ARGUMENT, /reserved length/);
    fails(guest.call("maybe", "9f01"), BAD_ARGUMENT, /cut short/);
  });

  it("looks into values", () => {
    const kinds = ["f6", "f5", "20", "f93c00", "6161", "4161", "80", "a0", "c100"];
    kinds.forEach((v, i) => assert.equal(guest.call("kind", args(v)).value, "0" + i, v));
    assert.equal(guest.call("as_i64", args("f93c00")).value, "01");
    fails(guest.call("as_i64", args("6161")), APPLICATION, /^want s64, got text$/);
    assert.equal(guest.call("none").value, "f6");
    assert.equal(guest.call("mixed").value, args(text("a"), "01", "81f93e00", "f6"));
  });
});

describe("errors", () => {
  it("fail ends the method with the state as it is", () => {
    fails(guest.call("failing", args(text("no"))), APPLICATION, /^no$/);
    assert.equal(guest.call("sum").value, "1903eb"); // 3 + 1000
    fails(guest.call("failing_deep", args("0a")), APPLICATION, /^the bottom$/);
  });

  it("throw does too, from library code and callbacks", () => {
    fails(guest.call("throw_in_callback"), APPLICATION, /^two$/);
    fails(guest.call("out_of_bounds", args("03")), APPLICATION, /range/);
    assert.equal(guest.call("out_of_bounds", args("02")).value, "03");
    fails(guest.call("assertion", args("f4")), APPLICATION, /^not so$/);
    assert.match(guest.logs.at(-1)[1], /^not so \(index\.ts:\d+\)$/);
    fails(guest.call("too_long"), APPLICATION, /length/i);
  });

  it("survives an overflow of the collector's stack", () => {
    for (let i = 0; i < 3; i++) fails(guest.call("recurse", args("60")), APPLICATION, /stack overflow/);
    assert.equal(guest.call("failing_deep", args("18ff")).message, "the bottom");
    assert.equal(guest.call("churn", args("1903e8")).value, "0a");
  });

  it("throws thousands of times without losing memory", () => {
    const size = () => guest.exports.memory.buffer.byteLength;
    for (let i = 0; i < 2000; i++) guest.call("failing_deep", args("1864"));
    const before = size();
    for (let i = 0; i < 4000; i++) guest.call("failing_deep", args("1864"));
    assert.equal(size(), before);
  });
});

describe("calls to others", () => {
  it("sends a request frame and reads the reply", () => {
    guest.replies.push("00001864");
    assert.equal(guest.call("ask", args(text("counter"), "05")).value, "1864");
    const frame = "0000" + "0700" + "0300" + Buffer.from("counteradd").toString("hex") + args("05", text("why"), "f6", "820102");
    assert.deepEqual(guest.requests, [frame]);
    assert.equal(guest.call("sum").value, "1867"); // 3 + 100
  });

  it("passes an error on unless something else is made of it", () => {
    const absent = "0800" + Buffer.from("no such microservice").toString("hex");
    guest.replies.push(absent, absent, absent);
    fails(guest.call("ask", args(text("counter"), "05")), NOT_FOUND, /^no such microservice$/);
    assert.equal(guest.call("sum").value, "03");
    assert.equal(guest.call("ask_or", args(text("counter"))).value, "20");
    const code = guest.call("ask_code", args(text("counter"))).value;
    assert.equal(Buffer.from(code.slice(4), "hex").toString(), "absent: no such microservice");
  });

  it("makes a bad reply an error", () => {
    guest.replies.push("00006161", "0000", "00");
    fails(guest.call("ask", args(text("counter"), "05")), 18, /want s64, got text/);
    fails(guest.call("ask", args(text("counter"), "05")), 18, /want s64, got null/);
    fails(guest.call("ask", args(text("counter"), "05")), 18, /header/);
  });

  it("sends verbs", () => {
    guest.replies.push("0000a0");
    assert.equal(guest.call("send", args(text("kv"))).value, "a0");
    assert.equal(guest.requests[0], "0100" + "0200" + "0a00" + Buffer.from("kvcheckpoint").toString("hex") + args(text("now")));
  });
});

describe("host", () => {
  it("tells who it is", () => assert.equal(guest.call("who").value, args(text("me"), text("r1"), text("k1"))));

  it("puts the standard library on the ABI's imports", () => {
    guest.clock = 1_700_000_000_123_000_000n;
    guest.settings.set("greeting", "hello");
    assert.equal(guest.call("std").code, 0);
    assert.deepEqual(guest.logs, [
      [1, "logged"], [3, "bad"], [3, "Assertion failed: asserted"], [0, "traced 1.0 2.5"], [1, "hello"],
    ]);
  });

  it("reseeds Math.random when a copy resumes", () => {
    guest.call("dice");
    const copy = new Guest(wasm);
    new Uint8Array(copy.exports.memory.buffer); // as large as guest's
    copy.construct("8101");
    guest.exports.amino_resume();
    copy.exports.amino_resume();
    assert.notEqual(guest.call("dice").value, copy.call("dice").value);
  });

  it("keeps what is alive while the collector works", () => {
    for (let i = 0; i < 20; i++) assert.equal(guest.call("churn", args("1927" + "10")).value, "1864");
    assert.ok(guest.exports.memory.buffer.byteLength < 4 << 20);
  });

  it("takes and gives large frames, and lets their memory go", () => {
    const big = Buffer.alloc(1 << 20, "x").toString("hex");
    for (let i = 0; i < 10; i++) assert.equal(guest.call("string", "817a00100000" + big).value, "7a00100000" + big);
    assert.equal(guest.call("i8", args("01")).value, "01");
    assert.ok(guest.exports.memory.buffer.byteLength < 64 << 20);
  });
});

describe("names and docs", () => {
  it("come from the source", () => {
    const { manifest } = new Guest(build(`
      /** Not this one. */
      class Other {}

      /**
       * Lists prices.
       *   indented
       */
      @microservice({ dms: ["Immutable"] })
      export class HTTPPriceList2 {
        /* not a doc comment */
        plain(): void {}
        // neither
        line(): void {}
        /** One line. */
        @readonly getURLOf(): i32 { return 1; }
        /** Before. */
        public put2Things(): void {} /** Of the next. */ next(): void {}
      }`));
    assert.equal(manifest.name, "http-price-list2");
    assert.equal(manifest.doc, "Lists prices.\n  indented");
    assert.equal(manifest.constructor, Object.prototype.constructor); // none of its own
    assert.deepEqual(manifest.methods, [
      { name: "plain" },
      { name: "line" },
      { name: "get_url_of", doc: "One line.", result: "s32", readonly: true },
      { name: "put2_things", doc: "Before." },
      { name: "next", doc: "Of the next." },
    ]);
  });
});

describe("start", () => {
  it("traps when something is thrown before the first call, and logs what", () => {
    const module = build('@microservice class A { f(): void {} }\nif (Math.random() < 2) throw new Error("too early");');
    const guest = new Guest(module, false);
    assert.throws(() => guest.exports._initialize(), WebAssembly.RuntimeError);
    assert.match(guest.logs[0][1], /^too early \(index\.ts:2\)$/);
  });
});

describe("mistakes", () => {
  const wrong = (source, message) => assert.throws(() => build(source), message);
  it("names them, and their place", () => {
    wrong("export class A {}", /no class is marked @microservice/);
    wrong("@microservice class A {} @microservice class B {}", /this is the second[^]*index\.ts\(1,/);
    wrong("@microservice class A<T> {}", /cannot be generic/);
    wrong("@microservice class A { f<T>(): void {} }", /cannot be generic/);
    wrong("class P {} @microservice class A { f(p: P): void {} }", /type "P" cannot be passed[^]*index\.ts\(1,/);
    wrong("@microservice class A { f(): Map<f64, i32> { return new Map(); } }", /type "Map<f64, i32>" cannot be passed/);
    wrong("@microservice class A { putAll(): void {} PutAll(): void {} }", /two methods are called "put_all"/);
    wrong('@microservice({ nome: "x" }) class A {}', /@microservice takes/);
    wrong('@microservice({ name: "No" }) class A {}', /"No" is no name of a microservice/);
  });
});

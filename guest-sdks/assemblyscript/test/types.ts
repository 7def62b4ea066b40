// What test/sdk.test.js calls: every type, every import, every way to fail.

import { Args, Code, Kind, Result, Value, arg, call, config, fail, log, now, random, tryCall, verb, whoami } from "amino";

type Cents = i64;

enum Color {
  Red,
  Green,
}

class Node {
  constructor(public next: Node | null, public name: string) {}
}

/**
 * Shows every type.
 *
 * In two paragraphs.
 */
@microservice({ name: "types-as", dms: ["LeaseCaching(ttl=10s)", "KeepInPlace"] })
export class Types {
  private total: i64;
  private kept: Array<string> = [];
  static made: i32 = 0;

  /** Begins at start and makes a step. */
  constructor(start: i64, step: i64 = 2 * start, private label: string | null = null) {
    if (start < 0) fail("start is negative");
    this.total = start + step;
  }

  @readonly sum(): i64 { return this.total; }
  @readonly labelOf(): string | null { return this.label; }

  bool(v: bool): bool { return v; }
  i8(v: i8): i8 { return v; }
  i16(v: i16): i16 { return v; }
  i32(v: i32): i32 { return v; }
  i64(v: i64): i64 { return v; }
  u8(v: u8): u8 { return v; }
  u16(v: u16): u16 { return v; }
  u32(v: u32): u32 { return v; }
  u64(v: u64): u64 { return v; }
  f32(v: f32): f32 { return v; }
  f64(v: f64): f64 { return v; }
  string(v: string): string { return v; }
  Uint8Array(v: Uint8Array): Uint8Array { return v; }
  ArrayBuffer(v: ArrayBuffer): ArrayBuffer { return v; }
  staticBytes(v: StaticArray<u8>): StaticArray<u8> { return v; }
  arrayBytes(v: Array<u8>): Array<u8> { return v; }
  staticInts(v: StaticArray<i32>): StaticArray<i32> { return v; }
  list(v: Array<Array<string>>): Array<Array<string>> { return v; }
  map(v: Map<string, Array<f64>>): Map<string, Array<f64>> { return v; }
  intMap(v: Map<i32, string | null>): Map<i32, string | null> { return v; }
  optionalBytes(v: Uint8Array | null): Uint8Array | null { return v; }
  values(v: Array<Value>): Array<Value> { return v; }
  alias(v: Cents): Cents { return v; }
  color(v: Color): Color { return v; }
  nothing(): void {}

  HTTPGet(a: i32, b: i32 = a + 1): i32 { return a * b; }

  maybe(a: i32, b: string | null, c: i32 = 7, d: string = b === null ? "none" : b): string { return `${a} ${c} ${d}`; }

  kind(v: Value): i32 { return v.kind; }
  asI64(v: Value): i64 { return v.as<i64>(); }
  none(): Value { return Value.null; }
  mixed(): Array<Value> { return [Value.of("a"), Value.of(1), Value.of([1.5]), Value.null]; }

  failing(msg: string): i64 {
    this.total += 1000;
    fail(msg);
    this.total += 1000;
    return 7;
  }

  failingDeep(n: i32): string {
    return this.dig(n) + "!";
  }

  private dig(n: i32): string {
    if (n == 0) return fail<string>("the bottom");
    return n.toString() + this.dig(n - 1);
  }

  throwInCallback(): i32 {
    return [1, 2, 3].map<i32>((v) => {
      if (v == 2) throw new RangeError("two");
      return v;
    }).length;
  }

  outOfBounds(i: i32): i32 { return [1, 2, 3][i]; }
  assertion(v: bool): void { assert(v, "not so"); }
  recurse(s: string): string { return this.recurse(s + "x") + "y"; }
  tooLong(): i32 { return new Array<i32>(1 << 29).length; }

  ask(target: string, by: i32): i64 {
    const got = call<i64>(target, "add", arg(by).arg("why").arg<Value>(Value.null).arg([1, 2]));
    this.total += got;
    return got;
  }

  askOr(target: string): i64 { return tryCall<i64>(target, "get").or(-1); }

  askCode(target: string): string {
    const r: Result<i64> = tryCall<i64>(target, "get", new Args());
    return r.ok ? "ok" : (r.code == Code.NotFound ? "absent: " : "other: ") + r.message;
  }

  send(target: string): Value { return verb<Value>(target, "checkpoint", arg("now")).value; }

  who(): Array<string> {
    const me = whoami();
    return [me.name, me.id, me.node];
  }

  std(): f64 {
    console.log("logged");
    console.error("bad");
    console.assert(false, "asserted");
    trace("traced", 2, 1, 2.5);
    log(config("greeting") || "none");
    const noise = new Uint8Array(4);
    crypto.getRandomValues(noise);
    assert(Date.now() * 1000000 == <i64>now());
    return Math.random() + <f64>random(2).length;
  }

  dice(): f64 { return Math.random(); }

  churn(n: i32): i32 {
    this.kept = [];
    let head: Node | null = null;
    for (let i = 0; i < n; i++) {
      head = new Node(i % 10 ? head : null, "node " + i.toString());
      if (i % 100 == 0) this.kept.push(head.name);
    }
    return this.kept.length;
  }

  private hidden(): void {}
  protected shielded(): void {}
  _internal(): void {}
  static helper(): void {}
  get size(): i32 { return 0; }
}

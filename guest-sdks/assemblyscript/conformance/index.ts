import { Args, Value, config, fail, log, now, random, tryCall, verb as sendVerb, whoami } from "amino";

/** What every SDK's conformance suite calls: see ../../CONFORMANCE.md. */
@microservice
export class Conformance {
  private entries: Map<string, string> = new Map();
  private counter: i64 = 0;
  private kept: StaticArray<u8>[] = [];
  private given: string;

  constructor(label: string = "none") {
    this.given = label;
  }

  @readonly
  label(): string {
    return this.given;
  }

  /** Returns any value as it came. */
  @readonly
  echo(v: Value): Value {
    return v;
  }

  @readonly
  add(a: i64, b: i64): i64 {
    return a + b;
  }

  @readonly
  scale(x: f64, by: f64): f64 {
    return x * by;
  }

  @readonly
  join(parts: Array<string>, sep: string): string {
    return parts.join(sep);
  }

  @readonly
  flip(b: bool): bool {
    return !b;
  }

  @readonly
  reverse(b: Uint8Array): Uint8Array {
    return b.reverse();
  }

  put(key: string, value: string): u32 {
    this.entries.set(key, value);
    return this.entries.size;
  }

  @readonly
  get(key: string): string | null {
    return this.entries.has(key) ? this.entries.get(key) : null;
  }

  @readonly
  keys(): Array<string> {
    return this.entries.keys().sort();
  }

  count(by: i64): i64 {
    return (this.counter += by);
  }

  fail(msg: string): void {
    this.counter++;
    fail(msg);
  }

  panic(msg: string): void {
    this.counter++;
    throw new Error(msg);
  }

  trap(): void {
    this.counter++;
    unreachable();
  }

  spin(): void {
    while (true) {}
  }

  /** Keeps mib more MiB; fill touches every byte. */
  grow(mib: u32): u32 {
    for (let i: u32 = 0; i < mib; i++) {
      const piece = new StaticArray<u8>(1 << 20);
      memory.fill(changetype<usize>(piece), 1, 1 << 20);
      this.kept.push(piece);
    }
    return this.kept.length;
  }

  relay(target: string, method: string, arg: Value): Value {
    const r = tryCall<Value>(target, method, new Args().arg(arg));
    return r.ok ? r.value : r.fail<Value>();
  }

  verb(target: string, verb: string): Value {
    const r = sendVerb<Value>(target, verb);
    return r.ok ? r.value : r.fail<Value>();
  }

  @readonly
  whoami(): string {
    return whoami().name;
  }

  @readonly
  setting(key: string): string | null {
    return config(key);
  }

  say(text: string): void {
    log(text);
  }

  @readonly
  time(): u64 {
    return now();
  }

  @readonly
  dice(n: u32): Uint8Array {
    return random(n);
  }
}

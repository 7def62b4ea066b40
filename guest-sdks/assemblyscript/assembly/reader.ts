import { Major, Writer } from "./writer";
import { validUtf8 } from "./utf8";

const MAX_DEPTH = 64;
const BREAK: u8 = 0xff;
const INDEFINITE: i64 = -1;

/**
 * Reader reads CBOR from a part of a buffer, in any form that RFC 8949 allows, and converts as ABI.md says.
 * AssemblyScript cannot catch, so it keeps the first error in `error`; after one, every read answers zero.
 */
export class Reader {
  /** What is wrong with the bytes; empty while nothing is. */
  error: string = "";
  private buffer: ArrayBuffer;
  private at: i32;
  private end: i32;
  private depth: i32 = 0;
  // The head read last; info is 31 for an indefinite length.
  private major: u8 = 0;
  private info: u8 = 0;
  private value: u64 = 0;
  // The content of the string read last.
  private stringIn: ArrayBuffer;
  private stringAt: i32 = 0;
  private stringLength: i32 = 0;

  constructor(buffer: ArrayBuffer, at: i32, end: i32) {
    this.buffer = buffer;
    this.at = at;
    this.end = end;
    this.stringIn = buffer;
  }

  /** Starts anew on other bytes. */
  reset(buffer: ArrayBuffer, at: i32, end: i32): void {
    this.buffer = buffer;
    this.stringIn = buffer;
    this.at = at;
    this.end = end;
    this.depth = 0;
    this.error = "";
  }

  get ok(): bool {
    return this.error.length == 0;
  }

  /** Tells whether everything is read. */
  get done(): bool {
    return this.at >= this.end;
  }

  /** Keeps the first error. */
  fail(message: string): void {
    if (this.ok) this.error = message;
    this.at = this.end;
    this.major = Major.Simple;
    this.info = 22;
    this.value = 0;
  }

  /** Reads the next head; the tags before a value are skipped. */
  private next(): void {
    do {
      this.head();
    } while (this.major == Major.Tag && this.ok);
  }

  private head(): void {
    if (this.at >= this.end) return this.fail("the CBOR is cut short");
    const first = this.peek();
    this.at++;
    this.major = first >> 5;
    this.info = first & 31;
    if (this.info < 24) {
      this.value = this.info;
      return;
    }
    if (this.info == 31) {
      if (this.major >= Major.Bytes && this.major <= Major.Map) return;
      return this.fail("the CBOR has an end or an indefinite length where none may be");
    }
    if (this.info > 27) return this.fail("the CBOR has a reserved length");
    const size = 1 << (this.info - 24);
    if (size > this.end - this.at) return this.fail("the CBOR is cut short");
    const from = changetype<usize>(this.buffer) + this.at;
    this.at += size;
    if (size == 1) this.value = load<u8>(from);
    else if (size == 2) this.value = bswap<u16>(load<u16>(from));
    else if (size == 4) this.value = bswap<u32>(load<u32>(from));
    else this.value = bswap<u64>(load<u64>(from));
    if (this.major == Major.Simple && this.info == 24 && this.value < 32) {
      this.fail("the CBOR has a simple value in two bytes that fits in one");
    }
  }

  private peek(): u8 {
    return load<u8>(changetype<usize>(this.buffer) + this.at);
  }

  /** Notes that another type was asked for than the head read last has. */
  private mismatch(want: string): void {
    this.fail("want " + want + ", got " + this.kind());
  }

  /** Names the type of the head read last. */
  private kind(): string {
    switch (this.major) {
      case Major.Uint:
      case Major.Nint: return "an integer";
      case Major.Bytes: return "bytes";
      case Major.Text: return "text";
      case Major.List: return "a list";
      case Major.Map: return "a map";
    }
    if (this.info == 20 || this.info == 21) return "a bool";
    if (this.info == 22 || this.info == 23) return "null";
    if (this.isFloat()) return "a float";
    return "a simple value that this ABI does not have";
  }

  private isFloat(): bool {
    return this.major == Major.Simple && this.info >= 25 && this.info <= 27;
  }

  private isNull(): bool {
    return this.major == Major.Simple && (this.info == 22 || this.info == 23);
  }

  /** Reads a null if one is next; else reads nothing. */
  nil(): bool {
    if (!this.ok) return true;
    const at = this.at;
    this.next();
    if (this.isNull()) return true;
    this.at = at;
    return false;
  }

  bool(): bool {
    this.next();
    if (this.major == Major.Simple && (this.info == 20 || this.info == 21)) return this.info == 21;
    this.mismatch("bool");
    return false;
  }

  /** Reads an integer, or a float that is one, within the range of T. */
  int<T extends number>(): T {
    this.next();
    if (this.isFloat()) this.integral();
    if (this.major > Major.Nint) {
      this.mismatch(wit<T>());
      return <T>0;
    }
    const negative = this.major == Major.Nint;
    if ((negative && !isSigned<T>()) || this.value > most<T>()) {
      this.fail("want " + wit<T>() + ", got an integer out of its range");
      return <T>0;
    }
    return negative ? <T>~this.value : <T>this.value;
  }

  /** Turns the float read last into the integer it equals, if it does. */
  private integral(): void {
    const f = this.floatOf();
    if (f != trunc(f) || f < -9223372036854775808.0 || f >= 18446744073709551616.0) return;
    this.major = f < 0 ? Major.Nint : Major.Uint;
    this.value = f < 0 ? ~(<u64><i64>f) : <u64>f;
  }

  /** Reads a float, or an integer that a float holds exactly. T is f32 or f64; a double is rounded to f32. */
  float<T extends number>(): T {
    this.next();
    let f: f64 = 0;
    if (this.isFloat()) {
      f = this.floatOf();
      if (sizeof<T>() == 4 && isFinite(f) && !isFinite(<f32>f)) this.fail("want f32, got a float out of its range");
    } else if (this.major <= Major.Nint) {
      const n = this.value;
      f = this.major == Major.Uint ? <f64>n : -1.0 - <f64>n;
      const limit: u64 = sizeof<T>() == 4 ? 1 << 24 : 1 << 53;
      if (n >= limit && !exact<T>(this.major == Major.Uint ? n : n + 1)) {
        this.fail("want " + wit<T>() + ", got an integer that it cannot hold exactly");
      }
    } else {
      this.mismatch(wit<T>());
    }
    return <T>f;
  }

  private floatOf(): f64 {
    if (this.info == 27) return reinterpret<f64>(this.value);
    if (this.info == 26) return <f64>reinterpret<f32>(<u32>this.value);
    const bits = <u32>this.value;
    const sign: f64 = (bits & 0x8000) ? -1 : 1;
    const exponent = (bits >> 10) & 31, mantissa = bits & 0x3ff;
    if (exponent == 31) return mantissa ? NaN : sign * Infinity;
    if (exponent == 0) return sign * <f64>mantissa / 16777216.0; // a subnormal: 2^-24 each
    return sign * <f64>reinterpret<f32>(((exponent + 112) << 23) | (mantissa << 13));
  }

  text(): string {
    this.next();
    if (this.major != Major.Text) {
      this.mismatch("string");
      return "";
    }
    this.string(Major.Text);
    return String.UTF8.decodeUnsafe(this.stringFrom(), this.stringLength);
  }

  /** Reads bytes, or a list of u8. */
  bytes(): Uint8Array {
    this.next();
    if (this.major == Major.List) return this.byteList();
    if (this.major != Major.Bytes) {
      this.mismatch("list<u8>");
      return new Uint8Array(0);
    }
    this.string(Major.Bytes);
    const out = new Uint8Array(this.stringLength);
    memory.copy(out.dataStart, this.stringFrom(), this.stringLength);
    return out;
  }

  private byteList(): Uint8Array {
    const w = new Writer();
    const n = this.enter();
    for (let i: i64 = 0; this.more(n, i); i++) w.byte(this.int<u8>());
    this.leave();
    return Uint8Array.wrap(w.finish());
  }

  private stringFrom(): usize {
    return changetype<usize>(this.stringIn) + this.stringAt;
  }

  /** Finds the content of a string whose head is read; chunks are put together elsewhere. */
  private string(major: u8): void {
    if (this.info != 31) return this.definite();
    const w = new Writer();
    while (this.more(INDEFINITE, 0)) {
      this.head();
      if (this.ok && (this.major != major || this.info == 31)) this.fail("the CBOR has a chunk of another type");
      this.definite();
      if (this.ok) w.raw(this.stringFrom(), this.stringLength);
    }
    this.stringIn = w.buffer;
    this.stringAt = 0;
    this.stringLength = this.ok ? w.length : 0;
  }

  private definite(): void {
    this.stringIn = this.buffer;
    this.stringAt = this.at;
    this.stringLength = 0;
    if (!this.ok) return;
    if (this.value > <u64>(this.end - this.at)) return this.fail("the CBOR is cut short");
    if (this.major == Major.Text && !validUtf8(changetype<usize>(this.buffer) + this.at, <i32>this.value)) {
      return this.fail("the text is not UTF-8");
    }
    this.stringLength = <i32>this.value;
    this.at += this.stringLength;
  }

  /** Opens a list. The answer goes to more; after the items comes leave. */
  list(): i64 {
    this.next();
    if (this.major != Major.List) this.mismatch("list");
    return this.enter();
  }

  /** Opens a map, as list does; each round of more reads a key and a value. */
  map(): i64 {
    this.next();
    if (this.major != Major.Map) this.mismatch("map");
    return this.enter();
  }

  private enter(): i64 {
    if (!this.ok) return 0;
    if (++this.depth > MAX_DEPTH) this.fail("the CBOR is nested more than 64 levels deep");
    if (this.info == 31) return INDEFINITE;
    if (this.value > <u64>(this.end - this.at)) this.fail("the CBOR is cut short");
    return <i64>this.value;
  }

  /** Tells whether an i-th item follows in what list or map answered n for. */
  more(n: i64, i: i64): bool {
    if (!this.ok) return false;
    if (n != INDEFINITE) return i < n;
    if (this.done) {
      this.fail("the CBOR is cut short");
      return false;
    }
    if (this.peek() != BREAK) return true;
    this.at++;
    return false;
  }

  leave(): void {
    this.depth--;
  }

  /** Copies any one value to w, in its shortest form and without the tags that are skipped. */
  copy(w: Writer): void {
    do {
      this.head();
    } while (this.major == Major.Tag && this.value > 1 && this.ok);
    switch (this.major) {
      case Major.Uint: return w.head(Major.Uint, this.value);
      case Major.Nint:
        if (this.value > <u64>i64.MAX_VALUE) return this.fail("the integer is below -2^63");
        return w.head(Major.Nint, this.value);
      case Major.Bytes:
      case Major.Text: {
        const major = this.major;
        this.string(major);
        w.head(major, this.stringLength);
        return w.raw(this.stringFrom(), this.stringLength);
      }
      case Major.List:
      case Major.Map: return this.copyItems(w, this.major);
      case Major.Tag: return this.copyTime(w);
    }
    if (this.isFloat()) w.float(this.floatOf());
    else if (this.info == 20 || this.info == 21) w.bool(this.info == 21);
    else if (this.isNull()) w.nil();
    else this.mismatch("a value");
  }

  private copyItems(w: Writer, major: u8): void {
    const start = w.length;
    const n = this.enter();
    let i: i64 = 0;
    if (n != INDEFINITE) w.head(major, n);
    for (; this.more(n, i); i++) {
      if (major == Major.Map) this.copyKey(w);
      this.copy(w);
    }
    if (n == INDEFINITE) w.insertHead(start, major, i);
    this.leave();
  }

  private copyKey(w: Writer): void {
    if (this.done) return this.fail("the CBOR is cut short");
    const major = this.peek() >> 5;
    if (major > Major.Nint && major != Major.Text) return this.fail("a map's key is neither text nor integer");
    this.copy(w);
  }

  /** Copies a time, the tag of which is read. */
  private copyTime(w: Writer): void {
    const tag = this.value;
    if (this.done) return this.fail("the CBOR is cut short");
    const first = this.peek();
    const text = first >> 5 == Major.Text, number = first >> 5 <= Major.Nint || (first >= 0xf9 && first <= 0xfb);
    if (tag == 0 ? !text : !number) return this.fail("the time is neither RFC 3339 text nor seconds");
    w.head(Major.Tag, tag);
    this.copy(w);
  }
}

/** Tells whether T, a float, holds n exactly. */
function exact<T>(n: u64): bool {
  if (n == 0) return false; // 2^64, overflown
  const zeros = ctz(n);
  return 64 - clz(n) - zeros <= (sizeof<T>() == 4 ? 24 : 53);
}

/** The greatest value of T, an integer type. */
function most<T>(): u64 {
  const bits: u64 = 8 * sizeof<T>();
  return u64.MAX_VALUE >> (64 - bits + (isSigned<T>() ? 1 : 0));
}

/** The WIT name of a number type. */
function wit<T>(): string {
  const bits = (8 * sizeof<T>()).toString();
  if (isFloat<T>()) return "f" + bits;
  return (isSigned<T>() ? "s" : "u") + bits;
}

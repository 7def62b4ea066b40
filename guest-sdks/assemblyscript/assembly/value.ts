import { read, write } from "./codec";
import { Reader } from "./reader";
import { Writer } from "./writer";

/** What a Value is. */
export const enum Kind {
  Null,
  Bool,
  Int,
  Float,
  Text,
  Bytes,
  List,
  Map,
  Time,
}

/**
 * Value is any value that may cross the wall of a microservice, kept as it crossed: `value` in a manifest.
 *
 *     const v = Value.of("tea");     v.kind == Kind.Text
 *     v.as<string>()                 "tea"; anything else than text is an error
 *     v.as<Map<string, Value>>()     looks into a map without knowing what is in it
 */
export class Value {
  private constructor(
    /** The value in CBOR, in its shortest form. */
    readonly cbor: ArrayBuffer,
  ) {}

  /** The null value. */
  static get null(): Value {
    const w = new Writer();
    w.nil();
    return new Value(w.finish());
  }

  /** Makes a Value of any type that a method may take. */
  static of<T>(v: T): Value {
    const w = new Writer();
    write<T>(w, v);
    return new Value(w.finish());
  }

  /** Reads whatever comes next. */
  static read(r: Reader): Value {
    const w = new Writer();
    r.copy(w);
    return new Value(w.finish());
  }

  write(w: Writer): void {
    w.raw(changetype<usize>(this.cbor), this.cbor.byteLength);
  }

  /** Returns the value as a T, with the conversions of ABI.md. Throws if it is none. */
  as<T>(): T {
    const r = new Reader(this.cbor, 0, this.cbor.byteLength);
    const v = read<T>(r);
    if (!r.ok) throw new Error(r.error);
    return v;
  }

  get isNull(): bool {
    return this.kind == Kind.Null;
  }

  get kind(): Kind {
    const first = load<u8>(changetype<usize>(this.cbor));
    switch (first >> 5) {
      case 0:
      case 1: return Kind.Int;
      case 2: return Kind.Bytes;
      case 3: return Kind.Text;
      case 4: return Kind.List;
      case 5: return Kind.Map;
      case 6: return Kind.Time;
    }
    if (first == 0xf6) return Kind.Null;
    return first < 0xf6 ? Kind.Bool : Kind.Float;
  }
}

// @ts-nocheck: asc settles the conditions on T for each T, which TypeScript cannot.

import { Reader } from "./reader";
import { Major, Writer } from "./writer";
import { Value } from "./value";

/** Returns the zero of T: 0, false, or no object. */
// @ts-ignore: decorator
@inline
export function zero<T>(): T {
  return isReference<T>() ? changetype<T>(0) : <T>0;
}

/** Reads a T. After an error (r.error) the answer is zero<T>(), or an unfinished list or map. */
export function read<T>(r: Reader): T {
  if (isNullable<T>()) {
    if (r.nil()) return zero<T>();
    return read<nonnull<T>>(r);
  }
  if (isBoolean<T>()) return <T>r.bool();
  else if (isInteger<T>()) return r.int<T>();
  else if (isFloat<T>()) return r.float<T>();
  else if (isString<T>()) return changetype<T>(r.text());
  else {
    const t = changetype<T>(0);
    if (t instanceof Value) return changetype<T>(Value.read(r));
    else if (t instanceof Uint8Array) return changetype<T>(r.bytes());
    else if (t instanceof ArrayBuffer) return changetype<T>(r.bytes().buffer);
    else if (t instanceof StaticArray) return changetype<T>(StaticArray.fromArray<valueof<T>>(readList<valueof<T>>(r)));
    else if (isArray<T>()) return changetype<T>(readList<valueof<T>>(r));
    else if (t instanceof Map) {
      const m = instantiate<T>();
      readMap(r, m);
      return m;
    } else ERROR("amino: this type cannot cross the wall of a microservice; see the README for those that can");
  }
}

function readList<T>(r: Reader): Array<T> {
  const out = new Array<T>();
  if (sizeof<T>() == 1 && isInteger<T>() && !isSigned<T>() && !isBoolean<T>()) {
    const bytes = r.bytes();
    for (let i = 0; i < bytes.length; i++) out.push(<T>bytes[i]);
    return out;
  }
  const n = r.list();
  for (let i: i64 = 0; r.more(n, i); i++) {
    const v = read<T>(r);
    if (r.ok) out.push(v);
  }
  r.leave();
  return out;
}

function readMap<K, V>(r: Reader, m: Map<K, V>): void {
  const n = r.map();
  for (let i: i64 = 0; r.more(n, i); i++) {
    const key = read<K>(r);
    const value = read<V>(r);
    if (r.ok) m.set(key, value);
  }
  r.leave();
}

/** Writes a T. */
export function write<T>(w: Writer, v: T): void {
  if (isNullable<T>()) {
    if (v === null) return w.nil();
    write<nonnull<T>>(w, <nonnull<T>>v);
  } else if (isBoolean<T>()) w.bool(<bool>v);
  else if (isInteger<T>()) w.int<T>(v);
  else if (isFloat<T>()) w.float(<f64>v);
  else if (isString<T>()) w.text(changetype<string>(v));
  else if (v instanceof Value) changetype<Value>(v).write(w);
  else if (v instanceof Uint8Array) {
    const b = changetype<Uint8Array>(v);
    w.bytes(b.dataStart, b.length);
  } else if (v instanceof ArrayBuffer) w.bytes(changetype<usize>(v), changetype<ArrayBuffer>(v).byteLength);
  else if (isArrayLike<T>()) writeList<T>(w, v);
  else if (v instanceof Map) writeMap(w, v);
  else ERROR("amino: this type cannot cross the wall of a microservice; see the README for those that can");
}

function writeList<T>(w: Writer, list: T): void {
  const bytes = sizeof<valueof<T>>() == 1 && isInteger<valueof<T>>() && !isSigned<valueof<T>>() && !isBoolean<valueof<T>>();
  w.head(bytes ? Major.Bytes : Major.List, list.length);
  for (let i = 0; i < list.length; i++) {
    if (bytes) w.byte(<u8>list[i]);
    else write<valueof<T>>(w, list[i]);
  }
}

function writeMap<K, V>(w: Writer, m: Map<K, V>): void {
  const keys = m.keys();
  w.head(Major.Map, keys.length);
  for (let i = 0; i < keys.length; i++) {
    write<K>(w, keys[i]);
    write<V>(w, m.get(keys[i]));
  }
}

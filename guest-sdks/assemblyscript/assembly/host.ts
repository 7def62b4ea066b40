import * as imports from "./imports";
import { read } from "./codec";
import { Reader } from "./reader";

/** How much a log line matters. */
export const enum Level {
  Debug,
  Info,
  Warning,
  Error,
}

/** Writes one line to the microservice's log. */
export function log(text: string, level: Level = Level.Info): void {
  const b = String.UTF8.encode(text);
  imports.log(level, changetype<usize>(b), b.byteLength);
}

/** Returns the configuration value of a key, or null when there is none. */
export function config(key: string): string | null {
  const b = String.UTF8.encode(key);
  const n = imports.config(changetype<usize>(b), b.byteLength);
  return n < 0 ? null : String.UTF8.decode(take(n));
}

/** Returns the wall clock in nanoseconds since 1970 UTC. */
export function now(): u64 {
  return <u64>imports.now();
}

/** Returns n random bytes of the host. */
export function random(n: i32): Uint8Array {
  const out = new Uint8Array(n);
  imports.random(out.dataStart, n);
  return out;
}

/** Who and where a microservice is. */
export class Identity {
  constructor(
    /** The microservice's name. */
    readonly name: string,
    /** The replica's id. */
    readonly id: string,
    /** The node the replica is on. */
    readonly node: string,
  ) {}
}

/** Returns who and where this microservice is, at this moment. */
export function whoami(): Identity {
  const n = imports.self();
  const r = new Reader(take(n), 0, n);
  const m = read<Map<string, string>>(r);
  return new Identity(m.get("name"), m.get("id"), m.get("node"));
}

/** Fetches the answer of n bytes that waits. */
export function take(n: i32): ArrayBuffer {
  const b = new ArrayBuffer(n);
  imports.take(changetype<usize>(b));
  return b;
}

/** Answers Math.random's wish for a seed with random bytes of the host. */
export function seed(): f64 {
  const b = new StaticArray<u64>(1);
  imports.random(changetype<usize>(b), 8);
  return reinterpret<f64>(b[0]);
}

/** Puts the parts of the standard library that need a host on the imports of ABI.md, in place of `~lib/bindings/dom`. */
import * as imports from "../amino/imports";
import { Level, log as write } from "../amino/host";

export namespace console {
  export function assert(condition: bool, message: string): void {
    if (!condition) write("Assertion failed: " + message, Level.Error);
  }
  export function log(text: string): void {
    write(text, Level.Info);
  }
  export function debug(text: string): void {
    write(text, Level.Debug);
  }
  export function info(text: string): void {
    write(text, Level.Info);
  }
  export function warn(text: string): void {
    write(text, Level.Warning);
  }
  export function error(text: string): void {
    write(text, Level.Error);
  }
}

/** What JSMath names; there is no JavaScript to lend it. */
export namespace Math {}

export namespace Date {
  export function now(): f64 {
    return <f64>(imports.now() / 1000000);
  }
}

export namespace performance {
  export function now(): f64 {
    return <f64>imports.now() / 1000000;
  }
}

export namespace crypto {
  export function getRandomValues(array: Uint8Array): void {
    imports.random(array.dataStart, array.length);
  }
}

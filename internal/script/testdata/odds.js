import { AminoError, call, microservice, now } from "amino";

console.log("read", { a: 1, b: [1n, "x"], c: new Map([[1, null]]) });
const startedAt = Date.now();
const other = microservice("other");

class Base {
  /** Is inherited. */
  inherited() {
    return "base";
  }
}

/**
 * Has the odd cases.
 *
 * @dm LeaseCaching(ttl=10s)
 */
export default class OddCases extends Base {
  thrown = 0;
  _hidden() {}
  get computed() { return 1; }

  deep(n) { return 1 + this.deep(n + 1); }
  fault() { return undefined.property; }
  notFound() { throw new AminoError("not found", "no such shelf"); }
  text() { throw "just text"; }
  never() { return new Promise(() => {}); }
  async later(v) { return [await v, await other.readAll(v)]; }
  async rejected() { await null; throw new Error("too late"); }
  caught() {
    try {
      call("other", "nothing");
    } catch (e) {
      return [e instanceof Error, e.code, e.message];
    }
  }
  /** @returns {s64} */
  inexact() { return 2 ** 60; }
  /** @param {s64} n @returns {string} */
  kind(n) { return typeof n; }
  /** @param {Map<string, u8>} m */
  sum(m) { return [...m.values()].reduce((a, b) => a + b, 0); }
  clocks() { return [startedAt, Math.abs(Date.now() - Number(now() / 1000000n)) < 60_000, new Date(Date.now()).getTime() > 0]; }
  chance() { return Math.random(); }
  itself() { const o = {}; o.o = o; return o; }
  lone() { return "a\ud800b"; }
  symbols() { return Symbol("x"); }
  skips() { return { kept: null, gone: undefined, set: new Set([1]), late: new Date(1500) }; }
  proto() { return JSON.parse('{"__proto__": 1}'); }
}

// The conformance microservice (../../CONFORMANCE.md).
import { abort, call, config, log, now, random, self } from "amino";

const MiB = 1 << 20;

/** Shows that an SDK does what it should. */
export default class Conformance {
  #label;
  #entries = new Map();
  #count = 0n;
  #kept = [];

  /** @param {string} [label] */
  constructor(label = "none") {
    this.#label = label;
  }

  /**
   * @readonly
   * @returns {string}
   */
  label() {
    return this.#label;
  }

  /**
   * Returns any value as it came.
   * @readonly
   */
  echo(v) {
    return v;
  }

  /**
   * @readonly
   * @param {bigint} a
   * @param {bigint} b
   * @returns {bigint}
   */
  add(a, b) {
    return a + b;
  }

  /**
   * @readonly
   * @param {number} x
   * @param {number} by
   * @returns {number}
   */
  scale(x, by) {
    return x * by;
  }

  /**
   * @readonly
   * @param {string[]} parts
   * @param {string} sep
   * @returns {string}
   */
  join(parts, sep) {
    return parts.join(sep);
  }

  /**
   * @readonly
   * @param {boolean} b
   * @returns {boolean}
   */
  flip(b) {
    return !b;
  }

  /**
   * @readonly
   * @param {Uint8Array} b
   * @returns {Uint8Array}
   */
  reverse(b) {
    return b.toReversed();
  }

  /**
   * @param {string} key
   * @param {string} value
   * @returns {u32}
   */
  put(key, value) {
    this.#entries.set(key, value);
    return this.#entries.size;
  }

  /**
   * @readonly
   * @param {string} key
   * @returns {?string}
   */
  get(key) {
    return this.#entries.get(key);
  }

  /**
   * @readonly
   * @returns {string[]}
   */
  keys() {
    return [...this.#entries.keys()].sort();
  }

  /**
   * @param {bigint} by
   * @returns {bigint}
   */
  count(by) {
    return (this.#count += by);
  }

  /** @param {string} msg */
  fail(msg) {
    this.#count++;
    throw new Error(msg);
  }

  /** @param {string} msg */
  panic(msg) {
    this.#count++;
    throw new TypeError(msg);
  }

  trap() {
    this.#count++;
    abort();
  }

  spin() {
    for (;;);
  }

  /**
   * @param {u32} mib
   * @returns {u32}
   */
  grow(mib) {
    for (; mib > 0; mib--) this.#kept.push(new Uint8Array(MiB).fill(1));
    return this.#kept.length;
  }

  /**
   * @param {string} target
   * @param {string} method
   */
  relay(target, method, arg) {
    return call(target, method, arg);
  }

  /**
   * @param {string} target
   * @param {string} verb
   */
  async verb(target, verb) {
    return await amino.verb(target, verb);
  }

  /**
   * @readonly
   * @returns {string}
   */
  whoami() {
    return self().name;
  }

  /**
   * @readonly
   * @param {string} key
   * @returns {?string}
   */
  setting(key) {
    return config(key);
  }

  /** @param {string} text */
  say(text) {
    log(text);
  }

  /**
   * @readonly
   * @returns {u64}
   */
  time() {
    return now();
  }

  /**
   * @readonly
   * @param {u32} n
   * @returns {Uint8Array}
   */
  dice(n) {
    return random(n);
  }
}

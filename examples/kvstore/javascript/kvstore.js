/** Keeps values of any kind under keys. */
export default class Kvstore {
  #values = new Map();

  /**
   * Stores a value under a key, in place of the one that was there.
   * @param {string} key
   */
  put(key, value) {
    this.#values.set(key, value);
  }

  /**
   * Returns the value under a key, null if there is none.
   * @readonly
   * @param {string} key
   */
  get(key) {
    return this.#values.get(key);
  }

  /**
   * Removes a key and reports whether it was there.
   * @param {string} key
   * @returns {boolean}
   */
  delete(key) {
    return this.#values.delete(key);
  }

  /**
   * Returns the number of keys.
   * @readonly
   * @returns {s64}
   */
  size() {
    return this.#values.size;
  }

  /**
   * Returns the keys in order: those that begin with prefix if one is given.
   * @readonly
   * @param {string} [prefix]
   * @returns {string[]}
   */
  list(prefix = "") {
    return [...this.#values.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  /**
   * Returns up to limit entries in order, beginning after the key that is given: the
   * last one of the page before, or "" at the start.
   * @readonly
   * @param {string} after
   * @param {u32} limit
   */
  scan(after, limit) {
    const keys = this.list().filter((key) => key > after);
    return keys.slice(0, limit).map((key) => ({ key, value: this.get(key) }));
  }
}

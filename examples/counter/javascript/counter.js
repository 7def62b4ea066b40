/** Counts. */
export default class Counter {
  /**
   * Begins at start, or at 0.
   * @param {s64} [start]
   */
  constructor(start = 0) {
    this.sum = start;
  }

  /**
   * Adds by and returns the sum.
   * @param {s64} by
   * @returns {s64}
   */
  add(by) {
    return (this.sum += by);
  }

  /**
   * Returns the sum.
   * @readonly
   * @returns {s64}
   */
  get() {
    return this.sum;
  }
}

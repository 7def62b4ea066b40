/** Counts. */
@microservice
export class Counter {
  private n: i64;

  /** Begins at start, or at 0. */
  constructor(start: i64 = 0) {
    this.n = start;
  }

  /** Adds by and returns the sum. */
  add(by: i64): i64 {
    return (this.n += by);
  }

  /** Returns the sum. */
  @readonly
  get(): i64 {
    return this.n;
  }
}

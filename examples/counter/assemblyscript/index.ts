/** Counts. */
@microservice
export class Counter {
  private n: i64;

  constructor(start: i64 = 0) {
    this.n = start;
  }

  /** Adds by. */
  add(by: i64): i64 {
    return (this.n += by);
  }

  @readonly
  get(): i64 {
    return this.n;
  }
}

import { Code, Value, arg, call, fail, now } from "amino";

/** Lets so many calls a second pass at a replica, and refuses the others. */
@microservice({ name: "ratelimit" })
export class RateLimit {
  /**
   * rate: calls a second; 100 if it is not given
   * burst: calls at once after a rest; as many as in a second if it is not given
   */
  constructor(private rate: i64 = 100, private burst: i64 = 0) {
    if (burst == 0) this.burst = rate;
    if (this.rate <= 0 || this.burst <= 0) fail("rate and burst are more than zero");
  }

  /** Beside each replica: takes a token, which come back with time. */
  instance(c: Value): Uint8Array {
    if (!this.take()) return fail<Uint8Array>(`more than ${this.rate} calls a second; try again later`, Code.Overloaded);
    return call<Uint8Array>("dm", "next", arg(c));
  }

  /**
   * The bucket is a cell: the time, in nanoseconds, at which it is full again if nothing is taken. Calls that come at
   * once all swap it, and those that came too late try again.
   */
  private take(): bool {
    const token = 1_000_000_000 / this.rate;
    let old: Value, full: i64;
    do {
      old = call<Value>("dm", "get", arg("full"));
      const at = <i64>now();
      full = (old.isNull ? at : max(at, decode(old.as<Uint8Array>()))) + token;
      if (full - at > token * this.burst) return false;
    } while (!call<bool>("dm", "swap", arg("full").arg(old).arg(encode(full))));
    return true;
  }
}

function encode(n: i64): Uint8Array {
  const b = new Uint8Array(8);
  store<i64>(b.dataStart, n);
  return b;
}

function decode(b: Uint8Array): i64 {
  return load<i64>(b.dataStart);
}

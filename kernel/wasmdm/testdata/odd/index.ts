import { Value, arg, call } from "amino";

/** Misbehaves, each time as it is told. */
@microservice({ name: "odd" })
export class Odd {
  constructor(private how: string = "") {}

  /** Beside each caller: does what no deployment manager should, before or after the call. */
  proxy(c: Value): Uint8Array {
    if (this.how == "trap") unreachable();
    if (this.how == "loop") while (true) {}
    if (this.how == "grow") while (memory.grow(100) >= 0) {}
    if (this.how == "abroad") return call<Uint8Array>("counter", "get");
    if (this.how == "throw") throw new Error("not today");
    const out = call<Uint8Array>("dm", "next", arg(c));
    if (this.how == "late") unreachable();
    if (this.how == "garbage") return Uint8Array.wrap(new ArrayBuffer(3));
    if (this.how == "self") return call<Uint8Array>("dm", "self");
    if (this.how == "unknown") return call<Uint8Array>("dm", "nothing");
    return out;
  }
}

import * as imports from "./imports";
import { read, write, zero } from "./codec";
import { Code, fail } from "./failure";
import { take } from "./host";
import { Reader } from "./reader";
import { Value } from "./value";
import { Major, Writer } from "./writer";

/** Args are the arguments of a call to another microservice: `arg("tea").arg(2)`. */
export class Args {
  private w: Writer = new Writer();
  private n: i32 = 0;

  /** Adds one argument, of any type that a method may take. */
  arg<T>(v: T): Args {
    write<T>(this.w, v);
    this.n++;
    return this;
  }

  write(w: Writer): void {
    w.head(Major.List, this.n);
    w.raw(changetype<usize>(this.w.buffer), this.w.length);
  }
}

/** Starts a list of arguments with one. */
export function arg<T>(v: T): Args {
  return new Args().arg<T>(v);
}

/** Result is what a call to another microservice brought: a value or an error. */
export class Result<T> {
  constructor(
    /** The error's code, or Code.OK. */
    readonly code: Code,
    /** The error's message. */
    readonly message: string,
    private result: T,
  ) {}

  get ok(): bool {
    return this.code == Code.OK;
  }

  /** The value. If there is none it throws the error. */
  get value(): T {
    return this.ok ? this.result : this.fail<T>();
  }

  /** The value, or another one if there is none. */
  or(other: T): T {
    return this.ok ? this.result : other;
  }

  /** Passes the error on to this microservice's own caller, as fail does: `if (!r.ok) return r.fail<i64>()`. */
  fail<R = i32>(): R {
    return fail<R>(this.message, this.code);
  }
}

/**
 * Calls a method of another microservice, waits, and returns its result. Throws the error if there is one: unless
 * something else is made of it (see tryCall) it passes through to this microservice's own caller.
 */
export function call<T>(target: string, method: string, args: Args = new Args()): T {
  return tryCall<T>(target, method, args).value;
}

/** Calls a method of another microservice, waits, and returns its result or its error. */
export function tryCall<T>(target: string, method: string, args: Args = new Args()): Result<T> {
  return send<T>(0, target, method, args);
}

/** Sends a verb to a deployment manager of a microservice: `verb<Value>("counter", "checkpoint")`. */
export function verb<T>(target: string, name: string, args: Args = new Args()): Result<T> {
  return send<T>(1, target, name, args);
}

function send<T>(kind: u8, target: string, name: string, args: Args): Result<T> {
  const targetLength = String.UTF8.byteLength(target), nameLength = String.UTF8.byteLength(name);
  if (targetLength > 0xffff || nameLength > 0xffff) {
    return new Result<T>(Code.BadArgument, "a name has more than 65535 bytes", zero<T>());
  }
  const w = new Writer();
  w.byte(kind);
  w.byte(0);
  w.u16(<u16>targetLength);
  w.u16(<u16>nameLength);
  w.utf8(target);
  w.utf8(name);
  args.write(w);
  const n = imports.invoke(changetype<usize>(w.buffer), w.length);
  return reply<T>(take(n));
}

/** Takes a reply frame apart. */
function reply<T>(frame: ArrayBuffer): Result<T> {
  const at = changetype<usize>(frame), n = frame.byteLength;
  if (n < 2) return new Result<T>(Code.BadReply, "the reply is shorter than its header", zero<T>());
  const code = <Code>load<u8>(at);
  if (code != Code.OK) return new Result<T>(code, String.UTF8.decodeUnsafe(at + 2, n - 2), zero<T>());
  const r = n == 2 ? new Reader(Value.null.cbor, 0, 1) : new Reader(frame, 2, n);
  const v = read<T>(r);
  if (!r.ok) return new Result<T>(Code.BadReply, "the result: " + r.error, zero<T>());
  return new Result<T>(Code.OK, "", v);
}

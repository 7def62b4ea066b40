import { zero } from "./codec";
import { Level, log } from "./host";

/** The error codes of ABI.md that a caller tells apart. */
export enum Code {
  OK = 0,
  Application = 1,
  Unavailable = 2,
  Overloaded = 3,
  Leased = 4,
  Placement = 5,
  UnknownVerb = 6,
  UnknownMethod = 7,
  NotFound = 8,
  NotLeader = 9,
  PermissionDenied = 10,
  Conflict = 11,
  Trap = 12,
  Fuel = 13,
  MemoryLimit = 14,
  Deadline = 15,
  Moved = 16,
  BadArgument = 17,
  BadReply = 18,
  Exists = 19,
  NoTransaction = 20,
  Canceled = 21,
  Reentrant = 22,
  Refused = 23,
  Storage = 24,
  Internal = 25,
}

/** The error that the call under way will answer. */
export namespace pending {
  export let code: Code = Code.OK;
  export let message: string = "";

  export function clear(): void {
    code = Code.OK;
    message = "";
  }
}

/**
 * Makes the call under way answer an error, whatever its method returns: `return fail<i64>("out of stock")`.
 * It returns a zero, and does not leave the method: write `return` before it, or after it in a method without result.
 */
export function fail<T = i32>(message: string, code: Code = Code.Application): T {
  pending.code = code;
  pending.message = message;
  return zero<T>();
}

/** Takes the place of the standard library's abort, where `throw` and failed assertions end: logs, then traps. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const what = message === null ? "abort" : message;
  const where = file === null ? "" : " (" + file + ":" + line.toString() + ":" + column.toString() + ")";
  log(what + where, Level.Error);
  unreachable();
}

/** Takes the place of the standard library's trace. */
export function trace(
  message: string, n: i32 = 0, a0: f64 = 0, a1: f64 = 0, a2: f64 = 0, a3: f64 = 0, a4: f64 = 0,
): void {
  let text = message;
  if (n > 0) text += " " + a0.toString();
  if (n > 1) text += " " + a1.toString();
  if (n > 2) text += " " + a2.toString();
  if (n > 3) text += " " + a3.toString();
  if (n > 4) text += " " + a4.toString();
  log(text, Level.Debug);
}

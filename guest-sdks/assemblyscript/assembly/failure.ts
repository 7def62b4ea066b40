import { zero } from "./codec";
import { Level, log } from "./host";

/** The error codes of ABI.md that a caller tells apart. */
export const enum Code {
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

/** The error that the call under way will answer, and where it was thrown. */
export namespace pending {
  export let code: Code = Code.OK;
  export let message: string = "";
  export let file: string | null = null;
  export let line: u32 = 0;

  export function set(error: Code, text: string): void {
    code = error;
    message = text;
    file = null;
  }

  /** The place of the throw, in parentheses. */
  export function where(): string {
    const f = file;
    return f === null ? "" : " (" + f + ":" + line.toString() + ")";
  }
}

/** Ends the call under way with an error for its caller, as a throw does: `return fail<i64>("out of stock")`. */
export function fail<T = i32>(message: string, code: Code = Code.Application): T {
  pending.set(code, message);
  leave();
  return zero<T>();
}

/** Whether every function is to return at once, up to amino_invoke: see transform/exceptions.js. */
let thrown: bool = false;

/** Whether there is an amino_invoke to return to. */
let answering: bool = false;

function leave(): void {
  thrown = true;
}

/** Begins a call. */
export function begin(): void {
  answering = true;
}

/** Ends a call; answers whether it has thrown. */
export function end(): bool {
  const t = thrown;
  answering = false;
  thrown = false;
  return t;
}

/**
 * Takes the place of the standard library's abort, where `throw` and failed assertions end. The shadow stack may have
 * overflown: nothing here may need it, and the message of that error lay below it and is gone.
 */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const overflow = __stack_pointer < __data_end;
  pending.code = Code.Application;
  if (overflow) pending.message = "stack overflow";
  else pending.message = changetype<usize>(message) == 0 ? "abort" : <string>message;
  pending.file = overflow ? null : file;
  pending.line = line;
  if (answering && (overflow || !inRuntime(changetype<usize>(file)))) return leave();
  if (!aborting) report();
  unreachable();
}

let aborting: bool = false;

function report(): void {
  aborting = true; // should this come to grief it comes to abort again
  log(pending.message + pending.where(), Level.Error);
}

/** Tells whether a file's name starts with "~lib/rt/": the allocator and the collector cannot be left half-way. */
function inRuntime(file: usize): bool {
  return file != 0 && load<u64>(file) == 0x00620069006c007e && load<u64>(file, 8) == 0x002f00740072002f;
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

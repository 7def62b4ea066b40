import * as imports from "./imports";
import { read, write, zero } from "./codec";
import { Code, begin, pending } from "./failure";
import { Level, log, seed } from "./host";
import { Reader } from "./reader";
import { Writer } from "./writer";

// The buffers that cross the wall. Globals are roots of the collector, and it does not move objects, so a buffer stays
// where it is for as long as its global names it. The host never enters while the guest waits: one of each is enough.
const SMALL = 65536;
let inbox: ArrayBuffer = new ArrayBuffer(256);
const outbox: Writer = new Writer();

export function amino_abi_v1(): void {}

export function amino_alloc(len: i32): usize {
  const size = inbox.byteLength;
  if (<u32>len > <u32>size || (size > SMALL && len <= SMALL)) inbox = new ArrayBuffer(max(len, 256));
  return changetype<usize>(inbox);
}

export function amino_resume(): void {
  Math.seedRandom(reinterpret<i64>(seed()));
}

/** Returns the top of the collector's shadow stack. It has no frame of its own there: the answer is its caller's. */
export function mark(): usize {
  return __stack_pointer;
}

/** Puts the shadow stack back, which functions that a throw went through have not done. */
export function rewind(stack: usize): void {
  __stack_pointer = stack;
}

/** Call is the call under way: its name, its arguments, and in the end its reply. There is one, used again and again. */
export class Call {
  private nameAt: usize = 0;
  private nameLength: i32 = 0;
  private args: Reader = new Reader(inbox, 0, 0);
  private size: i64 = 0;
  private taken: i64 = 0;
  private ended: bool = false;
  /** Whether this is the constructor's call. */
  constructing: bool = false;

  /** Takes the call frame at ptr, which is in the inbox, apart. */
  open(ptr: usize, len: i32): void {
    begin();
    pending.set(Code.OK, "");
    const at = <i32>(ptr - changetype<usize>(inbox));
    this.constructing = load<u8>(ptr) == 1;
    this.nameAt = ptr + 4;
    this.nameLength = load<u16>(ptr, 2);
    this.args.reset(inbox, at + 4 + this.nameLength, at + len);
    this.size = this.args.list();
    this.taken = 0;
    this.ended = false;
    if (!this.args.ok) this.blame("arguments");
  }

  /** Tells whether the method's name is this one. */
  is(name: string): bool {
    const n = this.nameLength;
    if (n != name.length) return false;
    for (let i = 0; i < n; i++) {
      if (<i32>load<u8>(this.nameAt + i) != name.charCodeAt(i)) return false;
    }
    return true;
  }

  /** Tells whether one more argument is given. */
  more(): bool {
    if (!this.ended) this.ended = !this.args.more(this.size, this.taken); // which takes the end of an indefinite list
    return !this.ended;
  }

  /** Tells whether there is an argument for a parameter with a default. A null says that there is none, and is taken. */
  given(): bool {
    if (!this.more()) return false;
    if (!this.args.nil()) return true;
    this.taken++;
    return false;
  }

  /** Takes the next argument. One that may be null may be missing. */
  arg<T>(name: string): T {
    if (!this.more()) {
      if (isNullable<T>() && this.args.ok) return zero<T>();
      this.args.fail("missing");
      this.blame("argument " + name);
      return zero<T>();
    }
    this.taken++;
    const v = read<T>(this.args);
    if (!this.args.ok) this.blame("argument " + name);
    return v;
  }

  /** Makes the first error in the arguments the call's. */
  private blame(what: string): void {
    if (pending.code == Code.OK) pending.set(Code.BadArgument, what + ": " + this.args.error);
  }

  /** Ends the arguments. If the answer is false nothing may run and the reply is refuse(). */
  ready(): bool {
    if (pending.code != Code.OK) return false;
    if (this.more()) this.args.fail("more than " + this.taken.toString() + " given");
    this.args.leave();
    if (this.args.ok && !this.args.done) this.args.fail("something follows them");
    if (!this.args.ok) this.blame("arguments");
    return this.args.ok;
  }

  /** Tells whether the call is to answer an error. */
  get failed(): bool {
    return pending.code != Code.OK;
  }

  /** Replies with a result, or with the error that the method left. */
  reply<T>(result: T): i64 {
    if (pending.code != Code.OK) return this.refuse();
    this.start(Code.OK);
    write<T>(outbox, result);
    return this.finish();
  }

  /** Replies to a call that has no result. */
  done(): i64 {
    if (pending.code != Code.OK) return this.refuse();
    this.start(Code.OK);
    return this.finish();
  }

  /** Replies with an error of its own. */
  deny(code: Code, message: string): i64 {
    pending.set(code, message);
    return this.refuse();
  }

  /** Replies to a call of a method that does not exist. */
  unknown(): i64 {
    const name = String.UTF8.decodeUnsafe(this.nameAt, this.nameLength);
    return this.deny(Code.UnknownMethod, "no method \"" + name + "\"");
  }

  /** Replies with the pending error; where it was thrown goes to the log. */
  refuse(): i64 {
    if (pending.file !== null) log(pending.message + pending.where(), Level.Debug);
    this.start(pending.code);
    outbox.utf8(pending.message);
    begin();
    pending.set(Code.OK, "");
    return this.finish();
  }

  private start(code: Code): void {
    outbox.reset();
    outbox.byte(<u8>code);
    outbox.byte(0);
  }

  private finish(): i64 {
    return (<i64>changetype<usize>(outbox.buffer) << 32) | <i64>outbox.length;
  }
}

// A host for one microservice, in JavaScript: enough of ABI.md to test the SDK without a kernel.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const script = new URL("../../../scripts/toolchain/build-assemblyscript.sh", import.meta.url).pathname;

/** Compiles source text, or the microservice of a folder (a URL). What the compiler says is the error's message. */
export function build(source) {
  const scratch = mkdtempSync(join(tmpdir(), "amino-as-"));
  try {
    if (typeof source === "string") writeFileSync(join(scratch, "index.ts"), source);
    const dir = typeof source === "string" ? scratch : source.pathname;
    execFileSync(script, [dir, join(scratch, "out.wasm")], { stdio: ["ignore", "pipe", "pipe"] });
    return readFileSync(join(scratch, "out.wasm"));
  } catch (e) {
    throw new Error(String(e.stderr ?? e));
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** Guest is an instance of a module. Frames and values are hexadecimal text, as in abi/testdata. */
export class Guest {
  logs = []; // [level, text]
  settings = new Map();
  requests = []; // request frames, oldest first
  replies = []; // reply frames for the requests to come
  clock = 0n;
  #waiting;

  constructor(wasm, initialize = true) {
    this.module = new WebAssembly.Module(wasm);
    this.exports = new WebAssembly.Instance(this.module, { amino: this.#imports() }).exports;
    if (initialize) this.exports._initialize();
  }

  get manifest() {
    const [section] = WebAssembly.Module.customSections(this.module, "amino.manifest");
    return JSON.parse(Buffer.from(section).toString());
  }

  /** Calls the constructor with arguments in CBOR. */
  construct(args = "80") {
    return this.frame(Buffer.concat([Buffer.from("01000000", "hex"), Buffer.from(args, "hex")]));
  }

  /** Calls a method; answers {code, value} or {code, message}. */
  call(method, args = "80") {
    const name = Buffer.from(method);
    const head = Buffer.from([0, 0, name.length & 255, name.length >> 8]);
    return this.frame(Buffer.concat([head, name, Buffer.from(args, "hex")]));
  }

  frame(bytes) {
    const at = this.exports.amino_alloc(bytes.length) >>> 0;
    this.#memory(at, bytes.length).set(bytes);
    const answer = BigInt.asUintN(64, this.exports.amino_invoke(at, bytes.length));
    const reply = Buffer.from(this.#memory(Number(answer >> 32n), Number(answer & 0xffffffffn)));
    if (reply[0] === 0) return { code: 0, value: reply.subarray(2).toString("hex") };
    return { code: reply[0], message: reply.subarray(2).toString() };
  }

  #memory(at, length) {
    return Buffer.from(this.exports.memory.buffer, at, length);
  }

  #wait(bytes) {
    this.#waiting = Buffer.from(bytes);
    return bytes.length;
  }

  #imports() {
    const text = (at, length) => this.#memory(at >>> 0, length).toString();
    return {
      invoke: (at, length) => {
        this.requests.push(this.#memory(at >>> 0, length).toString("hex"));
        return this.#wait(Buffer.from(this.replies.shift(), "hex"));
      },
      take: (at) => {
        this.#memory(at >>> 0, this.#waiting.length).set(this.#waiting);
        this.#waiting = undefined;
      },
      self: () => this.#wait(Buffer.from("\xa3dnamebmebidbr1dnodebk1", "latin1")),
      config: (at, length) => {
        const value = this.settings.get(text(at, length));
        return value === undefined ? -1 : this.#wait(Buffer.from(value));
      },
      log: (level, at, length) => this.logs.push([level, text(at, length)]),
      now: () => this.clock,
      random: (at, length) => crypto.getRandomValues(this.#memory(at >>> 0, length)),
    };
  }
}

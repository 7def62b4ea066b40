// Every vector of abi/testdata, through the microservice `conformance`.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, describe, it } from "node:test";
import { Guest, build } from "./host.js";

const testdata = new URL("../../../abi/testdata/", import.meta.url);
const vectors = JSON.parse(readFileSync(new URL("cbor_vectors.json", testdata)));
const frames = JSON.parse(readFileSync(new URL("frames.json", testdata)));

let wasm;
before(() => (wasm = build(new URL("../conformance/", import.meta.url))));

describe("values", () => {
  let guest;
  before(() => {
    guest = new Guest(wasm);
    guest.construct();
  });
  for (const v of vectors) {
    it(`${v.from}: ${v.hex.slice(0, 40)} ${v.note ?? ""}`, () => {
      const reply = guest.call("echo", "81" + v.hex);
      if (v.read === "yes") assert.ok(reply.value === v.write || v.also?.includes(reply.value), JSON.stringify(reply));
      if (v.read === "no") assert.equal(reply.code, 17, JSON.stringify(reply));
      if (v.read === "may") assert.ok(reply.code === 17 || reply.code === 0, JSON.stringify(reply));
    });
  }
});

describe("frames", () => {
  for (const v of frames.call) {
    it(`call: ${v.note}`, () => {
      const guest = new Guest(wasm);
      if (v.kind === 0) guest.construct();
      const reply = guest.frame(Buffer.from(v.hex, "hex"));
      assert.notEqual(reply.code, 25, reply.message);
      if (v.kind === 1) assert.equal(reply.code, 0, reply.message);
    });
  }
  for (const v of frames.reply) {
    it(`reply: ${v.note}`, () => {
      const guest = new Guest(wasm);
      guest.construct();
      guest.replies.push(v.hex);
      const reply = guest.call("relay", "8361746178" + "00");
      assert.equal(guest.requests[0], "000001000100" + "7478" + "8100");
      if (v.error) assert.equal(reply.code, 18);
      else if (v.code === 0) assert.equal(reply.value, v.value || "f6");
      else assert.deepEqual(reply, { code: v.code, message: v.message });
    });
  }
});

// What a script sees of Amino.Run, and what turns its class into a microservice. The value of this file is a
// function of the host that returns what main.c calls.
(function (host) {
  "use strict";

  // Errors

  const codes = [
    "", "application", "unavailable", "overloaded", "leased", "placement", "unknown verb", "unknown method", "not found", "not leader",
    "permission denied", "conflict", "trap", "fuel", "memory limit", "deadline", "moved", "bad argument", "bad reply", "exists",
    "no transaction", "canceled", "reentrant", "refused", "storage", "internal",
  ];

  // An AminoError is the error of a call to another microservice. Thrown on, or made with one of the codes above, it
  // reaches the caller with its code.
  class AminoError extends Error {
    #number;
    constructor(code, message) {
      super(message);
      this.#number = typeof code === "number" ? code : codes.indexOf(code);
      if (this.#number < 1) throw new TypeError(`there is no error code ${JSON.stringify(code)}`);
      this.code = codes[this.#number] ?? `code ${this.#number}`;
    }
    get name() { return "AminoError"; }
    static number(e) { return #number in e ? e.#number : 1; }
  }
  const numberOf = AminoError.number;
  delete AminoError.number;

  const engineErrors = new Set([TypeError, ReferenceError, RangeError, SyntaxError, InternalError, EvalError]);

  // failure returns the code and the message that what was thrown is for the caller. A fault of the program is logged, too.
  function failure(thrown) {
    if (!(thrown instanceof Error)) return [1, String(thrown)];
    if (thrown instanceof InternalError && thrown.message === "out of memory") return [14, "out of memory"];
    if (!loaded) return [1, thrown instanceof Complaint ? thrown.message : located(thrown)];
    const number = numberOf(thrown);
    if (!engineErrors.has(thrown.constructor)) return [number, String(thrown.message)];
        host.log(3, `${thrown.name}: ${thrown.message}\n${thrown.stack}`.trimEnd());
    return [1, `${thrown.name}: ${thrown.message}`];
  }

  // A Complaint says what is wrong with a script as a whole.
  class Complaint extends Error {}

  // located returns a fault with the place that it is at before it: file:line:column.
  function located(e) {
    const [, at] = /([^\s()]+:\d+(?::\d+)?)\)?\s*$/m.exec(e.stack ?? "") ?? [];
    return `${at ? at + ": " : ""}${e.name}: ${e.message}`;
  }

  // Calling others

  const snake = (name) => name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replace(/([A-Z])([A-Z][a-z])/g, "$1_$2").toLowerCase();
  const call = (target, method, ...args) => host.invoke(0, String(target), String(method), args);
  const verb = (target, name, ...args) => host.invoke(1, String(target), String(name), args);

  // microservice returns an object whose methods are another microservice's.
  function microservice(name) {
    const methods = new Map();
    return new Proxy(Object.create(null), {
      get(_, property) {
        if (typeof property === "symbol" || property === "then") return undefined;
        let method = methods.get(property);
        if (!method) methods.set(property, method = (...args) => call(name, snake(property), ...args));
        return method;
      },
    });
  }

  // The world

  function abort(message) {
    if (message !== undefined) host.log(3, String(message));
    host.trap();
  }

  globalThis.amino = Object.freeze({
    AminoError, abort, call, microservice, verb,
    config: (key) => host.config(String(key)),
    log: (text) => host.log(1, String(text)),
    now: () => host.now(),
    random: (n) => host.random(n),
    self: () => host.self(),
  });

  Math.random = host.chance;

  // show prints a value for the log.
  function show(v, inside = [], quoted = true) {
    if (typeof v === "string") return quoted ? JSON.stringify(v) : v;
    if (typeof v === "bigint") return v + "n";
    if (typeof v === "function") return `[function ${v.name}]`;
    if (typeof v !== "object" || v === null) return Object.is(v, -0) ? "-0" : String(v);
    if (v instanceof Error) return `${v.name}: ${v.message}\n${v.stack}`.trimEnd();
    if (v instanceof Date) return isNaN(v) ? "Invalid Date" : v.toISOString();
    if (inside.includes(v)) return "[itself]";
    const deeper = [...inside, v], list = (items) => items.map((x) => show(x, deeper)).join(", ");
    const pairs = (entries) => entries.map(([k, x]) => `${typeof k === "string" ? k : show(k)}: ${show(x, deeper)}`).join(", ");
    if (Array.isArray(v)) return `[${list(v)}]`;
    if (ArrayBuffer.isView(v)) return `${v.constructor.name} [${list([...v])}]`;
    if (v instanceof Map) return `Map {${pairs([...v])}}`;
    if (v instanceof Set) return `Set {${list([...v])}}`;
    const kind = v.constructor && v.constructor !== Object ? v.constructor.name + " " : "";
    return `${kind}{${pairs(Object.entries(v))}}`;
  }

  const print = (level) => (...args) => host.log(level, args.map((v) => show(v, [], false)).join(" "));
  globalThis.console = {
    log: print(1), info: print(1), debug: print(0), trace: print(0), warn: print(2), error: print(3),
    assert: (holds, ...args) => holds || print(3)("assertion failed", ...args),
  };
  globalThis.print = print(1);

  // Types: each has the name that the manifest gives it, and take, which returns an argument as the method wants it, or no.

  const no = Symbol();
  const type = (name, take) => ({ name, take });
  const kept = (test) => (v) => (test(v) ? v : no);
  const value = type("value", (v) => v);

  function integer(name, min, max, big) {
    return type(name, (v) => {
      if (typeof v === "number" && (!Number.isInteger(v) || Object.is(v, NaN))) return no;
      if (typeof v === "number" && (big || !Number.isSafeInteger(v))) v = BigInt(v);
      if (typeof v !== "number" && typeof v !== "bigint") return no;
      return v >= min && v <= max ? v : no;
    });
  }

  const float = (name) => type(name, (v) => (typeof v === "number" ? v : typeof v === "bigint" && BigInt(Number(v)) === v ? Number(v) : no));
  const string = type("string", kept((v) => typeof v === "string"));
  const bytes = type("list<u8>", kept((v) => v instanceof Uint8Array));
  const s64 = (big) => integer("s64", -(2n ** 63n), 2n ** 63n - 1n, big);
  const u64 = (big) => integer("u64", 0n, 2n ** 64n - 1n, big);

  const types = {
    s8: integer("s8", -128, 127), s16: integer("s16", -32768, 32767), s32: integer("s32", -(2 ** 31), 2 ** 31 - 1), s64: s64(false),
    u8: integer("u8", 0, 255), u16: integer("u16", 0, 65535), u32: integer("u32", 0, 2 ** 32 - 1), u64: u64(false),
    f32: float("f32"), f64: float("f64"), number: float("f64"), int: s64(false), integer: s64(false), bigint: s64(true), BigInt: s64(true),
    string, String: string, char: type("char", kept((v) => typeof v === "string" && [...v].length === 1)),
    bool: type("bool", kept((v) => typeof v === "boolean")), Uint8Array: bytes, ArrayBuffer: bytes,
    time: type("time", kept((v) => v instanceof Date)),
    value, any: value, unknown: value, object: value, Object: value, "*": value,
    array: type("list<value>", kept(Array.isArray)),
  };
  types.boolean = types.Boolean = types.bool;
  types.Number = types.number;
  types.Date = types.time;
  types.Array = types.array;

  const option = (of) => (of.name.startsWith("option<") || of === value ? of : type(`option<${of.name}>`, (v) => (v == null ? v : of.take(v))));

  function list(of) {
    if (of.name === "u8") return bytes;
    return type(`list<${of.name}>`, (v) => {
      if (!Array.isArray(v)) return no;
      const taken = v.map(of.take);
      return taken.includes(no) ? no : taken;
    });
  }

  function map(key, of, wanted) {
    return type(`map<${key.name}, ${of.name}>`, (v) => {
      if (typeof v !== "object" || v === null || Array.isArray(v) || v instanceof Uint8Array || v instanceof Date) return no;
      const entries = v instanceof Map ? [...v] : Object.entries(v);
      const taken = entries.map(([k, x]) => [key.take(k), of.take(x)]);
      if (taken.some(([k, x]) => k === no || x === no)) return no;
      return wanted || key.name !== "string" ? new Map(taken) : Object.fromEntries(taken);
    });
  }

  function tuple(...of) {
    return type(`tuple<${of.map((t) => t.name).join(", ")}>`, (v) => {
      if (!Array.isArray(v) || v.length !== of.length) return no;
      const taken = v.map((x, i) => of[i].take(x));
      return taken.includes(no) ? no : taken;
    });
  }

  // split cuts text at a mark, but not inside brackets or strings.
  function split(text, mark) {
    const parts = [""];
    let depth = 0, quote = "";
    for (let i = 0; i < text.length; i++) {
      const c = text[i];
      if (quote) {
        if (c === "\\") parts[parts.length - 1] += text[i++];
        else if (c === quote) quote = "";
      } else if ("\"'`".includes(c)) quote = c;
      else if ("([{<".includes(c)) depth++;
      else if (")]}".includes(c) || (c === ">" && text[i - 1] !== "=")) depth--;
      if (c === mark && depth === 0 && !quote) parts.push("");
      else parts[parts.length - 1] += text[i];
    }
    return parts.map((s) => s.trim());
  }

  // typeOf reads a type as JSDoc, TypeScript or the manifest writes it; what it does not know is any value.
  function typeOf(text) {
    text = text.trim();
    const alternatives = split(text, "|"), some = alternatives.filter((t) => !["null", "undefined", "void"].includes(t));
    if (alternatives.length > 1) {
      const one = some.length === 1 ? typeOf(some[0]) : value;
      return some.length < alternatives.length ? option(one) : one;
    }
    if (text.startsWith("?")) return option(typeOf(text.slice(1)));
    if (text.endsWith("=")) return option(typeOf(text.slice(0, -1)));
    if (text.startsWith("!")) return typeOf(text.slice(1));
    if (text.endsWith("[]")) return list(typeOf(text.slice(0, -2)));
    if (text.startsWith("(") && text.endsWith(")")) return typeOf(text.slice(1, -1));
    const [, generic, inside] = /^([\w.]+?)\.?<(.*)>$/.exec(text) ?? [];
    const args = generic ? split(inside, ",").map(typeOf) : [];
    switch (generic) {
      case "list": case "Array": case "Set": case "Iterable": return list(args[0]);
      case "option": return option(args[0]);
      case "Promise": return args[0];
      case "tuple": return tuple(...args);
      case "map": case "Map": case "Object": case "Record":
        return args.length === 2 && (args[0].name === "string" || /^[su]\d+$/.test(args[0].name)) ? map(...args, generic === "Map") : value;
    }
    return Object.hasOwn(types, text) ? types[text] : value;
  }

  // Doc comments

  // braced returns what is in the braces at the start of text, and what is behind them.
  function braced(text) {
    if (!text.startsWith("{")) return [null, text];
    let depth = 0;
    for (let i = 0; i < text.length; i++) {
      if (text[i] === "{") depth++;
      else if (text[i] === "}" && --depth === 0) return [text.slice(1, i), text.slice(i + 1).trim()];
    }
    return [null, text];
  }

  // docBefore returns what the doc comment that ends before a place says.
  function docBefore(source, at) {
    const doc = { text: "", params: new Map(), result: null, readonly: false, dms: [] };
    const before = source.slice(0, at).trimEnd();
    const start = before.endsWith("*/") ? before.lastIndexOf("/*") : -1;
    if (start < 0 || before[start + 2] !== "*") return doc;
    const lines = before.slice(start + 3, -2).split("\n").map((l) => l.replace(/^\s*\*? ?/, "").trimEnd());
    const [text, ...tags] = lines.join("\n").split(/(?:^|(?<=\s))@(?=(?:readonly|returns?|param|arg|argument|dm)\b)|^@/m);
    doc.text = text.trim();
    for (const tag of tags) {
      const [, name, body] = /^([\w-]*)\s*([^]*)$/.exec(tag);
      const [what, rest] = braced(body.trim());
      switch (name) {
        case "readonly": doc.readonly = true; break;
        case "dm": doc.dms.push(body.trim()); break;
        case "returns": case "return": doc.result = what; break;
        case "param": case "arg": case "argument": {
          const [, optional, param] = /^(\[?)\s*(\w*)/.exec(rest);
          if (param) doc.params.set(param, { type: what ?? "*", optional: optional !== "" });
        }
      }
    }
    return doc;
  }

  // The microservice

  let loaded = false;
  let make, instance; // make makes the instance
  const methods = new Map();

  function comment(text) { return text.replace(/\/\*[^]*?\*\/|\/\/[^\n]*/g, ""); }

  // parameters returns the parameters in the source of a function, which begins before their bracket.
  function parameters(source, doc) {
    const text = comment(source), start = text.indexOf("(");
    let depth = 0, end = start;
    for (; end < text.length; end++) {
      if (text[end] === "(") depth++;
      else if (text[end] === ")" && --depth === 0) break;
    }
    const given = start < 0 ? [] : split(text.slice(start + 1, end), ",").filter((p) => p !== "");
    return given.map((p, i) => {
      const [, rest, word] = /^(\.\.\.)?\s*([A-Za-z_]\w*)?/.exec(p);
      if (rest) throw new Complaint(`...${word} is as many arguments as are given, which no other language has: take an array`);
      const name = word ?? `argument${i + 1}`;
      const said = doc.params.get(name) ?? { type: "*", optional: false };
      const optional = said.optional || split(p, "=").length > 1;
      const of = typeOf(said.type);
      return { name, optional: optional || of.name.startsWith("option<"), type: optional && of !== value ? option(of) : optional ? type("option<value>", value.take) : of };
    });
  }

  // described returns a method or constructor as dispatch and the manifest need it.
  function described(name, source, doc, run) {
    const params = parameters(source, doc);
    let needed = params.length;
    while (needed && params[needed - 1].optional) needed--;
    const silent = doc.result === null ? !/\breturn\b/.test(comment(source)) : ["void", "undefined", "null"].includes(doc.result.replace(/^Promise<(.*)>$/, "$1").trim());
    return { name, doc, params, needed, run, result: silent ? null : doc.result === null ? value : typeOf(doc.result) };
  }

  // methodsOf collects the methods of a class and of those it extends, or of an object.
  function methodsOf(file, source, from, holder) {
    const found = new Map();
    for (let o = holder; o && o !== Object.prototype; o = Object.getPrototypeOf(o)) {
      for (const [key, { value: f }] of Object.entries(Object.getOwnPropertyDescriptors(o))) {
        if (typeof f !== "function" || key === "constructor" || found.has(key) || !/^[A-Za-z]\w*$/.test(key)) continue;
        const text = f.toString(), near = source.indexOf(text, from);
        const at = near < 0 ? source.indexOf(text) : near;
        let doc = docBefore(source, at);
        if (at > 0 && !doc.text && !doc.params.size) doc = docBefore(source, source.slice(0, at).replace(/[\w$"']+\s*:\s*$/, "").length);
        found.set(key, described(snake(key), text, doc, (args) => instance[key](...args)));
      }
    }
    for (const m of found.values()) {
      if (methods.has(m.name)) throw new Complaint(`${file}: two methods are called ${m.name}`);
      methods.set(m.name, m);
    }
  }

  // constructorOf finds the constructor in the source of a class, or in that of the one it extends.
  function constructorOf(source, type) {
    for (let c = type; typeof c === "function" && c !== Function.prototype; c = Object.getPrototypeOf(c)) {
      const text = c.toString(), from = source.indexOf(text);
      const [found] = /^[ \t]*constructor\s*\(/m.exec(text) ?? /\bconstructor\s*\(/.exec(text) ?? [];
      if (!found) continue;
      const at = text.indexOf(found) + found.indexOf("constructor");
      return described("", text.slice(at), docBefore(source, from + at), null);
    }
    return null;
  }

  const shown = (params) => params.map((p) => ({ name: p.name, type: p.type.name }));
  const nonempty = (object) => Object.fromEntries(Object.entries(object).filter(([, v]) => v !== undefined && v !== "" && v !== false && !(Array.isArray(v) && v.length === 0)));

  let construct = null;

  // load makes what a script exports the microservice, and returns its manifest.
  function load(file, exported, source) {
    const all = Object.values(exported), classes = all.filter((v) => typeof v === "function" && /^class\b/.test(v.toString()));
    const main = exported.default ?? (classes.length === 1 ? classes[0] : undefined);
    const isClass = typeof main === "function";
    if (!main || (typeof main !== "object" && !isClass) || (isClass && !main.prototype))
      throw new Complaint(`${file}: it exports no microservice: begin its class with "export default class"`);
    const text = isClass ? main.toString() : "", from = isClass ? Math.max(source.indexOf(text), 0) : 0;
    methodsOf(file, source, from, isClass ? main.prototype : main);
    if (methods.size === 0) throw new Complaint(`${file}: the microservice has no methods`);
    construct = isClass ? constructorOf(source, main) : null;
    make = isClass ? (args) => new main(...args) : () => main;
    const before = isClass ? source.slice(0, from).replace(/\bexport\s+(default\s+)?$/, "") : source.slice(0, Math.max(source.search(/\bexport\s+default\b/), 0));
    const doc = docBefore(before, before.length);
    const base = file.replace(/^.*[\\/]/, "").replace(/\.[^.]*$/, "");
    const name = (isClass && main.name && main.name !== "default" ? snake(main.name) : snake(base)).replace(/[^a-z0-9]+/g, "-").replace(/^[^a-z]+|-+$/g, "");
    loaded = true;
    return JSON.stringify(nonempty({
      abi: 1, name: name || "script", doc: doc.text, language: "javascript",
      constructor: construct && (construct.params.length || construct.doc.text) ? nonempty({ doc: construct.doc.text, params: shown(construct.params) }) : undefined,
      methods: [...methods.values()].map((m) => nonempty({
        name: m.name, doc: m.doc.text, params: shown(m.params), result: m.result?.name, readonly: m.doc.readonly,
      })),
      dms: doc.dms,
    }));
  }

  function kindOf(v) {
    if (v == null) return "null";
    if (typeof v === "string") return "text";
    if (typeof v === "boolean") return "a bool";
    if (typeof v === "bigint" || Number.isInteger(v)) return "an integer";
    if (typeof v === "number") return "a float";
    return Array.isArray(v) ? "an array" : v instanceof Uint8Array ? "bytes" : v instanceof Date ? "a time" : "a map";
  }

  // taken returns the arguments as a method wants them. A null where an argument may be left out is one left out.
  function taken(m, name, args) {
    const { params } = m;
    if (args.length < m.needed || args.length > params.length) {
      const want = params.map((p) => `${p.name}: ${p.type.name}`).join(", ");
      throw new AminoError(17, `${name} takes ${params.length} argument${params.length === 1 ? "" : "s"}${want && ` (${want})`}, got ${args.length}`);
    }
    for (let i = 0; i < args.length; i++) {
      const p = params[i], v = p.type.take(args[i]);
      if (v === no) throw new AminoError(17, `${name}: ${p.name} is ${kindOf(args[i])}, want ${p.type.name}`);
      args[i] = v === null && p.optional ? undefined : v;
    }
    return args;
  }

  const none = { params: [], needed: 0 };

  function dispatch(constructor, name, args) {
    if (constructor) {
      instance = make(taken(construct ?? none, "the constructor", args));
      return null;
    }
    const m = methods.get(name);
    if (!m) throw new AminoError(7, `there is no method ${name}`);
    args = taken(m, name, args);
    instance ??= make([]);
    const result = m.run(args);
    if (m.result === null) return result instanceof Promise ? result.then(() => null) : null;
    return result instanceof Promise ? result.then((r) => exact(m, r)) : exact(m, result);
  }

  // exact refuses a number where an integer is promised that is too large to be one.
  function exact(m, v) {
    if (typeof v === "number" && !Number.isSafeInteger(v) && /^[su]\d/.test(m.result.name))
      throw new RangeError(`${m.name} returned ${v}, which is no integer, or not exact beyond 2^53: use BigInt`);
    return v;
  }

  return {
    load, dispatch, failure,
    reply: (number, message) => new AminoError(number, message),
    pairs: (v) => (v instanceof Map ? [...v].flat(1) : [...v]),
    map: (flat) => {
      const m = new Map();
      for (let i = 0; i < flat.length; i += 2) m.set(flat[i], flat[i + 1]);
      return m;
    },
  };
})

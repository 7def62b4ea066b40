// Gives AssemblyScript what it lacks: a throw that leaves every function up to the foot of the call, on any engine.
// The library's throw sets the global `thrown` and returns; here every function is made to return as well, at once, when
// a function that it has called comes back with `thrown` set. This works on asc's output before it is optimized.

import binaryen from "binaryen";

// Where the parts of an instruction are that are instructions themselves.
const parts = {
  Block: ["Children"], If: ["Condition", "IfTrue", "IfFalse"], Loop: ["Body"], Break: ["Condition", "Value"],
  Switch: ["Condition", "Value"], Call: ["Operands"], CallIndirect: ["Target", "Operands"], LocalGet: [], LocalSet: ["Value"],
  GlobalGet: [], GlobalSet: ["Value"], Load: ["Ptr"], Store: ["Ptr", "Value"], Const: [], Unary: ["Value"],
  Binary: ["Left", "Right"], Select: ["IfTrue", "IfFalse", "Condition"], Drop: ["Value"], Return: ["Value"], MemorySize: [],
  MemoryGrow: ["Delta"], MemoryCopy: ["Dest", "Source", "Size"], MemoryFill: ["Dest", "Value", "Size"], Nop: [], Unreachable: [],
  AtomicRMW: ["Ptr", "Value"], AtomicCmpxchg: ["Ptr", "Expected", "Replacement"], AtomicFence: [], SIMDExtract: ["Vec"],
  SIMDReplace: ["Vec", "Value"], SIMDShuffle: ["Left", "Right"], SIMDTernary: ["A", "B", "C"], SIMDShift: ["Vec", "Shift"],
  SIMDLoad: ["Ptr"], SIMDLoadStoreLane: ["Ptr", "Vec"], RefNull: [], RefFunc: [], RefIsNull: ["Value"],
};
const kinds = new Map(Object.keys(parts).map((name) => [binaryen[`${name}Id`], name]));

/** Adds the returns. `leave` is the function that throws, `thrown` the global; roots are functions that end a throw. */
export function addExceptions(module, { leave, thrown, roots }) {
  const functions = [];
  for (let i = 0; i < module.getNumFunctions(); i++) {
    const f = binaryen.getFunctionInfo(module.getFunctionByIndex(i));
    if (f.base === "") functions.push({ ...f, calls: callsIn(f.body) });
  }
  // The allocator and the collector are left alone: they must not be left half-way. They trap.
  const inside = functions.filter((f) => !roots.includes(f.name) && !/^~lib\/rt\/\w+\//.test(f.name) && f.name !== "~start");
  const throwing = closure(inside, leave);
  for (const f of inside.filter((f) => f.name !== leave && throwing.has(f.name))) addReturns(module, f, thrown, throwing);
}

/** Returns the names of the functions that a function calls; "*" is a call through the table. */
function callsIn(body) {
  const calls = new Set();
  walk(body, (expression, kind) => {
    if (kind === "Call") calls.add(binaryen.Call.getTarget(expression));
    if (kind === "CallIndirect") calls.add("*");
    return expression;
  });
  return calls;
}

/** Returns the names of the functions that may come back with something thrown: they call one that does. */
function closure(functions, leave) {
  const found = new Set([leave, "*"]);
  for (let before = 0; before < found.size; ) {
    before = found.size;
    for (const f of functions) if ([...f.calls].some((name) => found.has(name))) found.add(f.name);
  }
  return found;
}

/** Puts `if (thrown) return 0` behind the calls of a function that may throw. */
function addReturns(module, f, thrown, throwing) {
  const vars = [...f.vars];
  const first = binaryen.expandType(f.params).length;
  const kept = new Map(); // by type, the local that keeps a call's result meanwhile
  const keep = (type) => kept.get(type) ?? kept.set(type, first + vars.push(type) - 1).get(type);
  const check = () => module.if(module.global.get(thrown, binaryen.i32), module.return(zero(module, f.results)));
  const body = walk(f.body, (expression, kind) => {
    const name = kind === "Call" ? binaryen.Call.getTarget(expression) : kind === "CallIndirect" ? "*" : undefined;
    if (!throwing.has(name)) return expression;
    const type = binaryen.Expression.getType(expression);
    if (type === binaryen.unreachable) return expression;
    if (type === binaryen.none) return module.block(null, [expression, check()], type);
    const local = keep(type);
    return module.block(null, [module.local.set(local, expression), check(), module.local.get(local, type)], type);
  });
  module.removeFunction(f.name);
  module.addFunction(f.name, f.params, f.results, vars, body);
}

/** Replaces each instruction, the inner ones first, with what replace(expression, kind) makes of it. */
function walk(expression, replace) {
  if (!expression) return expression;
  const kind = kinds.get(binaryen.Expression.getId(expression));
  if (kind === undefined) throw new Error("amino: the compiler wrote an instruction that this plug-in does not know");
  for (const part of parts[kind]) {
    const get = binaryen[kind][`get${part}`](expression);
    const made = Array.isArray(get) ? get.map((e) => walk(e, replace)) : walk(get, replace);
    if (made) binaryen[kind][`set${part}`](expression, made);
  }
  return replace(expression, kind);
}

function zero(module, type) {
  switch (type) {
    case binaryen.none: return undefined;
    case binaryen.i32: return module.i32.const(0);
    case binaryen.i64: return module.i64.const(0n);
    case binaryen.f32: return module.f32.const(0);
    case binaryen.f64: return module.f64.const(0);
    case binaryen.v128: return module.v128.const(new Array(16).fill(0));
    default: return module.ref.null(type);
  }
}

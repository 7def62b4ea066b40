// Reads the class marked @microservice out of the syntax tree.

import { CommonFlags, NodeKind, SourceKind } from "assemblyscript";
import { docBefore } from "./doc.js";
import { witType } from "./types.js";

/** A Mistake is something in the user's source that makes no microservice; the compiler shows it with its place. */
export class Mistake extends Error {
  constructor(range, message) {
    super(message);
    this.range = range;
  }
}

/**
 * Finds the one microservice of a program.
 * @returns {{source, className, name, doc, dms, maker, methods}} parameters are {name, type, wit, initializer}, the maker is
 *   {doc, params}, methods are {name, spelled, doc, params, result, wit, readonly}; types and initializers are source text.
 */
export function findMicroservice(sources) {
  const found = [];
  for (const source of sources.filter((s) => s.sourceKind === SourceKind.User || s.sourceKind === SourceKind.UserEntry)) {
    for (const node of source.statements) {
      if (node.kind === NodeKind.ClassDeclaration && decorator(node, "microservice")) found.push({ source, node });
    }
  }
  const entry = sources.find((s) => s.sourceKind === SourceKind.UserEntry && !s.normalizedPath.startsWith("~lib/"));
  if (found.length === 0) throw new Mistake(entry?.range ?? null, "no class is marked @microservice");
  if (found.length > 1) throw new Mistake(found[1].node.name.range, "a module holds one @microservice, and this is the second");
  const { source, node } = found[0];
  if (source.sourceKind !== SourceKind.UserEntry) {
    throw new Mistake(node.name.range, "the @microservice must be in the file that is given to asc");
  }
  if (node.typeParameters?.length) throw new Mistake(node.name.range, "a @microservice cannot be generic");
  node.flags &= ~CommonFlags.Export; // a class cannot be a WebAssembly export, and asc would warn of it
  return describe(source, node, sources);
}

function describe(source, node, sources) {
  const options = readOptions(decorator(node, "microservice"));
  const className = node.name.text;
  const members = node.members.filter((m) => m.kind === NodeKind.MethodDeclaration);
  const constructor = members.find((m) => m.is(CommonFlags.Constructor));
  const hidden = CommonFlags.Private | CommonFlags.Protected | CommonFlags.Static | CommonFlags.Constructor |
    CommonFlags.Get | CommonFlags.Set;
  const methods = members.filter((m) => !m.isAny(hidden) && !m.name.text.startsWith("_"));
  const service = {
    source,
    className,
    name: options.name ?? snake(className).replaceAll("_", "-"),
    doc: docBefore(source.text, node.range.start),
    dms: options.dms ?? [],
    maker: {
      doc: constructor ? docBefore(source.text, constructor.range.start) : "",
      params: constructor ? constructor.signature.parameters.map((p) => readParam(p, sources)) : [],
    },
    methods: methods.map((m) => readMethod(source, m, sources)),
  };
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(service.name)) {
    throw new Mistake(node.name.range, `"${service.name}" is no name of a microservice: a-z, 0-9 and "-", at most 63`);
  }
  const seen = new Set();
  for (const [i, method] of service.methods.entries()) {
    if (seen.has(method.name)) throw new Mistake(methods[i].name.range, `two methods are called "${method.name}"`);
    seen.add(method.name);
  }
  return service;
}

function readMethod(source, node, sources) {
  if (node.typeParameters?.length) throw new Mistake(node.name.range, "a method that others call cannot be generic");
  const result = node.signature.returnType;
  return {
    name: snake(node.name.text),
    spelled: node.name.text,
    doc: docBefore(source.text, node.range.start),
    params: node.signature.parameters.map((p) => readParam(p, sources)),
    result: result.range.toString(),
    wit: check(result, witType(result, sources)),
    readonly: decorator(node, "readonly") !== undefined,
  };
}

/** Reads a parameter. One with a default may be left out, and an argument may be left out if it is an option. */
function readParam(node, sources) {
  const wit = check(node.type, witType(node.type, sources));
  if (wit === "") throw new Mistake(node.type.range, "a parameter cannot be void");
  const initializer = node.initializer?.range.toString();
  return {
    name: node.name.text,
    type: node.type.range.toString(),
    wit: initializer === undefined || wit.startsWith("option<") ? wit : `option<${wit}>`,
    initializer,
  };
}

function check(node, wit) {
  if (wit !== undefined) return wit;
  throw new Mistake(node.range, `type "${node.range}" cannot be passed to or from a microservice; see the README for those that can`);
}

function decorator(node, name) {
  return node.decorators?.find((d) => d.name.text === name);
}

/** Reads the argument of @microservice: {name: "...", dms: ["..."]}. */
function readOptions(node) {
  const options = {};
  const wrong = (at) => new Mistake(at.range, '@microservice takes {name: "…", dms: ["…"]}');
  if (!node.args?.length) return options;
  const [literal] = node.args;
  if (node.args.length > 1 || literal.kind !== NodeKind.Literal || !literal.names) throw wrong(node);
  literal.names.forEach((key, i) => {
    const value = literal.values[i];
    if (key.text === "name" && typeof value.value === "string") options.name = value.value;
    else if (key.text === "dms" && value.elementExpressions?.every((e) => typeof e.value === "string")) {
      options.dms = value.elementExpressions.map((e) => e.value);
    } else throw wrong(value);
  });
  return options;
}

/** Turns putAll, PutAll and HTTPGet into put_all, put_all and http_get. */
export function snake(name) {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1_$2")
    .toLowerCase();
}

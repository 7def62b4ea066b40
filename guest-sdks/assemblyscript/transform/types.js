// Says what AssemblyScript's types are called in a manifest.

import { NodeKind } from "assemblyscript";

const plain = {
  void: "", bool: "bool", boolean: "bool",
  i8: "s8", i16: "s16", i32: "s32", i64: "s64", isize: "s32",
  u8: "u8", u16: "u16", u32: "u32", u64: "u64", usize: "u32",
  f32: "f32", f64: "f64", number: "f64",
  string: "string", String: "string",
  Uint8Array: "list<u8>", ArrayBuffer: "list<u8>",
  Value: "value",
};
const keys = /^(string|[su](8|16|32|64))$/;

/** Returns the WIT type of a type in the syntax tree, "" for void, or undefined if it has none. */
export function witType(node, sources) {
  if (node.kind !== NodeKind.NamedType || node.name.next) return undefined;
  const wit = named(node, sources);
  if (!wit || !node.isNullable) return wit;
  return `option<${wit}>`;
}

function named(node, sources) {
  const name = node.name.identifier.text;
  const args = (node.typeArguments ?? []).map((a) => witType(a, sources));
  if (args.includes(undefined) || args.includes("")) return undefined;
  switch (name) {
    case "Array":
    case "StaticArray":
      return args.length === 1 ? `list<${args[0]}>` : undefined;
    case "Map":
      return args.length === 2 && keys.test(args[0]) ? `map<${args[0]}, ${args[1]}>` : undefined;
  }
  if (args.length > 0) return undefined;
  return Object.hasOwn(plain, name) ? plain[name] : declared(name, sources);
}

/** Looks through the user's own `type X = …` and `enum X`. */
function declared(name, sources) {
  for (const source of sources.filter((s) => !s.isLibrary)) {
    for (const statement of source.statements) {
      if (statement.name?.text !== name) continue;
      if (statement.kind === NodeKind.EnumDeclaration) return "s32";
      if (statement.kind === NodeKind.TypeDeclaration && !statement.typeParameters) return witType(statement.type, sources);
    }
  }
  return undefined;
}

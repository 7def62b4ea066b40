// The syntax tree has no comments, so doc comments are taken from the text before a declaration.

/** Returns the text of the doc comment right before an offset, or "". Decorators and modifiers may stand between. */
export function docBefore(text, offset) {
  const before = text.slice(0, offset).replace(/(\s|@\w+(\([^)]*\))?|\b(export|default|public|abstract|readonly)\b)*$/, "");
  if (!before.endsWith("*/")) return "";
  const start = before.lastIndexOf("/*");
  if (!before.startsWith("/**", start)) return "";
  const lines = before.slice(start + 3, -2).split("\n").map((line) => line.replace(/^\s*\*?\s?/, "").trimEnd());
  return lines.join("\n").trim();
}

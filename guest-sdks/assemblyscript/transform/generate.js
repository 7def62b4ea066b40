// Writes the AssemblyScript that takes a call apart, runs the method and makes the reply.

/** Returns source text to stand behind the microservice's own. Its names begin with two underscores. */
export function generate(service) {
  return `
import { Call as __Call, mark as __mark, rewind as __rewind } from "amino/abi";
import { Code as __Code, end as __end } from "amino/failure";
export { amino_abi_v1, amino_alloc, amino_resume } from "amino/abi";

const __c = new __Call();
let __it: ${service.className} | null = null;

export function amino_invoke(ptr: usize, len: i32): i64 {
  const stack = __mark();
  __c.open(ptr, len);
  const answer = __answer(), thrown = __end();
  __rewind(stack);
  return thrown ? __c.refuse() : answer;
}

function __answer(): i64 {
  return __c.constructing ? __construct() : __dispatch();
}

function __construct(): i64 {
${takeArguments(service.maker.params)}
  const __made = new ${service.className}(${names(service.maker.params)});
  if (__c.failed) return __c.refuse();
  __it = __made;
  return __c.done();
}

function __dispatch(): i64 {
${service.methods.map((m, i) => `  if (__c.is("${m.name}")) return __method${i}();\n`).join("")}  return __c.unknown();
}

${service.methods.map((m, i) => method(m, i)).join("")}`;
}

function method(m, i) {
  const call = `__me.${m.spelled}(${names(m.params)})`;
  const run = m.wit === "" ? `${call};\n  return __c.done();` : `return __c.reply<${m.result}>(${call});`;
  return `
function __method${i}(): i64 {
  const __me = __it;
  if (__me === null) return __c.deny(__Code.Internal, "the constructor has not been called");
${takeArguments(m.params)}
  ${run}
}
`;
}

/** Arguments become constants of the parameters' names, so that a default may speak of the parameters before it. */
function takeArguments(params) {
  const takes = params.map(({ name, type, initializer }) => {
    const take = `__c.arg<${type}>("${name}")`;
    return `  const ${name}: ${type} = ${initializer === undefined ? take : `__c.given() ? ${take} : ${initializer}`};\n`;
  });
  return `${takes.join("")}  if (!__c.ready()) return __c.refuse();`;
}

function names(params) {
  return params.map((p) => p.name).join(", ");
}

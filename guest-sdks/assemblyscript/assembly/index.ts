/** What a microservice written in AssemblyScript may use: `import { call, config, log } from "amino"`. */

export { Args, Result, arg, call, tryCall, verb } from "./call";
export { Code, fail } from "./failure";
export { Identity, Level, config, log, now, random, whoami } from "./host";
export { Kind, Value } from "./value";

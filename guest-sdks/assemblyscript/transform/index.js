// The compiler plug-in: `asc counter.ts --transform @amino.run/assemblyscript`. It serves the library as "amino", finds
// the class marked @microservice, adds the code that answers its calls, and puts its manifest into the module.

import { readFileSync, readdirSync } from "node:fs";
import { DiagnosticCode, Source, SourceKind, Token, Tokenizer } from "assemblyscript";
import { libraryFiles } from "assemblyscript/asc";
import { addExceptions } from "./exceptions.js";
import { generate } from "./generate.js";
import { manifest } from "./manifest.js";
import { findMicroservice, Mistake } from "./service.js";

const library = new URL("../assembly/", import.meta.url);

export default class AminoTransform {
  /** Runs before anything is parsed: the compiler looks up imports in libraryFiles. */
  constructor() {
    for (const file of readdirSync(library).filter((name) => name.endsWith(".ts"))) {
      libraryFiles["amino/" + file.slice(0, -".ts".length)] = readFileSync(new URL(file, library), "utf8");
    }
    libraryFiles["bindings/dom"] = libraryFiles["amino/bindings"];
  }

  afterParse(parser) {
    this.setOptions(this.program.options);
    try {
      const service = findMicroservice(parser.sources);
      append(parser, service.source, generate(service));
      this.service = service;
    } catch (e) {
      if (!(e instanceof Mistake)) throw e;
      parser.error(DiagnosticCode.User_defined_0, e.range, e.message);
    }
  }

  /** Sets what every microservice needs, so that no command line has to. */
  setOptions(options) {
    options.exportStart = "_initialize";
    options.globalAliases ??= new Map();
    for (const name of ["abort", "trace", "seed"]) {
      const file = name === "seed" ? "host" : "failure";
      options.globalAliases.set(name, `~lib/amino/${file}/${name}`);
    }
  }

  /** Works on the compiled module, which is Binaryen's. */
  afterCompile(module) {
    addExceptions(module, {
      leave: "~lib/amino/failure/leave",
      thrown: "~lib/amino/failure/thrown",
      roots: [`${this.service.source.internalPath}/amino_invoke`],
    });
    module.addCustomSection("amino.manifest", new TextEncoder().encode(JSON.stringify(manifest(this.service))));
  }
}

/** Parses text as if it stood at the end of a source, so that it sees that source's names. */
function append(parser, source, text) {
  const tokens = new Tokenizer(new Source(SourceKind.User, source.normalizedPath, text));
  parser.currentSource = source;
  while (!tokens.skip(Token.EndOfFile)) {
    const statement = parser.parseTopLevelStatement(tokens, null);
    if (!statement) break;
    source.statements.push(statement);
  }
  parser.currentSource = null;
}

package wasm

// What a module may have at most. A compiler's work grows with more than a
// module's bytes: wazero 1.12.0 takes minutes and gigabytes for some modules of a
// few hundred kilobytes, so they are refused before it sees them. The figures leave
// real modules (the largest of Go, Rust, C++ and AssemblyScript) ample room.
const (
	MaxModule    = 64 << 20
	maxCode      = 32 << 20 // bytes of all functions
	maxBody      = 1 << 20  // bytes of one function
	maxTypes     = 10_000
	maxFuncs     = 100_000
	maxImports   = 1_000
	maxExports   = 10_000
	maxGlobals   = 10_000
	maxTags      = 1_000
	maxSegments  = 1_000_000 // active data segments: they become the base image
	maxElements  = 1 << 20   // entries of all element segments
	maxTables    = 10
	maxTableSize = 1 << 18 // entries of all tables: 8 bytes each in every instance
	maxPages     = 65535   // of memory; the engine reads 65536 as 0
	maxParams    = 1_000
	maxName      = 4_096
	maxLocals    = 10_000 // of one function
	maxDepth     = 5_000  // of nested blocks
	maxTargets   = 65_536 // of one br_table

	// maxWork and maxBodyWork bound what work estimates, for all functions
	// together and for one.
	maxWork     = 60_000_000
	maxBodyWork = 5_000_000
)

// work estimates the microseconds that wazero takes to compile a function. Its
// passes over blocks are quadratic, those over loops more so, and every local may
// take a value in every block (measured with straight code, chains of blocks and of
// loops, and branch tables).
func work(size, locals, blocks, loops, targets uint64) uint64 {
	blocks += targets / 8
	return 10 + size + locals*blocks*4/5 + blocks*blocks/55 + loops*loops/6
}

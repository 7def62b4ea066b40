// Package amino is the root of Amino.Run: plain objects in any language, compiled
// to WebAssembly, distributed by deployment managers named at deploy time.
//
// It holds no code. The rooms are abi, dms, host, kernel, oms and cmd; what each
// is for, and who may import whom, deps_test.go says and checks.
package amino

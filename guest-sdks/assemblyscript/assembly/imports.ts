/** The imports of ABI.md, as they are. A buffer handed over is live until the call returns, because its owner is on the stack. */

// @ts-ignore: decorator
@external("amino", "invoke")
export declare function invoke(ptr: usize, len: i32): i32;

// @ts-ignore: decorator
@external("amino", "take")
export declare function take(ptr: usize): void;

// @ts-ignore: decorator
@external("amino", "self")
export declare function self(): i32;

// @ts-ignore: decorator
@external("amino", "config")
export declare function config(ptr: usize, len: i32): i32;

// @ts-ignore: decorator
@external("amino", "log")
export declare function log(level: i32, ptr: usize, len: i32): void;

// @ts-ignore: decorator
@external("amino", "now")
export declare function now(): i64;

// @ts-ignore: decorator
@external("amino", "random")
export declare function random(ptr: usize, len: i32): void;

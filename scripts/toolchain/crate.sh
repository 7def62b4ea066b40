# What the scripts that build interpreters share. Source it: . "$(dirname "$0")/crate.sh"
. "$(dirname "$0")/apt.sh"

# crate NAME VERSION DIR puts the sources of a crate of crates.io, which carries C, into DIR/vendor/NAME.
crate() {
	[ -f "$3/vendor/$1/.cargo-checksum.json" ] && grep -q "\"=$2\"" "$3/Cargo.toml" && return
	cargo=$(cd "$(dirname "$0")/../.." && pwd)/build/toolchain/rust/bin/cargo
	[ -x "$cargo" ] || { command -v cargo >/dev/null || apt_install cargo; cargo=cargo; }
	rm -rf "$3"
	mkdir -p "$3/src"
	touch "$3/src/lib.rs"
	printf '[package]\nname = "sources"\nversion = "0.0.0"\n[dependencies]\n%s = "=%s"\n[workspace]\n' "$1" "$2" >"$3/Cargo.toml"
	(cd "$3" && again "$cargo" vendor -q vendor >/dev/null)
}

# wasi ARGUMENTS... runs clang for WebAssembly. The same source makes the same bytes wherever it is.
wasi() {
	for clang in "${CLANG:-clang-22}" clang; do
		command -v "$clang" >/dev/null && break
	done
	flags=
	"$clang" --help | grep -q -e --no-wasm-opt && flags=--no-wasm-opt # an older wasm-opt on the PATH cannot read its output
	"$clang" $flags --target=wasm32-wasi -Wno-deprecated -Wno-unused-command-line-argument -Os -fwrapv -ffile-prefix-map="$PWD=." "$@"
}

#!/bin/sh
# Installs what compiles Rust to WebAssembly: the target, if rustup is here and can; else Debian's compiler in
# build/toolchain/rust, beside whatever other Rust there is, with a standard library built for the target (some minutes).
# Does nothing when done.
set -eu
. "$(dirname "$0")/apt.sh"
target=wasm32-unknown-unknown
dir=$(cd "$(dirname "$0")/../.." && pwd)/build/toolchain/rust

[ -f "$dir/done" ] && exit
if command -v rustup >/dev/null; then
	timeout 300 rustup -q target add $target 2>/dev/null && exit
	echo "rustup cannot add $target; using Debian's compiler" >&2
fi

apt_install gcc libc6-dev lld-22 libllvm22 libgit2-1.5 libcurl4 libssh2-1 libsqlite3-0 ca-certificates
rm -rf "$dir" && mkdir -p "$dir/packages"
(cd "$dir/packages" && again apt-get download -qq -o APT::Sandbox::User=root rustc-web cargo-web rust-web-src libstd-rust-web-dev "$(apt_depends libstd-rust-web-dev libstd-rust-web-)")
for package in "$dir"/packages/*.deb; do
	dpkg-deb -x "$package" "$dir"
done

mkdir "$dir/bin"
cat >"$dir/bin/rustc" <<-END
	#!/bin/sh
	LD_LIBRARY_PATH=$dir/usr/lib/$(uname -m)-linux-gnu:$dir/usr/lib exec $dir/usr/bin/rustc "\$@"
END
cat >"$dir/bin/cargo" <<-END
	#!/bin/sh
	export RUSTC=$dir/bin/rustc CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-22
	exec $dir/usr/bin/cargo "\$@"
END
chmod +x "$dir"/bin/*

# The standard library: an empty crate that is built together with it, once.
library=$(echo "$dir"/usr/src/rustc-*/library)
sysroot=$dir/usr/lib/rustlib
rm -rf "$sysroot/src" && mkdir -p "$sysroot/src/rust" && ln -s "$library" "$sysroot/src/rust/library"
mkdir -p "$dir/std/src" && touch "$dir/std/src/lib.rs"
printf '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n' >"$dir/std/Cargo.toml"
(cd "$dir/std" && RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Cembed-bitcode=yes "$dir/bin/cargo" build -q --release --offline --target $target -Zbuild-std=std,panic_abort \
	--config 'source.crates-io.replace-with="vendor"' --config "source.vendor.directory=\"$library/vendor\"")
mkdir -p "$sysroot/$target/lib"
cp "$dir"/std/target/$target/release/deps/lib*.rlib "$sysroot/$target/lib/"
rm -rf "$sysroot/$target"/lib/libempty-* "$dir/std" "$dir/packages" "$dir/usr/src" "$sysroot/src" "$dir/usr/share"
rm -rf "$dir/../../target" # compiled against another standard library
touch "$dir/done"

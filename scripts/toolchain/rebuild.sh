#!/bin/sh
# rebuild.sh [LANGUAGE...]: builds every committed guest again, from source, into build/guests/<same path>, where tests take
# it from with AMINO_GUESTS=rebuilt. Builds what is written in the languages given, and fails if the tools of one are
# missing; without arguments builds whatever there are tools for. What has not changed since is not built again.
# The compilers make the same bytes of the same source, so it says which guests differ from the committed ones: they are
# stale, or another version of the compiler made them, or in Rust a crate whose SDK is at another absolute path.
set -eu
cd "$(dirname "$0")/../.."
tools=scripts/toolchain

# language_of DIR prints what the microservice in a folder is written in; nothing if its guest is not committed.
language_of() {
	if [ -f "$1/Cargo.toml" ]; then
		echo rust
	elif [ -f "$1/index.ts" ]; then
		echo assemblyscript
	elif ls "$1"/*.c >/dev/null 2>&1; then
		echo c
	fi
}

# compiler LANGUAGE prints which version is installed; it fails if none is, or not all of it.
compiler() {
	case $1 in
	assemblyscript)
		command -v node >/dev/null && cat build/toolchain/assemblyscript/version
		;;
	c)
		for clang in "${CLANG:-clang-22}" clang; do
			command -v "$clang" >/dev/null && break
		done
		echo '#include <stdio.h>' | "$clang" --target=wasm32-wasi -mexec-model=reactor -x c - -o /dev/null && "$clang" --version
		;;
	rust)
		PATH="$PWD/build/toolchain/rust/bin:$PATH"
		[ -d "$(rustc --print target-libdir --target wasm32-unknown-unknown)" ] && rustc -vV
		;;
	*)
		false
		;;
	esac 2>/dev/null
}

# fingerprint LANGUAGE DIR VERSION hashes all that a guest is made of.
fingerprint() {
	{
		echo "$3"
		find "$2" "guest-sdks/$1" "$tools/build-$1.sh" -type f ! -path '*/target/*' ! -path '*/node_modules/*' \
			! -path '*/test/*' ! -path '*/tests/*' ! -name '*.wasm' ! -name '*.md' | LC_ALL=C sort | xargs sha256sum
	} | sha256sum
}

guests=$(find guest-sdks examples kernel -name '*.wasm' ! -path '*/target/*' ! -path '*/node_modules/*' | LC_ALL=C sort)
missing=
for language in ${*:-assemblyscript c rust}; do
	version=$(compiler "$language") || missing="$missing $language"
	for guest in $guests; do
		dir=$(dirname "$guest") out=build/guests/$guest
		[ "$(language_of "$dir")" = "$language" ] || continue
		case "$missing " in *" $language "*)
			rm -f "$out" # it may be of another source
			continue ;;
		esac
		key=$(fingerprint "$language" "$dir" "$version")
		if [ ! -f "$out" ] || [ "$(cat "$out.key" 2>/dev/null)" != "$key" ]; then
			mkdir -p "$(dirname "$out")"
			rm -f "$out" "$out.key"
			sh "$tools/build-$language.sh" "$dir" "$out.new"
			mv "$out.new" "$out"
			echo "$key" >"$out.key"
		fi
		cmp -s "$guest" "$out" || echo "$guest: what is committed has $(wc -c <"$guest") bytes, rebuilt it has $(wc -c <"$out") and is not the same"
	done
done
[ -z "$missing" ] || echo "not rebuilt, for want of tools ($tools/install.sh):$missing" >&2
[ $# -eq 0 ] || [ -z "$missing" ]

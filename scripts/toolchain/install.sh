#!/bin/sh
# install.sh [LANGUAGE...]: installs what compiles microservices in the languages given, or in all there is a script for.
# Everything comes by name from the package registries that this machine's clients are set up for: Debian's packages, and
# what the language itself has. What is not a Debian package goes into build/toolchain. Run it as often as you like.
set -u
cd "$(dirname "$0")"

languages() {
	for build in build-*.sh; do
		language=${build#build-}
		echo "${language%.sh}"
	done
}

[ $# -gt 0 ] || set -- $(languages)
failed=
for language; do
	if [ ! -f "$language.sh" ] || [ ! -f "build-$language.sh" ]; then
		echo "no toolchain for $language; there is one for:" $(languages) >&2
		failed="$failed $language"
	elif ! sh "$language.sh"; then
		echo "the toolchain for $language is not complete: see above" >&2
		failed="$failed $language"
	fi
done
[ -z "$failed" ]

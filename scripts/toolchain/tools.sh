#!/bin/sh
# Installs what the tests use beside the compilers of guests: a native C compiler, and what makes network namespaces. The
# tests that need the latter are skipped where it is missing, so that is not an error. Does nothing when done.
set -eu
. "$(dirname "$0")/apt.sh"
command -v cc >/dev/null || apt_install gcc libc6-dev
apt_install iproute2 nftables || echo "the tests of network partitions will be skipped" >&2

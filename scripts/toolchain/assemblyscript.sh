#!/bin/sh
# Installs the AssemblyScript compiler into build/toolchain/assemblyscript, and Node.js if there is none. Does nothing when done.
set -eu
cd "$(dirname "$0")/../.."

version=0.28.20
dir=build/toolchain/assemblyscript

if ! command -v npm >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends nodejs npm
fi
if [ "$(cat $dir/version 2>/dev/null)" != $version ]; then
  mkdir -p $dir
  echo '{"private": true, "type": "module"}' >$dir/package.json
  npm install --prefix $dir --no-audit --no-fund --loglevel=error assemblyscript@$version
  # The SDK stands beside the compiler, as npm would put it.
  mkdir -p $dir/node_modules/@amino.run
  ln -sfn ../../../../../guest-sdks/assemblyscript $dir/node_modules/@amino.run/assemblyscript
  echo $version >$dir/version
fi

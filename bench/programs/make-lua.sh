#!/bin/sh
# make-lua.sh ARCHIVE: nanoseconds of `make -j2` of Lua's sources.
set -e
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
tar xf "$1" --strip-components=1
begin=$(date +%s%N)
make -s -j2 -C src linux MYLIBS= MYCFLAGS= >/dev/null 2>&1
echo $(($(date +%s%N) - begin))

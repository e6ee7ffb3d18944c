#!/bin/sh
# Nanoseconds of five runs of `git status` in a work tree of 10,000 files.
set -e
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export HOME="$dir" GIT_CONFIG_NOSYSTEM=1
git init -q work
git -C work config gc.auto 0
cd work
for d in $(seq 100); do
  mkdir "d$d"
  for f in 0 1 2 3 4 5 6 7 8 9; do
    for g in 0 1 2 3 4 5 6 7 8 9; do echo "$d $f $g" >"d$d/f$f$g"; done
  done
done
git add .
git -c user.name=a -c user.email=a@example.org commit -q -m all
begin=$(date +%s%N)
for i in 1 2 3 4 5; do git status --porcelain; done
echo $(($(date +%s%N) - begin))

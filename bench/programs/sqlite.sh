#!/bin/sh
# Nanoseconds of 20,000 inserts into a table on a disk file, a transaction each.
set -e
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
{
  echo 'PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, n INTEGER);'
  i=0
  while [ $i -lt 20000 ]; do echo "INSERT INTO t(name, n) VALUES ('name of $i', $i);"; i=$((i + 1)); done
} >inserts
begin=$(date +%s%N)
sqlite3 data.db <inserts >/dev/null
echo $(($(date +%s%N) - begin))

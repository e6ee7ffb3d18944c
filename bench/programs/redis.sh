#!/bin/sh
# redis.sh set|get: nanoseconds of a request of redis-benchmark, fifty clients at a time over loopback.
set -e
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
redis-server --port 7379 --save '' --daemonize yes --logfile redis.log >/dev/null
until redis-cli -p 7379 ping >/dev/null 2>&1; do sleep 0.05; done
redis-benchmark -p 7379 -n 20000 -c 50 -t "$1" --csv | tail -1 | awk -F'"' '{ printf "%.0f\n", 1e9 / $4 }'
redis-cli -p 7379 shutdown nosave >/dev/null 2>&1 || true

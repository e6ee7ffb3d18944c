# What the scripts of this folder share: a scratch directory, a root of busybox, and checks that count. Sourced, not run.
# Each script installs what it needs (Debian packages), runs daemons of its own in a network namespace of its own, and takes all away.
set -u
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
# RUNSC names another of our runtimes to test: the executable.
runsc=$(realpath "${RUNSC:-$checkout/runsc}")
scratch=$(mktemp -d /tmp/tsvisor-client.XXXXXX)
failed=0
passed=0

[ "$(id -u)" = 0 ] || { echo "$0: needs root" >&2; exit 1; }
TSVISOR_PREPARE=1 "$checkout/runsc" || exit 1

# need PACKAGE... : installs what is missing.
need() {
  for package in "$@"; do
    dpkg -s "$package" > /dev/null 2>&1 || apt-get install -y --no-install-recommends "$package" > /dev/null || exit 1
  done
}

# make_root DIRECTORY: a root file system of a static busybox.
make_root() {
  mkdir -p "$1/bin" "$1/etc" "$1/tmp"
  cp /bin/busybox "$1/bin/"
  for name in $("$1/bin/busybox" --list); do [ -e "$1/bin/$name" ] || ln -s busybox "$1/bin/$name"; done
  echo 'root:x:0:0:root:/root:/bin/sh' > "$1/etc/passwd"
  echo 'root:x:0:' > "$1/etc/group"
}

# wait_for COMMAND...: until it succeeds, at most a minute.
wait_for() {
  tries=0
  until "$@" > /dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || { echo "$0: gave up waiting for: $*" >&2; exit 1; }
    sleep 0.1
  done
}

# check NAME EXPECTED ACTUAL
check() {
  if [ "$2" = "$3" ]; then
    passed=$((passed + 1))
    echo "ok      $1"
  else
    failed=$((failed + 1))
    echo "NOT OK  $1"
    printf 'expected: %s\nactual:   %s\n' "$2" "$3"
  fi
}

# outcome COMMAND...: what it prints, and its exit status.
outcome() {
  timeout 60 "$@" < "${input:-/dev/null}" 2>&1
  echo "status $?"
}

finish() {
  echo "$passed passed, $failed failed"
  [ $failed = 0 ]
  exit
}

#!/bin/bash
# Podman as an ordinary user, with the ids that newuidmap gives and with nothing but his own: the same with our runtime as with runc.
. "$(dirname "$0")/client.sh"
need podman conmon runc busybox-static uidmap

user=tsvisor-$$
clean() {
  as_user podman rm -fa -t 0 > /dev/null 2>&1
  userdel "$user" 2> /dev/null
  rm -rf "$scratch"
}
trap clean EXIT

useradd --no-create-home --home-dir "$scratch/home" "$user"
chmod 755 "$scratch"
make_root "$scratch/root"
chown -R "$user" "$scratch"

as_user() {
  command=$1
  shift
  (cd "$scratch" && HOME=$scratch/home XDG_RUNTIME_DIR=$scratch/run timeout 100 setpriv --reuid="$user" --regid="$user" --init-groups \
    "$command" --root "$scratch/data" --runroot "$scratch/run/c" --tmpdir "$scratch/run/t" --storage-driver vfs \
    --storage-opt vfs.ignore_chown_errors=true --cgroup-manager cgroupfs --events-backend file "$@")
}
runtime() { [ "$1" = runc ] && echo runc || echo "$runsc"; }
# Lines of standard output and error come in any order.
run() {
  kind=$1
  shift
  as_user podman --runtime "$(runtime "$kind")" "$@" < /dev/null 2>&1 | sort | sed -E "s#$runsc#runc#g; s/box-(runc|ours)/box/g; s/[0-9a-f]{12,64}/ID/g"
  echo "status ${PIPESTATUS[0]}"
}
same() {
  name=$1
  shift
  check "$ids: $name" "$(run runc run --rm --pull=never "$@")" "$(run ours run --rm --pull=never "$@")"
}
both() {
  name=$1
  shift
  check "$ids: $name" "$(run runc "${@//@/box-runc}")" "$(run ours "${@//@/box-ours}")"
}

all() {
  mkdir -p "$scratch/home" "$scratch/run"
  chown "$user" "$scratch/home" "$scratch/run"
  tar -C "$scratch/root" -c . > "$scratch/root.tar"
  as_user podman import "$scratch/root.tar" box:latest > /dev/null 2>&1
  check "$ids: runc works" 'out status 3' "$(run runc run --rm --pull=never --network none box sh -c 'echo out; exit 3' | tr '\n' ' ' | sed 's/ $//')"
  same 'output and status' --network none box sh -c 'echo out; exit 3'
  same 'ids' --network none box sh -c 'id -u; id -g; echo x > /made; ls -ln /made | cut -c1-20'
  same 'network of the host' --network host box cat /proc/net/route
  same 'read-only root, tmpfs' --network none --read-only --tmpfs /tmp box sh -c 'touch /tmp/x /y; ls /tmp'
  for kind in runc ours; do
    as_user podman --runtime "$(runtime $kind)" run -d --name "box-$kind" --pull=never --network none box \
      sh -c 'trap "exit 8" TERM; while :; do sleep 0.1; done' > /dev/null 2>&1
  done
  both 'exec' exec -w /etc @ sh -c 'id -u; pwd; exit 5'
  both 'stop' stop @
  both 'status after stop' inspect -f '{{.State.ExitCode}}' @
  both 'remove' rm @
  as_user podman unshare rm -rf "$scratch/data" "$scratch/run"
  # Ends the process that holds his namespaces.
  as_user podman system migrate > /dev/null 2>&1
  rm -rf "$scratch/data" "$scratch/run" "$scratch/home"
}

ids='newuidmap'
all
# Without entries there is one id, his own, which needs nobody's help.
sed -i "/^$user:/d" /etc/subuid /etc/subgid
ids='one id'
all
finish

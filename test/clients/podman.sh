#!/bin/bash
# Podman as root with our runtime beside runc: each command must print the same and end the same with both.
. "$(dirname "$0")/client.sh"
need podman conmon runc busybox-static

clean() {
  podman rm -fa -t 0 > /dev/null 2>&1
  rm -rf "$scratch"
}
trap clean EXIT

podman() { command podman --root "$scratch/data" --runroot "$scratch/run" --tmpdir "$scratch/tmp" --storage-driver vfs \
  --cgroup-manager cgroupfs --events-backend file "$@"; }
runtime() { [ "$1" = runc ] && echo runc || echo "$runsc"; }

make_root "$scratch/root"
tar -C "$scratch/root" -c . | podman import - box:latest > /dev/null 2>&1
mkdir "$scratch/volume"
echo data > "$scratch/volume/file"
# Without CAP_SYS_RESOURCE Podman's own defaults cannot be set by runc.
common=(--pull=never --network none --ulimit nofile=1024:1024 --ulimit nproc=1024:1024)

run() {
  kind=$1
  shift
  podman --runtime "$(runtime "$kind")" "$@" < "${input:-/dev/null}" 2>&1 |
    sed -E "s#$runsc#runc#g; s/runc create failed: unable to start container process: //; s/box-(runc|ours)/box/g; s/[0-9a-f]{12,64}/ID/g"
  echo "status ${PIPESTATUS[0]}"
}
same() {
  name=$1
  shift
  check "$name" "$(run runc run --rm "${common[@]}" "$@")" "$(run ours run --rm "${common[@]}" "$@")"
}
both() {
  name=$1
  shift
  check "$name" "$(run runc "${@//@/box-runc}")" "$(run ours "${@//@/box-ours}")"
}

check 'runc works' 'out status 3' "$(run runc run --rm "${common[@]}" box sh -c 'echo out; exit 3' | tr '\n' ' ' | sed 's/ $//')"
same 'output and status' box sh -c 'echo out; exit 3'
same 'ids' box sh -c 'id -u; id -g; grep Cap /proc/self/status'
same 'environment, user, directory' -e A=b -u 5:6 -w /tmp box sh -c 'echo $A; id -u; id -g; pwd'
same 'volumes' -v "$scratch/volume:/v:ro" box sh -c 'cat /v/file; touch /v/x'
same 'read-only root, tmpfs' --read-only --tmpfs /etc box sh -c 'cat /etc/passwd; touch /etc/y /z'
same 'missing command' box missing
same 'pids' --pids-limit 20 box sh -c 'i=0; while [ $i -lt 40 ]; do sleep 1 & i=$((i+1)); done'
for kind in runc ours; do
  podman --runtime "$(runtime $kind)" run -d --name "box-$kind" "${common[@]}" box \
    sh -c 'trap "exit 8" TERM; echo up; while :; do sleep 0.1; done' > /dev/null 2>&1
done
both 'exec' exec -u 3 -w /etc -e Q=1 @ sh -c 'id -u; pwd; echo $Q; exit 5'
terminal() { script -qec "command podman --root $scratch/data --runroot $scratch/run --tmpdir $scratch/tmp --storage-driver vfs --cgroup-manager cgroupfs --events-backend file --runtime $(runtime $1) exec -it box-$1 sh -c 'tty; exit 4'" /dev/null < /dev/null; echo "status $?"; }
check 'exec with a terminal' "$(terminal runc)" "$(terminal ours)"
both 'pause' pause @
both 'unpause' unpause @
both 'logs' logs @
both 'stop' stop @
both 'status after stop' inspect -f '{{.State.ExitCode}}' @
both 'remove' rm @
finish

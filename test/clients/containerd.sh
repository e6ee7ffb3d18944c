#!/bin/bash
# containerd's ctr with runc's shim and our binary: each command must print the same and end the same as with runc.
. "$(dirname "$0")/client.sh"
need containerd runc busybox-static

address=$scratch/sock
ctr() { command ctr -a "$address" "$@"; }

clean() {
  for task in $(ctr task ls -q 2> /dev/null); do ctr task rm -f "$task" > /dev/null 2>&1; done
  for id in $(ctr container ls -q 2> /dev/null); do ctr container rm "$id" > /dev/null 2>&1; done
  kill "$daemon"
  wait "$daemon" 2> /dev/null
  rm -rf "$scratch"
}
trap clean EXIT

printf 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n' > "$scratch/config.toml"
containerd --config "$scratch/config.toml" --root "$scratch/data" --state "$scratch/state" --address "$address" > "$scratch/log" 2>&1 &
daemon=$!
wait_for ctr version

# An image in docker's archive format: one layer.
image=docker.io/library/box:latest
make_root "$scratch/root"
mkdir "$scratch/image"
tar -C "$scratch/root" -cf "$scratch/image/layer.tar" .
digest=$(sha256sum < "$scratch/image/layer.tar" | cut -d' ' -f1)
cat > "$scratch/image/config.json" << END
{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin"],"Cmd":["/bin/sh"]},
 "rootfs":{"type":"layers","diff_ids":["sha256:$digest"]}}
END
echo "[{\"Config\":\"config.json\",\"RepoTags\":[\"$image\"],\"Layers\":[\"layer.tar\"]}]" > "$scratch/image/manifest.json"
tar -C "$scratch/image" -cf "$scratch/image.tar" config.json manifest.json layer.tar
ctr image import "$scratch/image.tar" > /dev/null

# outcome with ctr's own time stamps taken out
run() { outcome /usr/bin/ctr -a "$address" "$@" | sed -E 's/time="[^"]*" //; s/(box|one)-(runc|ours)/\1/g; s/runc create failed: unable to start container process: //'; }

# same NAME COMMAND...: a container by both runtimes
same() {
  name=$1
  shift
  expected=$(run run --rm "$image" one-runc "$@")
  check "$name" "$expected" "$(run run --rm --runc-binary "$runsc" "$image" one-ours "$@")"
}

# both NAME COMMAND...: about running containers; @ stands for the name
both() {
  name=$1
  shift
  check "$name" "$(run "${@//@/box-runc}")" "$(run "${@//@/box-ours}")"
}

check 'runc works' 'out status 3' "$(run run --rm "$image" one-runc sh -c 'echo out; exit 3' | tr '\n' ' ' | sed 's/ $//')"
same 'output and status' sh -c 'echo out; exit 3'
same 'missing command' /bin/missing
terminal() { script -qec "command ctr -a $address run --rm -t $1 $image tty sh -c 'tty; exit 4'" /dev/null < /dev/null; echo "status $?"; }
check 'terminal' "$(terminal '')" "$(terminal "--runc-binary $runsc")"
ctr run -d "$image" box-runc sleep 1000
ctr run -d --runc-binary "$runsc" "$image" box-ours sleep 1000
both 'exec' task exec --exec-id e1 @ sh -c 'echo in; exit 5'
both 'exec, elsewhere' task exec --exec-id e2 --cwd /etc @ pwd
both 'pause' task pause @
both 'resume' task resume @
check 'processes' 1 "$(ctr task ps box-ours | tail -n +2 | grep -c .)"
check 'metrics' yes "$(ctr task metrics box-ours | grep -q 'memory.usage_in_bytes *[1-9]' && echo yes)"
both 'kill' task kill -s KILL @
stopped() { [ "$(ctr task ls | grep -c STOPPED)" = 2 ]; }
wait_for stopped
both 'remove the task' task rm @
both 'remove' container rm @
check 'nothing left' '' "$(find "$scratch/state" -path '*runc*' -name 'one-*' -o -path '*runc*' -name 'box-*')"
finish

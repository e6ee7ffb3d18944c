#!/bin/bash
# A pod by containerd's CRI plugin, as a kubelet makes it: the same with our runtime as with runc.
. "$(dirname "$0")/client.sh"
need containerd runc busybox-static containernetworking-plugins

namespace=tsvisor-cri-$$
address=$scratch/sock
node=$here/../../node_modules/.bin/node
ctr() { command ctr -a "$address" -n k8s.io "$@"; }

clean() {
  kill "$daemon"
  wait "$daemon" 2> /dev/null
  for task in $(ls "$scratch/run/io.containerd.runtime.v2.task/k8s.io" 2> /dev/null); do
    "$runsc" --root "$scratch/run/runc/k8s.io" delete --force "$task"
  done
  ip netns del "$namespace"
  rm -rf "$scratch"
}
trap clean EXIT

# The plugin asks for a binary by name: ours, with its own root, for it may be a script.
cat > "$scratch/config.toml" << END
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/library/box:latest"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$scratch/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.ours]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.ours.options]
      BinaryName = "$runsc"
END
mkdir "$scratch/cni"
cat > "$scratch/cni/pods.conflist" << END
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "ptp", "ipam": {"type": "host-local", "dataDir": "$scratch/addresses", "ranges": [[{"subnet": "10.87.0.0/24"}]]}}]}
END
ip netns add "$namespace"
nsenter --net="/run/netns/$namespace" ip link set lo up
nsenter --net="/run/netns/$namespace" containerd --config "$scratch/config.toml" --root "$scratch/data" --state "$scratch/run" \
  --address "$address" > "$scratch/log" 2>&1 &
daemon=$!
wait_for ctr version

# An image in docker's archive format: one layer. It is the pause image, too: what it runs waits.
image=docker.io/library/box:latest
make_root "$scratch/root"
mkdir "$scratch/image"
tar -C "$scratch/root" -cf "$scratch/image/layer.tar" .
digest=$(sha256sum < "$scratch/image/layer.tar" | cut -d' ' -f1)
cat > "$scratch/image/config.json" << END
{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin"],"Cmd":["/bin/sleep","100000"]},
 "rootfs":{"type":"layers","diff_ids":["sha256:$digest"]}}
END
echo "[{\"Config\":\"config.json\",\"RepoTags\":[\"$image\"],\"Layers\":[\"layer.tar\"]}]" > "$scratch/image/manifest.json"
tar -C "$scratch/image" -cf "$scratch/image.tar" config.json manifest.json layer.tar
ctr image import "$scratch/image.tar" > /dev/null

pod() { timeout 100 "$node" "$here/cri.ts" "$address" "$@" 2>&1; echo "status $?"; }

expected=$(pod runc node)
check 'runc works' 'removed status 0' "$(echo "$expected" | tail -2 | tr '\n' ' ' | sed 's/ $//')"
check 'a pod in the network of the host' "$expected" "$(pod ours node)"
expected=$(pod runc)
check 'a pod with a network of its own' "$expected" "$(pod ours)"
check 'nothing left' '' "$(ls "$scratch/run/io.containerd.runtime.v2.task/k8s.io" 2> /dev/null; ls "$scratch/run/runc/k8s.io" 2> /dev/null)"
[ $failed = 0 ] || tail -20 "$scratch/log"
finish

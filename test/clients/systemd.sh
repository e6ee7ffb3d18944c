#!/bin/bash
# The systemd driver for control groups, by a real systemd: PID 1 of namespaces of its own, over the host's hierarchies.
. "$(dirname "$0")/client.sh"
need systemd dbus busybox-static

# Removes the groups that systemd has made: true once they are gone.
remove_groups() {
  groups=$(find /sys/fs/cgroup/*/ -maxdepth 1 \( -name init.scope -o -name system.slice -o -name test.slice \))
  [ -n "$groups" ] || return 0
  find $groups -depth -type d -exec rmdir {} + 2> /dev/null
  return 1
}

clean() {
  kill -KILL "$daemon"
  wait "$daemon" 2> /dev/null
  rm -rf "$scratch"
  # Their processes end after the first one of their namespace.
  wait_for remove_groups
}
trap clean EXIT

# A booting systemd empties /tmp and sets kernel parameters. This one finds no units but those below, so it starts nothing that does, and
# all of the host's files are read-only to it: without that it is not started at all.
mkdir "$scratch/units" "$scratch/generators"
cat > "$scratch/units/test.target" << END
[Unit]
DefaultDependencies=no
Wants=dbus.service
END
cat > "$scratch/units/dbus.socket" << END
[Unit]
DefaultDependencies=no
[Socket]
ListenStream=/run/dbus/system_bus_socket
END
cat > "$scratch/units/dbus.service" << END
[Unit]
DefaultDependencies=no
Requires=dbus.socket
[Service]
Type=notify
ExecStart=/usr/bin/dbus-daemon --system --address=systemd: --nofork --nopidfile --systemd-activation
END
cat > "$scratch/start" << 'END'
mount -t tmpfs tmpfs /run || exit 1
mkdir /run/scratch
mount --bind "$1" /run/scratch || exit 1
# It makes the directories that it misses beside the hierarchies, and makes all that is there read-only: not of the host's.
mkdir /run/groups
mount -t tmpfs tmpfs /run/groups || exit 1
for place in $(awk '$3 ~ /^cgroup2?$/ && $2 ~ "^/sys/fs/cgroup/" { print $2 }' /proc/mounts); do
  mkdir "/run/groups/${place##*/}"
  mount --bind "$place" "/run/groups/${place##*/}" || exit 1
done
[ -z "$(ls /run/groups)" ] || mount --rbind /run/groups /sys/fs/cgroup || exit 1
mount -o remount,bind,ro / || exit 1
for place in / /tmp /var/tmp /etc /home /root /var/lib; do
  if touch "$place/.written" 2> /dev/null; then
    rm "$place/.written"
    echo "$place can be written to" >&2
    exit 1
  fi
done
export container=other SYSTEMD_UNIT_PATH=/run/scratch/units SYSTEMD_GENERATOR_PATH=/run/scratch/generators
exec /lib/systemd/systemd --system --unit=test.target --log-target=null --show-status=0
END
unshare --pid --mount --cgroup --uts --net --ipc --fork --mount-proc --kill-child sh "$scratch/start" "$scratch" > "$scratch/log" 2>&1 &
daemon=$!
first() { pgrep -P "$daemon"; }
wait_for first
systemd=$(first)
inside() { nsenter -t "$systemd" -p -m -C "$@"; }
wait_for inside busctl --system status org.freedesktop.systemd1

make_root "$scratch/root"
"$runsc" spec --bundle "$scratch" || exit 1
# bundle NAME CGROUPSPATH RESOURCES COMMAND...
bundle() {
  mkdir -p "$scratch/$1"
  "$here/../../node_modules/.bin/node" -e '
    const [from, to, path, resources, ...args] = process.argv.slice(1);
    const config = JSON.parse(require("fs").readFileSync(from + "/config.json"));
    config.process.terminal = false;
    config.process.args = args;
    config.root.path = "/run/scratch/root";
    config.linux.cgroupsPath = path;
    config.linux.resources = JSON.parse(resources);
    require("fs").writeFileSync(to + "/config.json", JSON.stringify(config));
  ' "$scratch" "$scratch/$1" "$2" "$3" "${@:4}"
}
ours() { inside "$runsc" --root /run/runsc --systemd-cgroup "$@"; }
property() { inside systemctl show -P "$2" "$1"; }

bundle one 'test.slice:box:one' '{"memory":{"limit":104857600},"pids":{"limit":50},"cpu":{"quota":50000,"period":100000}}' /bin/sleep 1000
ours create --bundle /run/scratch/one one < /dev/null > "$scratch/output" 2>&1
created=$?
check 'create' 'status 0' "$(cat "$scratch/output")status $created"
ours start one
check 'the scope' active "$(property box-one.scope ActiveState)"
check 'its slice' test.slice "$(property box-one.scope Slice)"
check 'memory' 104857600 "$(property box-one.scope MemoryLimit)"
check 'tasks' 50 "$(property box-one.scope TasksMax)"
check 'CPU' 500ms "$(property box-one.scope CPUQuotaPerSecUSec)"
pid=$(ours state one | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
groups() { inside cat "/proc/$1/cgroup" | grep -c '/test.slice/box-one.scope$'; }
all=$(inside grep -c . /proc/self/cgroup)
check 'its sentry is in it, in all hierarchies' "$all" "$(groups "$pid")"
guest=$(ours ps --format json one | tr -d '[] ')
check 'its guests, too' "$all" "$(groups "$guest")"
ours update --memory 209715200 --memory-swap 209715200 one
check 'update' 209715200 "$(property box-one.scope MemoryLimit)"
check 'the limit of the group' 209715200 "$(ours events --stats one | sed 's/.*"memory".*"limit":\([0-9]*\),"max".*/\1/')"
ours delete --force one
check 'deleted' inactive "$(property box-one.scope ActiveState)"
check 'nothing left' '' "$(find /sys/fs/cgroup -name 'box-one.scope')"
bundle bad '/not/a/scope' '{}' /bin/true
check 'a path that is no scope' 1 "$(ours create --bundle /run/scratch/bad bad 2>&1 | grep -c 'is not SLICE:PREFIX:NAME')"
bundle two '' '{}' /bin/true
check 'run in the foreground' 'status 0' "$(ours run --bundle /run/scratch/two two 2>&1; echo "status $?")"
check 'nothing left of it' '' "$(find /sys/fs/cgroup -name 'runsc-two.scope')"
finish

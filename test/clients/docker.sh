#!/bin/bash
# Docker with our runtime beside runc: each command must print the same and end the same with both.
. "$(dirname "$0")/client.sh"
need docker.io containerd runc busybox-static

namespace=tsvisor-docker-$$
docker="/usr/bin/docker -H unix://$scratch/docker.sock"

clean() {
  for id in $($docker ps -aq 2> /dev/null); do $docker rm -f "$id" > /dev/null 2>&1; done
  [ ! -f "$scratch/pid" ] || { kill "$(cat "$scratch/pid")"; while [ -f "$scratch/pid" ]; do sleep 0.1; done; }
  umount "$scratch/exec/netns/default" 2> /dev/null
  ip netns del "$namespace"
  rm -rf "$scratch"
}
trap clean EXIT

ip netns add "$namespace"
nsenter --net="/run/netns/$namespace" ip link set lo up
# What follows the runtimes in the configuration: settings of the daemon that change while it runs.
configure() { echo "{\"runtimes\": {\"ours\": {\"path\": \"$runsc\"}}$1}" > "$scratch/daemon.json"; }
configure ''
nsenter --net="/run/netns/$namespace" dockerd --data-root "$scratch/data" --exec-root "$scratch/exec" --pidfile "$scratch/pid" \
  -H "unix://$scratch/docker.sock" --config-file "$scratch/daemon.json" \
  --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false --bridge=none \
  --exec-opt native.cgroupdriver=cgroupfs > "$scratch/log" 2>&1 &
wait_for $docker version
make_root "$scratch/root"
tar -C "$scratch/root" -c . | $docker import -c 'CMD ["/bin/sh"]' -c 'ENV PATH=/bin' - box:latest > /dev/null
mkdir "$scratch/volume"
echo data > "$scratch/volume/file"

# Names of runtimes and containers differ, the client may be told twice that a container did not start, and lines of standard output
# and error come in any order.
plain() { grep -v 'error waiting for container' | sort | sed -E "s/(runc create|exec) failed: unable to start container process: //; s/\b(runc|ours)\b/RUNTIME/g; s/[0-9a-f]{12,64}/ID/g"; }

# same NAME ARGUMENT...: docker run with these, by both runtimes.
same() {
  name=$1
  shift
  expected=$(outcome $docker run --rm --network none --runtime runc "$@" | plain)
  check "$name" "$expected" "$(outcome $docker run --rm --network none --runtime ours "$@" | plain)"
}

# both NAME COMMAND...: the same command line about a running container called box-RUNTIME; @ stands for its name.
both() {
  name=$1
  shift
  check "$name" "$(outcome $docker "${@//@/box-runc}" | plain)" "$(outcome $docker "${@//@/box-ours}" | plain)"
}

check 'runc works' 'out status 3' "$(outcome $docker run --rm --network none --runtime runc box sh -c 'echo out; exit 3' | tr '\n' ' ' | sed 's/ $//')"
same 'output and status' box sh -c 'echo out; exit 3'
answer=$(nsenter --net="/run/netns/$namespace" sh -c "busybox nc -l -p 8124 -e echo reached > /dev/null & sleep 0.2; $docker run --rm --network host --runtime ours box sh -c 'for i in 1 2 3 4 5 6 7 8 9; do nc 127.0.0.1 8124 && break; sleep 1; done' 2> /dev/null")
check 'network host' reached "$answer"
check 'network none' 1 "$($docker run --rm --network none --runtime ours box sh -c 'ip -o link | wc -l')"
same 'errors' box sh -c 'echo err >&2; exit 4'
same 'ids' box id
same 'environment' -e A=b -h host box sh -c 'echo $A $PATH; hostname'
same 'user and working directory' -u 5:6 -w /made box sh -c 'id -u; id -g; pwd'
same 'volume' -v "$scratch/volume:/v" box sh -c 'cat /v/file; echo more > /v/made; ls /v; rm /v/made'
same 'read-only volume' -v "$scratch/volume:/v:ro" box sh -c 'echo x > /v/made'
same 'read-only root, tmpfs' --read-only --tmpfs /t:size=1m box sh -c 'touch /x; touch /t/y; ls /t'
same 'capabilities' box grep Cap /proc/self/status
same 'all capabilities dropped, one added' --cap-drop ALL --cap-add CHOWN box grep Cap /proc/self/status
same 'no new privileges' --security-opt no-new-privileges box grep NoNewPrivs /proc/self/status
same 'the default seccomp profile' box sh -c 'grep Seccomp /proc/self/status; unshare -U true; mount -t tmpfs none /tmp'
echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}' > "$scratch/seccomp.json"
same 'a seccomp profile' --security-opt "seccomp=$scratch/seccomp.json" box mkdir /made
same 'no seccomp' --security-opt seccomp=unconfined box grep Seccomp /proc/self/status
same 'kernel parameters' --sysctl net.ipv4.ip_unprivileged_port_start=80 --sysctl kernel.msgmax=100 -u 5 box \
  sh -c 'cd /proc/sys; cat net/ipv4/ip_unprivileged_port_start net/ipv4/ping_group_range kernel/msgmax; nc -l -p 79'
same 'a device' --device /dev/zero:/dev/one:r box sh -c 'stat -c "%F %t,%T %a" /dev/one; head -c 2 /dev/one | od -c'
same 'out-of-memory score' --oom-score-adj 500 box cat /proc/self/oom_score_adj
same 'limits' --ulimit nofile=100:200 box sh -c 'ulimit -n; ulimit -Hn'
same 'init' --init box sh -c 'echo $$ | grep -vx 1 > /dev/null && echo not-first'
same 'missing command' box missing
same 'a directory as command' box /etc
same 'pids' --pids-limit 20 box sh -c 'i=0; while [ $i -lt 10 ]; do sleep 0.1 & i=$((i+1)); done; wait; echo through'
same 'too many pids' --pids-limit 20 box sh -c 'i=0; while [ $i -lt 40 ]; do sleep 1 & i=$((i+1)); done' 
same 'memory: a process goes, the container stays' -m 64m --memory-swap 64m box sh -c '{ head -c 200m /dev/zero | tail -n 1 > /dev/null; } 2> /dev/null; echo alive'
same 'an init ended by its own signal' box sh -c 'sh -c "kill -9 \$\$"; echo $?'
echo typed > "$scratch/input"
input=$scratch/input
same 'standard input' -i box cat
input=
terminal() { script -qec "$docker run --rm -it --network none --runtime $1 box sh -c 'tty; stty size; echo \$TERM; exit 4'" /dev/null < /dev/null; echo "status $?"; }
check 'terminal' "$(terminal runc)" "$(terminal ours)"

for runtime in runc ours; do
  $docker run -d --name "box-$runtime" --network none --runtime "$runtime" box \
    sh -c 'trap "echo bye; exit 9" TERM; echo up; while :; do sleep 0.1; done' > /dev/null
done
both 'exec' exec @ sh -c 'echo in; exit 5'
both 'exec with changes' exec -u 3 -w /etc -e Q=1 @ sh -c 'id -u; pwd; echo $Q'
both 'exec of nothing' exec @ missing
input=$scratch/input
both 'exec with input' exec -i @ cat
input=
both 'pause' pause @
both 'paused' ps --filter name=@ --format '{{.State}}'
both 'unpause' unpause @
both 'update' update -m 100m --memory-swap 200m @
both 'copy in' cp "$scratch/input" @:/copied
both 'copied' exec @ cat /copied
both 'made inside' exec @ sh -c 'echo inside > /inside'
check 'copy out' inside "$($docker cp box-ours:/inside - | tar -xO)"
both 'changes' diff @
check 'top' yes "$($docker top box-ours -o pid | grep -q '[0-9]' && echo yes)"
both 'logs' logs @
both 'stop' stop @
both 'status after stop' inspect -f '{{.State.ExitCode}} {{.State.OOMKilled}}' @
both 'logs after stop' logs @
both 'start again' start @
both 'kill' kill @
both 'status after kill' wait @
both 'remove' rm @

state() { $docker inspect -f "{{.State.$2}}" "$1"; }
is_state() { [ "$(state "$1" "$2")" = "$3" ]; }
restarted() { [ "$($docker inspect -f '{{.RestartCount}} {{.State.Status}}' "$1")" = "$2 running" ]; }

# for_each NAME ARGUMENT...: a container NAME-RUNTIME by both runtimes, in the background.
for_each() {
  name=$1
  shift
  for runtime in runc ours; do
    $docker run -d --name "$name-$runtime" --network none --runtime "$runtime" "$@" > /dev/null
  done
}

# alike NAME COMMAND...: the same command line with both; @ stands for the runtime.
alike() {
  name=$1
  shift
  check "$name" "$(outcome $docker "${@//@/runc}" | plain)" "$(outcome $docker "${@//@/ours}" | plain)"
}

for_each attached box sh -c 'i=0; while [ $i -lt 20 ]; do sleep 0.1; i=$((i+1)); done; echo end; exit 6'
$docker logs -f attached-ours > "$scratch/followed" &
follower=$!
alike 'attach' attach --no-stdin attached-@
wait $follower
check 'logs, followed' end "$(cat "$scratch/followed")"

for_each failing --restart on-failure:2 box sh -c 'echo run; exit 7'
for runtime in runc ours; do wait_for is_state failing-$runtime Status exited; done
alike 'restarted on failure' inspect -f '{{.RestartCount}} {{.State.ExitCode}}' failing-@
alike 'its logs' logs failing-@

for_each always --restart always box sh -c 'echo up; while :; do sleep 0.1; done'
for runtime in runc ours; do
  kill -9 "$(state always-$runtime Pid)"
  wait_for restarted always-$runtime 1
done
$docker exec always-ours kill -9 1
alike 'a first process is not killed from inside' exec always-@ echo still
alike 'its logs over a restart' logs always-@

for_each healthy --health-cmd 'test -f /ok' --health-interval 1s --health-retries 1 box sh -c 'while :; do sleep 0.1; done'
for runtime in runc ours; do wait_for is_state healthy-$runtime Health.Status unhealthy; done
alike 'made healthy' exec healthy-@ touch /ok
for runtime in runc ours; do wait_for is_state healthy-$runtime Health.Status healthy; done
alike 'health' inspect -f '{{.State.Health.Status}}' healthy-@

for_each hungry -m 32m --memory-swap 32m box sh -c 'x=a; while :; do x=$x$x; done'
alike 'out of memory' wait hungry-@
alike 'told so' inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' hungry-@

for_each copied box sh -c 'mkdir -p /d/e; echo x > /d/e/f; ln -s f /d/e/l; chmod 600 /d/e/f; sleep 1000 & exec sleep 2000'
for runtime in runc ours; do
  wait_for $docker exec copied-$runtime test -e /d/e/l
  $docker cp copied-$runtime:/d "$scratch/out-$runtime"
  $docker cp "$scratch/out-$runtime" copied-$runtime:/back
done
listed() { (cd "$1" && find . -printf '%P %y %m %U %G %l\n' | sort); }
check 'a tree copied out' "$(listed "$scratch/out-runc")" "$(listed "$scratch/out-ours")"
alike 'and in' exec copied-@ sh -c 'ls -ln /back/e | cut -c1-40; cat /back/e/l'
commands() { $docker top "$1" -o pid,comm,args | tail -n +2 | sed -E 's/^[0-9]+ +//' | sort; }
check 'top' "$(commands copied-runc)" "$(commands copied-ours)"
check 'stats' yes "$($docker stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' copied-ours | grep -q '^[1-9].* [1-9]' && echo yes)"

# A terminal whose size changes once the container has seen the first: script(1) makes it. The container says each size that is new.
resized() {
  script -qec "stty rows 30 cols 90; { until [ -e $scratch/volume/sized-$1 ]; do sleep 0.1; done; stty rows 50 < /dev/tty; } & \
    $docker run --rm -it --network none --runtime $1 -v $scratch/volume:/v box sh -c 'while :; do \
    s=\$(stty size 2> /dev/null); [ \"\$s\" = \"\$last\" ] || echo \"\$s\"; last=\$s; \
    [ \"\$s\" != \"30 90\" ] || touch /v/sized-$1; [ \"\$s\" != \"50 90\" ] || exit 5; sleep 0.1; done'" /dev/null < /dev/null | grep -a 0
  echo "status ${PIPESTATUS[0]}"
}
check 'a terminal resized' "$(resized runc)" "$(resized ours)"

# docker build runs its commands with the default runtime.
configure ', "default-runtime": "ours"'
kill -HUP "$(cat "$scratch/pid")"
is_default() { [ "$($docker info -f '{{.DefaultRuntime}}')" = ours ]; }
wait_for is_default
mkdir "$scratch/context"
echo data > "$scratch/context/f"
cat > "$scratch/context/Dockerfile" << 'END'
FROM box
ENV A=b
WORKDIR /w
COPY f /w/f
RUN echo made $A > made && cat f >> made && chown 5:6 f && mkdir -m 700 d
RUN uname -r && ls -ln /w | cut -c1-40
USER 5
CMD ["cat", "/w/made"]
END
built=$(DOCKER_BUILDKIT=0 $docker build --network none --no-cache -t built "$scratch/context" 2>&1)
check 'build: with our kernel' yes "$(echo "$built" | grep -q tsvisor && echo yes)"
check 'build: its image' 'made b data' "$($docker run --rm --network none --runtime runc built | tr '\n' ' ' | sed 's/ $//')"

for id in $($docker ps -aq); do $docker rm -f "$id" > /dev/null 2>&1; done
check 'nothing left' '' "$(ls "$scratch"/exec/runtime-runc/moby 2> /dev/null)"
finish

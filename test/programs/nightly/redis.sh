# Redis over the loopback and a Unix socket: commands, pipelines, persistence with forks, publishing, a benchmark, restarts.
# Needs: redis-server redis-cli redis-benchmark
export LC_ALL=C
port=$((20000 + RANDOM % 10000))
# Repeats a command until it says something that matches, for a minute at most.
until_says() {
  pattern=$1
  shift
  for _ in $(seq 600); do
    "$@" 2>&1 | grep -q "$pattern" && return
    sleep 0.1
  done
  echo "never said $pattern: $*"
}
redis-server --port $port --bind 127.0.0.1 ::1 --dir . --save '' --appendonly yes > redis.log 2>&1 &
server=$!
c="redis-cli -p $port"
until_says PONG $c ping
$c set a 1; $c incr a; $c lpush l 1 2 3; $c lrange l 0 -1; $c hset h f v g w; $c hgetall h
$c eval 'return redis.call("get", KEYS[1])' 1 a; $c expire a 1000; $c type l
redis-cli -h ::1 -p $port get a
for i in $(seq 500); do echo "set k$i v$i"; done | $c | sort | uniq -c
$c config set appendfsync always; $c dbsize
printf 'multi\nincr a\nincr a\nexec\n' | $c
timeout 60 $c blpop queue 30 > popped & popper=$!
until_says blocked_clients:1 $c info clients
$c rpush queue job; wait $popper; cat popped
timeout 60 $c subscribe news > heard & listener=$!
until_says news $c pubsub channels
$c publish news hello
until_says hello cat heard
kill $listener; wait $listener 2> /dev/null; cat heard
$c bgsave > /dev/null; until_says rdb_bgsave_in_progress:0 $c info persistence; $c info persistence | tr -d '\r' | grep rdb_last_bgsave_status
$c bgrewriteaof > /dev/null; until_says aof_rewrite_in_progress:0 $c info persistence
$c info persistence | tr -d '\r' | grep aof_last_bgrewrite_status; ls appendonlydir | sed 's/\.[0-9]*\././'
redis-benchmark -p $port -q -n 5000 -c 50 -t ping,set,get,incr,lpush,lrange_100,mset | tr '\r' '\n' | grep 'per second' | sed 's/: .*//'
redis-benchmark -p $port -q -n 20000 -c 20 -P 16 -t set,get | tr '\r' '\n' | grep 'per second' | sed 's/: .*//'
$c nonsense; $c client list | wc -l
$c shutdown nosave; wait $server; echo "exit $?"
$c ping 2>&1 | sed "s/:$port/:port/"
redis-server --port 0 --unixsocket "$PWD/r.sock" --dir . --appendonly yes --daemonize yes --pidfile "$PWD/pid" --logfile "$PWD/again.log"
u="redis-cli -s r.sock"
until_says PONG $u ping
$u get a; $u get k500; kill -0 "$(cat pid)"; echo "alive $?"
# A replica has all the data of its master.
redis-server --port $port --bind 127.0.0.1 --dir . --dbfilename replica.rdb --save '' > replica.log 2>&1 & replica=$!
redis-server --port $((port + 1)) --bind 127.0.0.1 --dir . --dbfilename third.rdb --save '' --replicaof 127.0.0.1 $port > third.log 2>&1 & third=$!
until_says PONG $c ping
$c set shared value
until_says value redis-cli -p $((port + 1)) get shared
redis-cli -p $((port + 1)) set shared other
$c wait 1 10000; kill $replica $third; wait $replica $third; echo "ended $?"
$u shutdown; until_says refused\\\|'No such file' $u ping; ls pid r.sock 2>&1 | sed 's/.*: //'

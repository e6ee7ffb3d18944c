# What procps, iproute2 and lsof find in /proc, /sys and netlink: of this shell's own children and sockets, which no other process changes.
# Needs: ps top free lsof ss ip python3
export LC_ALL=C COLUMNS=200
sleep 1000 & child=$!
ps -o ppid= -p $child | grep -cw $$; ps -o stat=,ni=,nlwp=,comm=,args= -p $child; ps -o user=,uid=,group= -p $$; ps -C sleep -o pid= | grep -cw $child
nice -n 7 sleep 1000 & nice=$!
until [ "$(ps -o comm= -p $nice)" = sleep ]; do sleep 0.05; done; ps -o ni=,pri=,cls= -p $nice
ps -o pid= --ppid $$ | grep -cwE "$child|$nice"; pgrep -P $$ -x sleep | wc -l; pgrep -a -P $$ sleep | cut -d' ' -f2-; pidof sleep | tr ' ' '\n' | grep -cwE "$child|$nice"
ps -eo pid,comm | grep -w $child | awk '{ print $2 }'; ps -o vsz=,rss= -p $child | awk '{ print ($1 >= $2 && $2 > 0) }'; ps -L -o lwp= -p $child | wc -l
kill -STOP $child; until [ "$(ps -o stat= -p $child | cut -c1)" = T ]; do sleep 0.05; done; echo stopped; kill -CONT $child; pwdx $child | sed "s#^[0-9]*: $PWD#here#"
top -bn1 | sed -n '1p; 2p; 7p' | sed 's/[0-9].*//; s/^ *//' | tr -s ' ' | cut -c1-12; top -bn1 -p $child | tail -1 | awk '{ print $NF }'; pmap $child | grep -cE '\[ stack \]'
free | awk 'NR == 1 { print } NR == 2 { print $1, ($2 > $3 && $2 >= $4) }'; nproc; uptime | grep -c 'load average'; vmstat | head -2 | tail -1; w -h | wc -l
[ "$(nproc)" = "$(grep -c ^processor /proc/cpuinfo)" ] && [ "$(nproc)" = "$(lscpu -p=CPU | grep -vc '#')" ] && echo processors agree
df . | head -1 | tr -s ' '; df --output=target / | tail -1; mount | grep -cE '^(proc|none) on /proc type proc'; findmnt -n -o FSTYPE /proc; findmnt -n -o TARGET -T /proc/self; mountpoint /proc
exec 7< /etc/passwd 8> made; mkfifo fifo; exec 9<> fifo
lsof -a -p $$ -d 7,8,9 -F fan0 | tr '\0' ' ' | sed "s#$PWD#.#g; s/^p[0-9]* //"; lsof -a -p $$ -d cwd -Fn | grep '^n' | sed "s#$PWD#.#"
lsof -t made | grep -cw $$; exec 7<&- 8>&- 9>&-; lsof -t made | wc -l
cat > sockets.py <<'EOF'
import socket, sys
def tcp(family, address):
    s = socket.socket(family); s.bind((address, 0)); s.listen(5); return s
a = tcp(socket.AF_INET, "127.0.0.1"); b = tcp(socket.AF_INET6, "::1")
c = socket.create_connection(a.getsockname()); d = a.accept()[0]; c.send(b"xyz")
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("127.0.0.1", 0))
x = socket.socket(socket.AF_UNIX); x.bind("socket"); x.listen(3)
y = socket.socketpair()
print(a.getsockname()[1], b.getsockname()[1], u.getsockname()[1], c.getsockname()[1], flush=True)
sys.stdin.read()
EOF
mkfifo hold; python3 sockets.py < hold > ports & python=$!; exec 6> hold; until [ -s ports ]; do sleep 0.05; done; read -r a b u c < ports
name() { sed "s/:$a\b/:A/g; s/:$b\b/:B/g; s/:$u\b/:U/g; s/:$c\b/:C/g; s/pid=$python/pid=P/; s/  */ /g; s/ $//"; }
mine() { grep -E ":($a|$b|$u|$c)\b" | name | sort; }
ss -Htln | mine; ss -Htan state established | mine; ss -Huan | mine; ss -Htlnp | mine; ss -Htln "sport = :$a" | name; ss -Htn "dport = :$a" | name
ss -Hxl src "$PWD/socket" 2> /dev/null | wc -l; ss -Hxl | grep -c ' socket '; ss -Hti "dport = :$a" | grep -cE 'rto:.*cwnd:'
lsof -nP -a -p $python -i -F Pn | grep -v '^[pf]' | name | sed "s/->.*/->/" | sort; lsof -a -p $python -U -d '^0-2' -F t | grep -c tunix
[ -x "$(command -v netstat)" ] && netstat -tln | mine | sed 's/ *$//'
exec 6>&-; wait $python; ss -Htan state listening "sport = :$a" | wc -l
ip -o link show lo | sed 's/^\([0-9]*: lo\): .*\(mtu 65536\).*\(link.loopback [0:]*\).*/\1 \2 \3/'; ip -o -4 addr show dev lo | grep -o 'inet 127.0.0.1/8 scope host lo'; ip -o -6 addr show dev lo | grep -o 'inet6 ::1/128 scope host'
ip route get 127.0.0.1 | head -1 | sed 's/ uid.*//; s/ *$//'; ip route show table local dev lo | grep -c '127.0.0.1'; ip rule | head -1; ip link show nothing 2>&1; echo "code $?"; ip -j addr show lo | python3 -c 'import json, sys; i = json.load(sys.stdin)[0]; print(i["ifname"], i["link_type"], i["addr_info"][0]["local"])'
cat /sys/class/net/lo/ifindex /sys/class/net/lo/mtu /sys/class/net/lo/address; grep -c '^ *lo:' /proc/net/dev
kill $child $nice; wait; ps -o pid= -p $child | wc -l; sysctl -n kernel.ostype; sysctl -n kernel.hostname | grep -c .; getconf _NPROCESSORS_ONLN; getent hosts localhost | awk '{ print $2 }'

# nginx with two workers: files by sendfile, ranges, compression, a proxy to itself, IPv6, shared ports, reload, reopening of logs.
# Needs: nginx curl
export LC_ALL=C
port=$((20000 + RANDOM % 10000))
mkdir -m 755 html logs temp; chmod 777 logs temp; chmod 755 .
seq 100000 > html/big.txt; echo hello > html/index.html; head -c 3000000 /dev/zero > html/zeros.bin
[ "$(id -u)" = 0 ] && user='user nobody nogroup;'
cat > nginx.conf <<EOF
$user worker_processes 2; pid $PWD/nginx.pid; error_log $PWD/logs/error.log info;
events { worker_connections 128; }
http {
  access_log $PWD/logs/access.log; sendfile on; tcp_nopush on; gzip on; gzip_types text/plain;
  client_body_temp_path $PWD/temp/1; proxy_temp_path $PWD/temp/2; fastcgi_temp_path $PWD/temp/3; uwsgi_temp_path $PWD/temp/4; scgi_temp_path $PWD/temp/5;
  types { text/plain txt; text/html html; }
  server {
    listen 127.0.0.1:$port; listen [::1]:$port; root $PWD/html; autoindex on;
    location /proxy/ { proxy_pass http://127.0.0.1:$port/; }
    location /unix/ { proxy_pass http://unix:$PWD/back.sock:/; }
    location /slow { limit_rate 2000000; alias $PWD/html/zeros.bin; }
    location /gone { return 444; }
  }
  server { listen unix:$PWD/back.sock; location / { return 200 "behind a socket\n"; } }
  server { listen 127.0.0.1:$((port + 1)) reuseport backlog=64; return 200 "shared\n"; }
}
EOF
until_true() {
  for _ in $(seq 600); do
    "$@" > /dev/null 2>&1 && return
    sleep 0.1
  done
  echo "never: $*"
}
n() { nginx -p "$PWD" -c "$PWD/nginx.conf" "$@"; }
u=http://127.0.0.1:$port
n -t 2>&1 | grep -c successful
n; echo "start $?"
curl -s $u/; curl -s $u/big.txt | sha256sum; curl -sI $u/big.txt | tr -d '\r' | grep -E 'HTTP|Length|Type'
curl -s -r 100-139 $u/big.txt; curl -s --compressed $u/big.txt | md5sum; curl -s $u/proxy/big.txt | md5sum; curl -s $u/unix/x
curl -s -o /dev/null -w '%{http_code} %{size_download}\n' $u/nothing; curl -s "http://[::1]:$port/"
curl -s $u/slow | md5sum; curl -s $u/gone; echo "gone $?"
for _ in 1 2 3 4 5 6; do curl -s http://127.0.0.1:$((port + 1))/; done | sort | uniq -c
curl -s $u/index.html $u/index.html $u/index.html
seq 40 | xargs -P 8 -I{} curl -s $u/big.txt -o out{}; cat out* | md5sum; rm out*
curl -s -H 'Expect:' -d @html/big.txt -o /dev/null -w '%{http_code}\n' $u/index.html
printf 'GET / HTTP/1.0\r\n\r\n' > request; exec 5<> /dev/tcp/127.0.0.1/$port; cat request >&5; head -1 <&5; exec 5>&-
master=$(cat nginx.pid)
workers() { pgrep -P "$master" | sort | tr '\n' ' '; }
before=$(workers)
changed() { now=$(workers); [ "$now" != "$before" ] && [ "$(echo $now | wc -w)" = 2 ]; }
echo changed > html/index.html; n -s reload 2> /dev/null; until_true changed; curl -s $u/
mv logs/access.log logs/old.log; n -s reopen 2> /dev/null; until_true test -e logs/access.log; curl -s $u/
logged() { grep -q 'GET / ' logs/access.log; }
until_true logged; cut -d'"' -f2 logs/access.log
kill -9 $(workers | cut -d' ' -f1); until_true changed; curl -s $u/
n -s quit 2> /dev/null; until_true test ! -e nginx.pid; curl -s $u/; echo "curl $?"
grep -cE 'crit|emerg' logs/error.log; grep -c 'exited on signal 9' logs/error.log; wc -l < logs/old.log

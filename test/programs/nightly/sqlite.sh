# SQLite: a database in WAL mode that several processes write and read, locks, a process killed in the midst, integrity.
# Needs: sqlite3
export LC_ALL=C
s() { sqlite3 -batch "$@"; }
s db 'pragma journal_mode = wal; create table t (id integer primary key, who int, n int); create index i on t (who, n);'
writer() { for n in $(seq 60); do echo "pragma busy_timeout = 60000; insert into t (who, n) values ($1, $n);"; done | s db > /dev/null || echo "writer $1 failed"; }
writer 1 & writer 2 & writer 3 &
for _ in $(seq 20); do s db 'pragma busy_timeout = 60000; select count(*) >= 0 from t' | tail -1; done | sort | uniq -c
wait; s db 'select who, count(*), sum(n) from t group by who'; ls db*
# A reader keeps its view of the data while another process writes.
mkfifo in; s db < in > out & reader=$!; exec 5> in
echo 'begin; select count(*) from t;' >&5; until [ -s out ]; do sleep 0.05; done
s db 'insert into t (who, n) values (9, 9); select count(*) from t'
echo 'select count(*) from t; commit; select count(*) from t;' >&5; exec 5>&-; wait $reader; cat out
# A writer that holds the lock, and one that does not wait for it.
s db < in > out2 & holder=$!; exec 5> in
echo 'begin immediate; insert into t (who, n) values (8, 8); select 1;' >&5; until [ -s out2 ]; do sleep 0.05; done
s db 'pragma busy_timeout = 100; insert into t (who, n) values (7, 7)' 2>&1 | tail -1
kill -9 $holder; wait $holder 2> /dev/null; exec 5>&-
s db 'insert into t (who, n) values (6, 6); select who, count(*) from t where who > 5 group by who; pragma integrity_check; pragma wal_checkpoint(truncate)'
for mode in delete truncate persist memory off; do s "m$mode" "pragma journal_mode = $mode; create table t (a); insert into t values (1), (2); select sum(a) from t"; done
s big 'create table b (x); with recursive c(i) as (select 1 union all select i + 1 from c where i < 100000) insert into b select i from c; select sum(x), count(*) from b; pragma mmap_size = 100000000; select max(x) from b; vacuum; pragma page_count' 
s big '.dump' | md5sum; s big '.backup copy' && s copy 'select sum(x) from b'; s copy 'pragma integrity_check'

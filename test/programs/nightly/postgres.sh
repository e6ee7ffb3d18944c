# PostgreSQL as an ordinary user: initdb, start, psql and pgbench over a Unix socket and the loopback, crash recovery, dump and restore.
# Needs: setpriv
# Timeout: 900
export LC_ALL=C TZ=UTC
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
command -v initdb > /dev/null || { echo 'PostgreSQL is missing'; exit 1; }
port=$((20000 + RANDOM % 10000))
chmod 755 .; mkdir -m 777 pg; cd pg
if [ "$(id -u)" = 0 ]; then run() { setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/tmp "$@"; }; else run() { "$@"; }; fi
export PGHOST=$PWD PGPORT=$port PGUSER=postgres
sql() { run psql -X -At "$@"; }
run initdb -D data -A trust -U postgres --no-locale -E UTF8 > init.log 2>&1; echo "initdb $?"; tail -1 init.log | sed 's/[0-9]\+/N/g'
start() { run pg_ctl -D data -l log -w -t 120 -o "-k $PWD -c listen_addresses=127.0.0.1" start > /dev/null; echo "start $?"; }
start
sql postgres -c 'select 1 + 1, version() like $$PostgreSQL%$$, current_user'
run createdb bench; echo "createdb $?"
run pgbench -i -q -s 2 bench > bench.log 2>&1; echo "pgbench -i $?"
run pgbench -n -c 4 -j 2 -t 100 bench 2> /dev/null | grep -E 'processed|failed'
run pgbench -n -h 127.0.0.1 -S -c 8 -j 2 -t 200 bench 2> /dev/null | grep processed
run pgbench -n -M prepared -C -c 2 -t 20 bench 2> /dev/null | grep processed
sql bench -c 'select count(*) from pgbench_history' -c 'select sum(abalance) = (select sum(delta) from pgbench_history) from pgbench_accounts'
sql bench <<'EOF' 2>&1 | sed 's/PID [0-9]*/PID N/'
create table t (id serial primary key, name text unique, at timestamptz default '2020-01-01', data jsonb);
insert into t (name, data) select 'n' || i, jsonb_build_object('i', i) from generate_series(1, 20000) i;
create index on t using gin (data); analyze t;
select count(*), max(id), md5(string_agg(name, ',' order by id)) from t;
begin; update t set name = name || 'x' where id % 2 = 0; rollback;
select count(*) from t where name like '%x'; select data from t where data @> '{"i": 77}';
set max_parallel_workers_per_gather = 2; set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0;
select sum(length(name)) from t; insert into t (name) values ('n1'); select to_char(at, 'YYYY-MM-DD') from t limit 1;
listen ch; notify ch, 'payload'; select pg_advisory_lock(1), pg_try_advisory_lock(1);
copy (select id, name from t order by id limit 3) to stdout; vacuum full t; reindex table t; checkpoint; explain (costs off) select * from t where id = 5;
EOF
sql bench -c 'select count(*) from pg_stat_activity where backend_type = $$client backend$$'
# Two sessions and a lock: the second waits for the first.
sql bench -c 'begin; lock table t; select pg_sleep(0.5); commit' > /dev/null & sql bench -c 'select count(*) from t'; wait
# Statements that are cancelled, and backends that are killed.
run timeout -s INT 1 psql -X -At bench -c 'select pg_sleep(100)' 2>&1 | grep -v 'Cancel request'; echo "cancelled ${PIPESTATUS[0]}"
sql bench -c 'set statement_timeout = 200; select pg_sleep(100)' 2>&1
sql bench -c 'select pg_terminate_backend(pg_backend_pid())' 2>&1 | grep -c 'terminating connection'
run pg_dump bench | grep -vE '^--|restrict|^SET|^$' | grep -v 'COPY public.pgbench' | md5sum | wc -c
run pg_dump -Fc bench > dump && run createdb copy && run pg_restore -j 2 -d copy < /dev/null dump; echo "restore $?"; sql copy -c 'select count(*) from t'
# A crash in the midst of writing, and what is found after it.
sql bench -c 'create table k as select i from generate_series(1, 1000) i'
run pg_ctl -D data -m immediate -w stop > /dev/null; echo "crash $?"
start
sql bench -c 'select count(*), sum(i) from k'; grep -c 'redo done' log
run pg_ctl -D data -w -m fast stop > /dev/null; echo "stop $?"; run pg_controldata data | grep state; grep -c PANIC log

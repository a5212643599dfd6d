# PostgreSQL: initdb, load, the whole server killed in mid-work, crash recovery, books that still balance.
. /mnt/steps/cluster.sh
sql() { as "$bin/psql" -X -q -A -t -d bench -c "$1"; }
# Money only moves: the three balances and the history have one sum (pgbench -n: else it empties the history).
balanced() {
  is "$(sql 'SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history)
      AND (SELECT sum(tbalance) FROM pgbench_tellers) = (SELECT sum(delta) FROM pgbench_history)
      AND (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(delta) FROM pgbench_history)')" t
}

new_cluster --data-checksums
as "$bin/pgbench" -n -c 4 -j 2 -t $((400 / SCALE)) bench | grep 'actually processed'
balanced
before=$(sql 'SELECT count(*) FROM pgbench_history')
is "$before" $((1600 / SCALE))

# Killed only when there is new work in the tables; no pause of a guessed length.
as "$bin/pgbench" -n -c 4 -j 2 -t 1000000 bench > killed.out 2>&1 &
bench=$!
until [ "$(sql 'SELECT count(*) FROM pgbench_history')" -gt $((before + 100)) ]; do :; done
master=$(head -1 "$data/postmaster.pid")
backends=$(cat /proc/[0-9]*/status | awk -v master="$master" '$1 == "Pid:" { pid = $2 } $1 == "PPid:" && $2 == master { print pid }')
kill -9 "$master" $backends || true # some end by themselves when the first is gone
wait "$bench" || true
start
grep 'automatic recovery in progress' log
balanced
[ "$(sql 'SELECT count(*) FROM pgbench_history')" -gt $((before + 100)) ]
as "$bin/pgbench" -n -c 2 -t 50 bench | grep 'actually processed'
sql 'VACUUM FULL pgbench_accounts'
sql 'REINDEX DATABASE bench'
balanced
stop
as "$bin/pg_checksums" --check -D "$data" | grep 'Bad checksums:  0'

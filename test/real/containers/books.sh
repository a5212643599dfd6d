# What is in the database: transactions of pgbench, the last id told of; and that the books balance.
. /mnt/steps/check.sh
. /mnt/steps/cluster.sh
sql() { as "$bin/psql" -X -q -A -t -d bench -c "$1"; }
until [ -e /srv/postgres/made ] && sql 'SELECT 1' > /dev/null 2>&1; do sleep 0.1; done
is "$(sql 'SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT coalesce(sum(delta), 0) FROM pgbench_history)
    AND (SELECT sum(tbalance) FROM pgbench_tellers) = (SELECT coalesce(sum(delta), 0) FROM pgbench_history)')" t
sql 'SELECT (SELECT count(*) FROM pgbench_history), (SELECT coalesce(max(id), 0) FROM told)'

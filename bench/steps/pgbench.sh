# PostgreSQL: a new cluster, loaded, then four clients. Runs in the chroot, with check.sh of test/real/steps.
bin=$(echo /usr/lib/postgresql/*/bin)
data=/srv/postgres/data
mkdir -p /srv/postgres
chown postgres: /srv/postgres
cd /srv/postgres
as() { setpriv --reuid=postgres --regid=postgres --init-groups env HOME=/srv/postgres PGHOST=/tmp "$@"; }
as "$bin/initdb" -D "$data" --no-locale -E UTF8 -A trust > initdb.out
echo "listen_addresses = ''
unix_socket_directories = '/tmp'
shared_buffers = 16MB
wal_sync_method = fdatasync" >> "$data/postgresql.conf"
as "$bin/pg_ctl" -s -w -t 120 -D "$data" -l /srv/postgres/log start
as "$bin/createdb" bench
as "$bin/pgbench" -q -i -s 2 bench 2> /dev/null
as "$bin/pgbench" -n -c 4 -j 2 -t 400 bench | grep 'actually processed'
as "$bin/pg_ctl" -s -w -m fast -D "$data" stop

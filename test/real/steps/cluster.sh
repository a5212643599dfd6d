# A PostgreSQL cluster in /srv/postgres, for other steps, those of bench/steps too: they lie beside it in the chroot.
bin=$(echo /usr/lib/postgresql/*/bin)
data=/srv/postgres/data
as() { setpriv --reuid=postgres --regid=postgres --init-groups env HOME=/srv/postgres PGHOST=/tmp "$@"; }
start() { as "$bin/pg_ctl" -s -w -t 120 -D "$data" -l /srv/postgres/log start; }
stop() { as "$bin/pg_ctl" -s -w -m fast -D "$data" stop; }
# new_cluster [OPTION OF INITDB...]: started, with pgbench's tables in database bench; its directory is the working directory
new_cluster() {
  mkdir -p /srv/postgres
  chown postgres: /srv/postgres
  cd /srv/postgres
  as "$bin/initdb" -D "$data" "$@" --no-locale -E UTF8 -A trust > initdb.out
  echo "listen_addresses = ''
unix_socket_directories = '/tmp'
shared_buffers = 16MB
wal_sync_method = fdatasync" >> "$data/postgresql.conf"
  start
  as "$bin/createdb" bench
  as "$bin/pgbench" -q -i -s 2 bench 2> /dev/null
}

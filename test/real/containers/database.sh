# PostgreSQL as the program of a container; its files are the container's own.
. /mnt/steps/check.sh
. /mnt/steps/cluster.sh
if [ ! -d "$data" ]; then
  new_cluster --data-checksums
  as "$bin/psql" -X -q -d bench -c 'CREATE TABLE told (id bigserial, at timestamptz DEFAULT now())'
  stop
  touch /srv/postgres/made
fi
cd /srv/postgres
exec setpriv --reuid=postgres --regid=postgres --init-groups env HOME=/srv/postgres "$bin/postgres" -D "$data"

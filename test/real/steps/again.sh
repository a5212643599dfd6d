# After unmount and mount: everything still serves.
for repo in /srv/git/work /srv/git/linked /srv/git/bare.git; do
  if [ -d "$repo" ]; then git -C "$repo" fsck --strict --full --no-progress; fi
done
for db in /srv/sqlite/*.db; do
  if [ -f "$db" ]; then is "$(sqlite3 -batch "$db" 'PRAGMA integrity_check')" ok; fi
done
if [ -f /srv/build/Makefile ]; then make -q -C /srv/build; fi
is "$(dpkg --audit)" ''
dpkg -l > /dev/null
if [ -d /srv/postgres/data ]; then
  . /mnt/steps/cluster.sh
  cd /srv/postgres
  start
  as "$bin/psql" -X -q -A -t -d bench -c 'SELECT sum(abalance) = (SELECT sum(delta) FROM pgbench_history) FROM pgbench_accounts' |
    grep -qx t
  stop
fi

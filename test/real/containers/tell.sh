# Commits, each told on stdout once the server has said that it is safe, until the server is gone.
. /mnt/steps/cluster.sh
while as "$bin/psql" -X -q -A -t -d bench -c 'INSERT INTO told DEFAULT VALUES RETURNING id'; do :; done 2> /dev/null

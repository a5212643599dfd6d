# PostgreSQL: a new cluster, loaded, then four clients. Runs in the chroot, with the steps of test/real beside it.
. /mnt/steps/cluster.sh
new_cluster
as "$bin/pgbench" -n -c 4 -j 2 -t 400 bench | grep 'actually processed'
stop

# apt-get install of real packages, without network: lists are in the tree, .debs in /mnt/debs.
# Services must not start in a chroot, and a cluster made by the package would differ every time.
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
mkdir -p /etc/postgresql-common
echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf

# unsafe-io: this proves what is in the tree, not how fast the disk syncs. The sandbox user could not read /mnt/debs.
apt-get -q -y --no-install-recommends --no-download \
  -o Dir::Cache::archives=/mnt/debs -o APT::Sandbox::User=root -o Debug::NoLocking=1 \
  -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Options::=--force-confold -o Dpkg::Use-Pty=0 \
  install $PACKAGES
is "$(dpkg -s $PACKAGES | grep -c '^Status: install ok installed')" "$(wc -w <<< "$PACKAGES")"

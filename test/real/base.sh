# The lower tree: made once by mmdebstrap, seeded with what a minbase does not have, kept as a tar in the cache.
# Sourced by scripts/real-tree.sh; uses $cache, $here, say and die from there.

packages='git gcc make libc6-dev sqlite3 postgresql'

# Prints one-line apt sources of this distribution as this machine's own apt is configured (mirror, suites, components).
machine_sources() {
  local id
  id=$(. /etc/os-release && echo "$ID")
  apt-get indextargets --format '$(ORIGIN) deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v id="$id" 'tolower($1) == id { sub(/^[^ ]* /, ""); print }' | sort -u
}

# Prints this machine's apt settings for fetching (proxy, checks, retries), one a line, for the tree's apt to share.
machine_fetch_options() {
  apt-config dump | grep -E '^Acquire::(http|https|ftp|Retries|Check-Valid-Until|Check-Date)[: ]' || true
}

# Things a union file system has to carry that a fresh Debian has few or none of. $1: root of the tree.
seed_tree() {
  local seed=$1/srv/seed
  mkdir -p "$seed"/links/sub "$seed"/names "$seed"/attrs "$seed"/dirs/{gone,file-to-be,opaque}
  (
    cd "$seed"
    echo 'shared contents' > links/a
    ln links/a links/b && ln links/a links/sub/c && ln links/a links/d
    ln -s nowhere links/dangling && ln links/dangling links/sub/dangling-too
    seq 1 50000 > links/big && ln links/big links/sub/big-too

    for name in 'with space' $'new\nline' $'latin1-\xe9' 'smile-☺' '-dash' '.hidden' 'back\slash' 'a:b,c=d'; do
      echo "$name" > "names/$name"
    done
    echo long > "names/$(printf 'n%.0s' $(seq 242))"

    echo x > attrs/user && setfattr -n user.note -v 'kept on copy-up' attrs/user
    echo x > attrs/trusted && setfattr -n trusted.note -v secret attrs/trusted
    setfattr -n user.empty attrs/user
    echo x > attrs/acl && setfacl -m u:1234:rw,g:4321:r attrs/acl
    mkdir attrs/acl-dir && setfacl -m d:u:1234:rwx,d:m:rwx attrs/acl-dir
    cp "$1/bin/true" attrs/capable && setcap cap_net_raw+ep attrs/capable
    cp "$1/usr/bin/id" attrs/setuid && chown 33:33 attrs/setuid && chmod 6755 attrs/setuid
    mkdir attrs/sticky && chmod 1777 attrs/sticky
    mkdir attrs/setgid && chgrp 1234 attrs/setgid && chmod 2775 attrs/setgid
    echo x > attrs/owned && chown 70000:80000 attrs/owned && chmod 0604 attrs/owned
    mknod attrs/null c 1 3 && mknod attrs/loop b 7 200 && mkfifo -m 640 attrs/fifo
    truncate -s 8M attrs/sparse && echo end >> attrs/sparse
    ln -s ../links/a attrs/symlink

    for dir in gone opaque file-to-be; do seq 1 40 | (cd "dirs/$dir" && xargs touch); done
    # Stamps as old files have them: what is only carried along must keep its nanoseconds.
    find . -depth -exec touch -h -d '2019-03-04 05:06:07.123456789 UTC' {} +
  )
}

# Builds the cached tar and the .deb files for the steps. Everything from the network is fetched here, nowhere else.
make_base() {
  local tmp sources options=()
  sources=$(machine_sources)
  [ -n "$sources" ] || die "no apt sources of this distribution are configured; run apt-get update first"
  while read -r option; do options+=(--aptopt="$option"); done < <(machine_fetch_options)
  tmp=$(mktemp -d "$cache/make-base.XXXXXX")
  mkdir -p "$tmp/debs/partial"
  # The package lists stay in the tree: with them and the .debs, apt-get install needs no network and always gets the same.
  echo "$sources" | DEBS=$tmp/debs PACKAGES=$packages mmdebstrap --quiet --variant=minbase --mode=root \
    --skip=cleanup/apt/lists "${options[@]}" \
    --aptopt='Acquire::GzipIndexes "true"' --aptopt='Acquire::Languages "none"' \
    --customize-hook='APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -q -o Dir::Cache::archives="$DEBS" -y --download-only \
      --no-install-recommends install $PACKAGES > "$DEBS/../apt.log"' \
    '' "$tmp/tree" - || { tail -20 "$tmp/apt.log" >&2; die "mmdebstrap failed; $tmp is left for a look"; }
  seed_tree "$tmp/tree"
  tar -C "$tmp/tree" --xattrs --xattrs-include='*' --acls --numeric-owner --sparse --format=posix -cf "$tmp/base.tar" .
  rm -rf "$tmp/debs/partial" "$tmp/debs/lock"
  mv "$tmp/debs" "$1.debs" && mv "$tmp/base.tar" "$1.tar"
  rm -rf "$tmp"
}

# Sets base_tar and base_debs, building them if the cache has none for this recipe.
ensure_base() {
  local recipe key
  recipe=$(cat "$here/base.sh"; machine_sources; . /etc/os-release; echo "$PRETTY_NAME")
  key=$(echo "$recipe" | sha1sum | cut -c1-12)
  base_tar=$cache/base-$key.tar base_debs=$cache/base-$key.debs
  # The tar comes last, so its being there means all is there.
  (
    flock 9
    [ -e "$base_tar" ] || { rm -rf "$base_debs"; make_base "$cache/base-$key"; }
  ) 9> "$cache/lock" || exit 1
}

unpack_base() {
  mkdir "$1"
  tar -C "$1" --xattrs --xattrs-include='*' --acls --numeric-owner -xpf "$base_tar"
}

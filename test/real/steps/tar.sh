# Out of the mount and in again with tar: what comes back is what went. Runs on the host: $tree, $work, $here.
out=$work/scratch/out.tar
parts='etc usr/bin usr/lib/git-core var/lib/dpkg srv/seed'
tar -C "$tree" --xattrs --xattrs-include='*' --acls --numeric-owner --one-file-system -cf "$out" $parts
mkdir "$tree/srv/tar-in"
tar -C "$tree/srv/tar-in" --xattrs --xattrs-include='*' --acls --numeric-owner -xpf "$out"
for part in $parts; do
  python3 "$here/tree_digest.py" scan "$tree/$part" > "$work/scratch/went"
  python3 "$here/tree_digest.py" scan "$tree/srv/tar-in/$part" > "$work/scratch/came"
  python3 "$here/tree_digest.py" compare "$work/scratch/went" "$work/scratch/came"
done
rm "$out"

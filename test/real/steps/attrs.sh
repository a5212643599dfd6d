# Modes, owners, capabilities, special files, holes, odd names of lower objects: changed a little, kept otherwise.
cd /srv/seed/attrs
as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
for name in user trusted acl owned; do echo more >> "$name"; done
chmod u+x user
chown 5:6 trusted
is "$(stat -c %a:%u:%g owned)" 604:70000:80000
mkdir acl-dir/sub setgid/sub
echo inherits > acl-dir/sub/file
echo inherits > setgid/file
is "$(stat -c %g:%A setgid/sub)" 1234:drwxr-sr-x
is "$(stat -c %g setgid/file)" 1234
(umask 077 && echo private > acl-dir/private && echo private > private)
is "$(stat -c %a private)" 600

# Setuid and capabilities do their work through the mount, and a write by somebody else takes them away.
is "$(as_nobody ./setuid -u)" 33
chmod o+w setuid
as_nobody sh -c 'echo >> setuid'
is "$(stat -c %a setuid)" 757
echo >> capable
refused as_nobody sh -c 'echo >> owned'
refused as_nobody rm sticky

echo hi > null
[ -c null ]
echo through > fifo & is "$(cat fifo)" through
wait
mknod made-char c 1 5
is "$(head -c 3 made-char | od -An -tx1)" ' 00 00 00'
mknod made-block b 7 201
mkfifo made-fifo
mv fifo moved-fifo
chmod 600 loop
perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0) && bind(S, sockaddr_un("/srv/socket")) or die $!'

# One byte into a sparse file: still sparse after copy-up.
printf x | dd of=sparse bs=1 seek=4194304 conv=notrunc status=none
is "$(stat -c %s sparse)" 8388612
[ "$(stat -c %b sparse)" -lt 2048 ]
truncate -s 3M sparse
truncate -s 5M sparse

cd ../names
for name in *; do echo again >> "./$name"; done
mv ./-dash ./--dash
rm "$(printf 'n%.0s' $(seq 242))"
echo long > "$(printf 'm%.0s' $(seq 240))"
refused touch "$(printf 'x%.0s' $(seq 256))"
is "$(find . -type f -printf . | wc -c)" 9

cd ../dirs
rm -rf gone
rm -rf opaque
mkdir opaque
touch opaque/only
is "$(ls opaque)" only
rm -rf file-to-be
echo file > file-to-be
ln -s opaque linked
is "$(ls linked/)" only

# Open, then gone: descriptors live on.
echo kept > doomed
exec 3<> doomed
rm doomed
echo written >&3
is "$(cat /proc/self/fd/3)" written
is "$(stat -L -c %h /proc/self/fd/3)" 0
exec 3>&-

# Appenders side by side lose nothing; a lock held by one keeps another out.
for writer in 1 2 3 4; do (for n in $(seq 200); do echo "$writer $n" >> appended; done) & done
wait
is "$(sort -u appended | wc -l)" 800
sort -n appended > sorted
mv sorted appended
exec 8< appended
flock 8
refused flock -n appended true
exec 8<&-
flock -n appended true

# Hard links of lower files: a group stays a group, whichever name is changed, added, removed or moved.
cd /srv/seed/links
count() { stat -c %h "$1"; }
is "$(count a)" 4
for name in b sub/c d; do same a "$name"; done
echo appended >> a
for name in b sub/c d; do
  is "$(tail -1 "$name")" appended
  same a "$name"
done
is "$(count sub/c)" 4
rm d
is "$(count a)" 3
ln sub/c e
is "$(count b)" 4
same e a
mv e sub/f
same sub/f b
chmod 640 sub/f
is "$(stat -c %a a)" 640
perl -e 'rename("a", "b") or die "rename: $!"' # two names of one file: does nothing
same a b
is "$(count a)" 4
echo other > other
mv other b
is "$(count a) $(count b) $(cat b)" '3 1 other'

# Through the group's second name first; a symlink with two names; the group's directory moves.
echo tail >> sub/big-too
is "$(tail -1 big)" tail
same big sub/big-too
is "$(count big)" 2
chown -h 5:6 dangling
is "$(stat -c %u:%g sub/dangling-too)" 5:6
mv sub moved-sub
same moved-sub/c a
same moved-sub/big-too big
cp -a . /srv/links-copy
same /srv/links-copy/a /srv/links-copy/moved-sub/c

# Lower groups that nobody seeded, as perl's two names.
for name in $(find /usr/bin -type f -links +1); do
  before=$(count "$name")
  touch -c -a "$name"
  is "$(count "$name")" "$before"
done

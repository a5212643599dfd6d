# A repository of some thousand files: commits, branches, clones by hard link and by protocol, gc, fsck.
# Dates, names and one packing thread: the same objects and packs every time.
export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
git config --global user.name 'Real Tree'
git config --global user.email real@tree.invalid
git config --global init.defaultBranch main
git config --global pack.threads 1
git config --global gc.auto 0

mkdir -p /srv/git/work
cd /srv/git/work
git init -q
awk -v n=$((3000 / SCALE)) 'BEGIN {
  for (i = 1; i <= n; i++) {
    dir = sprintf("d%02d/e%d", i % 50, i % 3)
    if (!(dir in made)) { system("mkdir -p " dir); made[dir] = 1 }
    file = sprintf("%s/file-%04d.txt", dir, i)
    for (line = 0; line < i % 40; line++) printf "line %d of file %d\n", line, i > file
    printf "end\n" > file
    close(file)
  }
}'
git add -A
git commit -q -m 'all files'
git checkout -q -b topic
git mv d01 renamed
find d02 -name '*.txt' -exec sh -c 'for f; do echo changed >> "$f"; done' sh {} +
git rm -q -r d03
git add -A
git commit -q -m 'rename, change, remove'
git checkout -q main
absent renamed
is "$(echo d01 d03/*/file-0003.txt)" 'd01 d03/e0/file-0003.txt'
git merge -q --no-ff -m merge topic
absent d01 d03
[ -d renamed ]
is "$(git status --porcelain)" ''

git clone -q /srv/git/work /srv/git/linked
git clone -q file:///srv/git/work /srv/git/copied
git clone -q --bare /srv/git/work /srv/git/bare.git
(cd /srv/git/copied && echo pushed > new && git add new && git commit -q -m push && git push -q origin HEAD:refs/heads/pushed)
git gc -q --prune=now
for repo in /srv/git/work /srv/git/linked /srv/git/copied /srv/git/bare.git; do
  git -C "$repo" fsck --strict --full --no-progress
done
git worktree add -q /srv/git/tree pushed
[ -f /srv/git/tree/new ]
is "$(git status --porcelain)" ''
is "$(git -C /srv/git/linked status --porcelain)" ''

# source.sh DIR FILES: a git repository `repo` of that many files, with a branch `topic` that changes a quarter of them, and
# the same files as source.tar.
set -eu -o pipefail
umask 022
files=$2
mkdir "$1/repo"
cd "$1/repo"
export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
export GIT_AUTHOR_NAME=bench GIT_AUTHOR_EMAIL=bench@bench.invalid GIT_COMMITTER_NAME=bench GIT_COMMITTER_EMAIL=bench@bench.invalid
git init -q -b main
for d in $(seq 0 49); do mkdir -p "d$d"/{a,b,c}; done
awk -v n="$files" 'BEGIN {
  for (i = 1; i <= n; i++) {
    file = sprintf("d%d/%s/file-%05d.c", i % 50, substr("abc", i % 3 + 1, 1), i)
    for (line = 0; line < i % 200; line++) printf "int line_%d_of_%d;\n", line, i > file
    printf "int end_of_%d;\n", i > file
    close(file)
  }
}'
git add -A
git commit -q -m all
tar cf "$1/source.tar" --exclude=.git .
git checkout -q -b topic
find . -name '*[05].c' -exec sh -c 'for f; do echo "int more;" >> "$f"; done' sh {} +
git rm -q -r d3
git commit -q -a -m topic
git checkout -q main
git gc -q

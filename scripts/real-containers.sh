#!/bin/bash
# Real programs in containers on a Debian tree that nothing is copied from: apt-get, PostgreSQL with pgbench and crashes, nginx
# behind a published port, npm ci, an interactive bash, an init. As root, under limits; some minutes.
# usage: scripts/real-containers.sh [STEP...]      steps: apt postgres nginx npm bash init
# Exit: 0 all as it should be, nothing left; 1 not; 77 cannot run here. Needs the packages of scripts/install-deps.sh tests.
set -eu -o pipefail
umask 022
repo=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
here=$repo/test/real
say() { printf '%s\n' "$*"; }
die() { printf 'real-containers: %s\n' "$*" >&2; exit 1; }
cannot() { printf 'real-containers: cannot run here: %s\n' "$*" >&2; exit 77; }
. "$here/base.sh"

[ "$(id -u)" = 0 ] || cannot 'it takes root'
for tool in mmdebstrap python3 unshare ip nft npm; do command -v "$tool" > /dev/null || cannot "$tool is not installed"; done
# Mounts of our own namespace: none that somebody else makes meanwhile holds a copy of ours.
if [ -z "${REAL_CONTAINERS_NAMESPACE-}" ]; then REAL_CONTAINERS_NAMESPACE=1 exec unshare --mount "$0" "$@"; fi
cache=${TSAUFS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tsaufs}
mkdir -p "$cache"
ensure_base

work=$(mktemp -d "${TMPDIR:-/tmp}/real-containers.XXXXXX")
export TSAUFS_SPARE=0 TSAUFS_ROOT=$work/root TSAUFS_RUN_DIR=$work/run
tsaufs() { node "$repo/bin/tsaufs.js" "$@"; }
finish() {
  tsaufs ps -aq | while read -r id; do tsaufs rm -f "$id" > /dev/null; done || true
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
tree=$work/tree
unpack_base "$tree"
mkdir "$tree/mnt/steps" "$tree/mnt/debs"

limits=(--memory 768m --cpus 1.5 --pids-limit 500 --shm-size 128m)
steps=(-v "$here/steps:/mnt/steps:ro" -v "$here/containers:/mnt/containers:ro")
# To fetch packages: the host's network, its certificates, its settings of apt.
machine_fetch_options > "$work/99fetch"
fetch=(--network host -v /etc/ssl/certs:/etc/ssl/certs:ro -v "$work/99fetch:/etc/apt/apt.conf.d/99fetch:ro")

# in_container NAME [FLAG...] -- COMMAND...: on the Debian tree, under the limits
in_container() {
  local name=$1 flags=()
  shift
  while [ "$1" != -- ]; do flags+=("$1"); shift; done
  shift
  tsaufs run --name "$name" "${limits[@]}" "${steps[@]}" "${flags[@]}" --rootfs "$layers" "$@"
}
# The writable branch of a container that has ended is a layer: the next ones stand on it.
branch_of() { echo "$TSAUFS_ROOT/containers/$(tsaufs inspect -f '{{.Id}}' "$1")/rw"; }
layers=$tree

# steps of test/real, as a container's program
script() { echo ". /mnt/steps/check.sh; . /mnt/steps/$1.sh"; }

step_apt() {
  in_container apt --network none -v "$base_debs:/mnt/debs:ro" -e "PACKAGES=$packages" -e SCALE=1 -e DEBIAN_FRONTEND=noninteractive -e LC_ALL=C -- \
    bash -eu -o pipefail -c "$(script apt); is \"\$(dpkg --audit)\" ''; dpkg --verify git gcc-12 postgresql-15" > "$work/apt" 2>&1 || { tail "$work/apt"; return 1; }
  tsaufs diff apt | grep -q '^A /usr/bin/git$'
  layers=$(branch_of apt):$tree
}

started() { tsaufs start db > /dev/null; }
books() { tsaufs exec db bash -eu -o pipefail /mnt/containers/books.sh; }
# Work under way in the database; its end is what happens to it.
busy() {
  tsaufs exec db bash -c '. /mnt/steps/cluster.sh; as "$bin/pgbench" -n -c 4 -j 2 -T 600 bench' > "$work/pgbench" 2>&1 || true &
  tsaufs exec db bash /mnt/containers/tell.sh > "$work/told" 2> /dev/null || true &
  until [ "$(wc -l < "$work/told")" -ge 20 ]; do sleep 0.1; done
}
# recovered WHAT GREP: after a start the books balance, nothing that was told of is missing, and the log says how it began
recovered() {
  local told
  wait
  told=$(tail -n 1 "$work/told")
  : > "$work/log"
  started
  IFS='|' read -r transactions last < <(books)
  [ "$last" -ge "$told" ] || die "$1: $told was committed, $last is the last"
  tsaufs logs --since 30s db 2>&1 | grep -q "$2" || die "$1: the log does not say: $2"
  say "  $1: $transactions transactions, commit $told was told of, $last is the last"
}
step_postgres() {
  in_container db -d --network none --stop-signal INT -e SCALE=1 -- bash -eu -o pipefail /mnt/containers/database.sh > /dev/null
  books > /dev/null
  tsaufs exec db bash -eu -c '. /mnt/steps/cluster.sh; as "$bin/pgbench" -n -c 4 -j 2 -t 300 bench' | grep -q 'actually processed: 1200/1200'
  busy; tsaufs stop -t 60 db > /dev/null
  [ "$(tsaufs inspect -f '{{.State.ExitCode}}' db)" = 0 ] || die 'stop: PostgreSQL did not end by itself'
  recovered 'stop (SIGINT)' 'database system was shut down at'
  busy; tsaufs kill -s KILL db > /dev/null; tsaufs wait db > /dev/null
  recovered 'kill -9 of the container' 'automatic recovery in progress'
  busy; kill -9 "$(cat "$TSAUFS_RUN_DIR"/si_*/pid)"
  tsaufs stop -t 1 db > /dev/null
  recovered 'kill -9 of the daemon of its root' 'automatic recovery in progress'
  tsaufs stop -t 60 db > /dev/null
  tsaufs run --rm --network none "${steps[@]}" --rootfs "$(branch_of db):$layers" bash -eu -o pipefail -c \
    '. /mnt/steps/cluster.sh; as "$bin/pg_checksums" --check -D "$data"' | grep -q 'Bad checksums:  0'
}

step_nginx() {
  in_container install "${fetch[@]}" -e DEBIAN_FRONTEND=noninteractive -- bash -eu -c \
    'printf "#!/bin/sh\nexit 101\n" > /usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d
     apt-get -qq update; apt-get -qq install -y --no-install-recommends nginx-light > /dev/null; echo "in a container" > /var/www/html/index.html' > "$work/apt" 2>&1 || { tail "$work/apt"; return 1; }
  # A network of our own stands for the host's: no bridge and no rules are left in the real one.
  nginx_layers=$(branch_of install):$layers
  export -f tsaufs in_container
  unshare --net bash -eu -c '
    ip link set lo up
    node "$0" run -d --name web -p 127.0.0.1:8080:80 --memory 256m --rootfs "$1" nginx -g "daemon off;" > /dev/null
    get() { node -e "fetch(\"http://127.0.0.1:8080/\").then(a => a.text()).then(a => process.stdout.write(a), () => process.exit(1))"; }
    for try in $(seq 50); do get > /dev/null && break; sleep 0.1; done
    [ "$(get)" = "in a container" ]
    seq 400 | xargs -P 8 -n 50 node -e "(async () => { for (const each of process.argv.slice(1)) if ((await fetch(\"http://127.0.0.1:8080/?\" + each)).status !== 200) process.exit(1) })()"
    [ "$(node "$0" logs web | wc -l)" -ge 0 ]
    node "$0" exec web bash -c "[ \$(grep -c GET /var/log/nginx/access.log) -ge 401 ]"
    node "$0" stop web > /dev/null
    [ "$(node "$0" inspect -f "{{.State.ExitCode}}" web)" = 0 ]' "$repo/bin/tsaufs.js" "$nginx_layers"
}

# The host's node and npm, its registry and certificates; the packages of test/real/npm.
step_npm() {
  local modules node_root flags=()
  modules=$(npm root -g)
  node_root=$(dirname "$(readlink -f "$(command -v node)")")
  for name in registry cafile; do
    value=$(cd / && npm config get "$name")
    case $value in undefined | null | '') ;; *) flags+=(-e "npm_config_$name=$value") ;; esac
  done
  [ -z "${NODE_EXTRA_CA_CERTS-}" ] || flags+=(-e "NODE_EXTRA_CA_CERTS=$NODE_EXTRA_CA_CERTS")
  in_container npm "${fetch[@]}" "${flags[@]}" -v "$node_root/node:/usr/local/bin/node:ro" -v "$modules/npm:/usr/local/lib/node_modules/npm:ro" -v "$here/npm:/mnt/npm:ro" -- bash -eu -c '
    ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
    mkdir /srv/npm; cp -r /mnt/npm/. /srv/npm; cd /srv/npm
    npm ci --ignore-scripts --no-audit --no-fund --loglevel error
    [ "$(find node_modules -name package.json | wc -l)" -gt 150 ]
    npm test --silent 2>&1 | grep -x "  2 passing.*"
    npm ci --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel error
    npm ls --all > /dev/null' > "$work/npm" 2>&1 || { tail "$work/npm"; return 1; }
}

step_bash() {
  local typed='[
    ["# ", "stty size; echo j$((1+1))b\n"], ["j2b", "44x111"],
    ["# ", "until [ \"$(stty size)\" = \"44 111\" ]; do sleep 0.1; done; echo re${X}sized\n"],
    ["resized\r", "sh -c \"echo o${X}n; sleep 1000\"\n"], ["on\r", "\u0003"], ["# ", "echo c$?\n"],
    ["c130\r", "sh -c \"echo o${X}f; sleep 1000\"\n"], ["of\r", "\u001a"], ["Stopped", "fg\n"], ["sleep 1000\"\r", "\u001a"], ["Stopped", "kill -9 %1; wait; echo z${X}z\n"],
    ["zz", "exit 7\n"]]' status=0
  python3 "$repo/test/engine/in-terminal.py" "$typed" node "$repo/bin/tsaufs.js" run --rm -it --network none "${limits[@]}" --rootfs "$layers" bash --norc > "$work/bash" || status=$?
  [ "$status" = 7 ] || { cat "$work/bash"; return 1; }
  grep -q '33 99' "$work/bash"
}

step_init() {
  in_container sysvinit "${fetch[@]}" -e DEBIAN_FRONTEND=noninteractive -- bash -eu -c \
    'apt-get -qq update; apt-get -qq install -y --no-install-recommends sysvinit-core > /dev/null
     printf "%s\n" id:2:initdefault: "s1:2:respawn:/bin/sleep 100001" "ca:2:ctrlaltdel:/bin/touch /asked" > /etc/inittab' > "$work/apt" 2>&1 || { tail "$work/apt"; return 1; }
  layers=$(branch_of sysvinit):$layers in_container init -d --network none --stop-signal INT -- /sbin/init > /dev/null
  local first next
  pid_of() { tsaufs exec init bash -c 'for each in /proc/[0-9]*; do [ "$(tr "\0" " " < $each/cmdline)" = "/bin/sleep 100001 " ] && echo ${each#/proc/}; done; true'; }
  for try in $(seq 100); do first=$(pid_of); [ -z "$first" ] || break; done
  tsaufs exec init cat /proc/1/comm | grep -qx init
  tsaufs exec init bash -c "kill $first"
  for try in $(seq 100); do next=$(pid_of); [ -n "$next" ] && [ "$next" != "$first" ] && break; done
  [ -n "$next" ] && [ "$next" != "$first" ]
  # Orphans are reaped by it, and SIGINT is its Ctrl-Alt-Del.
  tsaufs exec init bash -c '(sleep 0.1 &) ; sleep 0.5; ! grep -l "State:.Z" /proc/[0-9]*/status'
  tsaufs stop -t 3 init > /dev/null
  [ -e "$(branch_of init)/asked" ]
}

failed=''
for step in ${*:-apt postgres nginx npm bash init}; do
  declare -F "step_$step" > /dev/null || die "no step $step; there are apt postgres nginx npm bash init"
  began=$SECONDS status=0
  # In this shell, for what it sets; a step ends at the first command that fails.
  trap 'say "FAILED at line $LINENO: $BASH_COMMAND"' ERR
  set -E
  "step_$step"
  trap - ERR
  say "$(printf '%-10s %4d s' "$step" $((SECONDS - began)))"
done
tsaufs ps -aq | while read -r id; do tsaufs rm -f "$id" > /dev/null; done
left=$(tsaufs system check 2>&1; grep -F "$work" /proc/self/mountinfo; ls -A "$TSAUFS_ROOT/containers") || true
say "real programs in containers: $SECONDS s, ${left:+LEFT: $left }${left:-all as they should be, nothing left}"
[ -z "$left" ]

# npm ci of a real dependency tree by the host's node, its tests run from the mount. Runs on the host: $tree, $cache, $here.
mkdir -p "$tree/srv/npm"
cd "$tree/srv/npm"
cp -r "$here/npm/." .
npm ci --ignore-scripts --no-audit --no-fund --prefer-offline --cache "$cache/npm" --loglevel error
[ "$(find node_modules -name package.json | wc -l)" -gt 150 ]
npm test --silent 2>&1 | grep -x '  2 passing.*'
./node_modules/.bin/mocha --version
npm ls --all > /dev/null
if [ "$SCALE" = 1 ]; then
  # Once more: npm first moves or removes what is there.
  npm ci --ignore-scripts --no-audit --no-fund --prefer-offline --cache "$cache/npm" --loglevel error
fi

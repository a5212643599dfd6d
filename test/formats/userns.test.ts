/**
 * In a user namespace: the marks are `user.overlay.*`, and overlayfs reads them with its option userxattr. It has no renamed
 * directories then, so the union is told to have none.
 */
import t from 'tap'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repositoryRoot } from '../helpers/steps.js'
import { removeTree, runProgram } from '../scenario/subjects/subject.js'

const SCRIPT = `
set -e
cd "$1"
node=$2 program=$3
ts() { "$node" "$program" "$@"; }
see() { find m -type f -exec md5sum {} + | sort; find m -mindepth 1 -printf '%P %y %m %T@\\n' | sort; }
mkdir R L m W; mkdir -p L/d/e L/o/x L/em
for f in f d/g d/e/h o/x/y l1; do echo $f >L/$f; done; ln L/l1 L/l2
ts mount -o dirs=R=rw+fmt=overlay:L=ro,nodirren none m
rm m/f; mv m/d m/dd; rm -r m/o; mkdir m/o; touch m/o/n; echo x >>m/l1; rmdir m/em; mkdir m/f; rm m/dd/g
see >ours; ts umount m
mount -t overlay o -o lowerdir=L,upperdir=R,workdir=W,userxattr m
see >theirs; diff ours theirs
mv m/dd/e/h m/h2; rm -rf m/f; mkdir m/o/k; rm m/l2; see >theirs; umount m
ts mount -o dirs=R=rw+fmt=overlay:L=ro,nodirren none m
see >ours; ts umount m; diff theirs ours
find R -type c | wc -l
`

const able = await runProgram(['unshare', '-Urm', 'true'])

await t.test('overlayfs with userxattr', { skip: able.code === 0 ? false : `no user namespace: ${able.err.trim()}` }, async (t) => {
  const work = mkdtempSync(join(tmpdir(), 'tsaufs-userns-'))
  t.teardown(() => removeTree(work))
  mkdirSync(join(work, 'run'))
  writeFileSync(join(work, 'script'), SCRIPT)
  const { code, out, err } = await runProgram(
    ['unshare', '-Urm', 'bash', join(work, 'script'), work, process.execPath, join(repositoryRoot(), 'bin/tsaufs.js')],
    { TSAUFS_RUN_DIR: join(work, 'run'), TSAUFS_SPARE: '0' })
  t.match({ code, out, err }, { code: 0, out: /^[1-9]/, err: '' }, `${out}${err}`)
})

/** The tests of cgroups once more on a kernel that has a true cgroup v2 (about 10 s). */
import t from 'tap'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { REPO } from '../cli/sandbox.js'

const skip = spawnSync('sh', ['-c', 'command -v linux.uml']).status === 0 ? false : 'needs user-mode-linux'

t.test('cgroup v2 with controllers, in user-mode-linux', { skip }, async t => {
  const { status, stdout } = spawnSync(join(REPO, 'scripts/uml-cgroup2.sh'), { encoding: 'utf8', timeout: 280_000 })
  t.match(stdout, /controllers: .*memory pids/, 'it has them')
  t.match(stdout, /^ok 1 - /m, 'they ran')
  if (!t.equal(status, 0)) t.comment(stdout)
})

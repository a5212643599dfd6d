/**
 * The transcript people know from aufs (scripts/demo.sh), through `tsaufs mount` and through `mount -t tsaufs`, in every
 * mode that sees changes made directly on a branch. The script checks each line itself.
 */
import t from 'tap'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { dirname, join } from 'node:path'

let repo = dirname(fileURLToPath(import.meta.url))
while (!existsSync(join(repo, 'package.json'))) repo = dirname(repo)
const HELPER = '/sbin/mount.tsaufs'
const isRoot = process.geteuid?.() === 0

function demo(...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(join(repo, 'scripts/demo.sh'), args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  return { status, output: stdout + stderr }
}

for (const options of ['', 'io=cached', 'io=passthrough']) {
  t.test(`tsaufs mount ${options}`, { skip: isRoot ? false : 'needs root' }, t => {
    const { status, output } = demo('tsaufs', ...(options === '' ? [] : [options]))
    t.equal(status, 0, status === 0 ? 'the demo ends well' : output)
    t.match(output, /every line is as it should be\n$/)
    t.end()
  })
}

t.test('mount -t tsaufs', { skip: isRoot ? false : 'needs root' }, t => {
  const had = existsSync(HELPER)
  if (!had) {
    t.equal(spawnSync(join(repo, 'scripts/install-mount-helper.sh')).status, 0)
    t.teardown(() => { spawnSync(join(repo, 'scripts/install-mount-helper.sh'), ['--uninstall']) })
  }
  const { status, output } = demo('mount')
  t.equal(status, 0, status === 0 ? 'the demo ends well' : output)
  t.match(output, /every line is as it should be\n$/)
  t.end()
})

/**
 * A real Debian tree below an empty writable branch, worked in, compared with the same work on a plain directory.
 * The work is scripts/real-tree.sh (see README.md here); this runs it on our subjects and wants exit code 0.
 *
 * TSAUFS_REAL=quick takes the small selection of steps, TSAUFS_REAL=all adds kernel overlayfs as a control of the proof
 * itself. The plain directory is run first by the script, when the cache does not have its result.
 */
import t from 'tap'
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('../../../scripts/real-tree.sh', import.meta.url))
const extent = process.env['TSAUFS_REAL'] ?? 'full'
const CANNOT_RUN = 77

const runs: { name: string; args: string[] }[] = [
  { name: 'tsaufs io=cached', args: ['-o', 'io=cached', 'tsaufs'] },
  { name: 'tsaufs io=passthrough', args: ['-o', 'io=passthrough', 'tsaufs'] },
]
if (extent === 'all') runs.unshift({ name: 'overlayfs', args: ['overlayfs'] })

/** Runs the script; its lines are given to `onLine` as they come. Answers the exit code and the last line. */
function realTree(args: string[], onLine: (line: string) => void): Promise<{ code: number | null; last: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(script, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let rest = ''
    let last = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) onLine((last = line))
      })
    }
    child.on('error', reject)
    child.on('close', code => resolve({ code, last }))
  })
}

t.setTimeout(0) // the script bounds its steps itself

for (const { name, args } of runs) {
  t.test(`a Debian tree on ${name} is as on a plain directory`, async t => {
    const { code, last } = await realTree(extent === 'quick' ? ['--quick', ...args] : args, line => t.comment(line))
    if (code === CANNOT_RUN) t.pass('cannot run', { skip: last })
    else t.equal(code, 0, last)
  })
}

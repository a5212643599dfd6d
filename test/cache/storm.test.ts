/**
 * udba=notify in a storm: several processes change the branches directly, tens of thousands of times, while others work
 * through the mount. In the end it shows exactly what a mount made anew shows. Once the daemon is stopped meanwhile, until
 * its queue of events has overflowed.
 */
import t, { type Test } from 'tap'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { identity } from '../helpers/identity.js'
import { repositoryRoot } from '../helpers/steps.js'
import { mountUnion } from '../scenario/subjects/tsaufs.js'
import { removeTree, unmountAt, type Mounted } from '../scenario/subjects/subject.js'
import { askDaemon } from './ask.js'

t.setTimeout(600_000)
const reason = existsSync('/dev/fuse') ? false : 'no /dev/fuse'
const script = join(repositoryRoot(), 'test/helpers/storm.py')
/** Who may not set every attribute. */
const weak = identity === 'root' ? [] : ['weak']
const CHANGERS = 3
const WORKERS = 2
/** More than a queue holds (fs.inotify.max_queued_events, fs.fanotify.max_queued_events). */
const FLOOD = 20_000

interface Storm {
  readonly watch: 'fanotify' | 'inotify'
  /** Direct changes of each process. */
  readonly changes: number
  /** Stop the daemon while they are made. */
  readonly stopped: boolean
  /** More mount options. */
  readonly options?: readonly string[]
}

let env: NodeJS.ProcessEnv = process.env

/** Run a part of the storm; answers what it printed. @throws Error with what it said */
async function run(...words: readonly (string | number)[]): Promise<string> {
  const child = spawn('python3', [script, ...words.map(String)], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const code = await new Promise((done) => child.on('close', done))
  if (code !== 0) throw new Error(`storm.py ${words.join(' ')}: exit ${String(code)}: ${err}`)
  return out
}

async function weather(t: Test, { watch, changes, stopped, options = [] }: Storm): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'tsaufs-storm-'))
  const at = (name: string): string => join(work, name)
  for (const name of ['R', 'L', 'm', 'L/d0', 'L/d1', 'R/d1', 'R/d2']) mkdirSync(at(name))
  const mount = (name: string): Promise<Mounted> => mountUnion({
    branches: [{ name: 'R', path: at('R'), perm: 'rw' }, { name: 'L', path: at('L'), perm: 'ro' }],
    options: ['udba=notify', `watch=${watch}`, ...options], mountpoint: at('m'), scratch: at(name),
  })
  try {
    const mounted = await mount('first')
    const workers = Array.from({ length: WORKERS }, (_, i) => run('through', 100 + i, at('stop'), at('m')))
    await run('direct', 1, changes / 10, at('R'), at('L'))
    if (stopped) process.kill(mounted.pid!, 'SIGSTOP')
    if (stopped) await run('flood', FLOOD, at('R'))
    await Promise.all(Array.from({ length: CHANGERS }, (_, i) => run('direct', 10 + i, changes, at('R'), at('L'))))
    if (stopped) process.kill(mounted.pid!, 'SIGCONT')
    writeFileSync(at('stop'), '')
    await Promise.all(workers)
    const { by, overflows } = await askDaemon(join(at('first'), 'run'), 'settle') as { by: string, overflows: number }
    t.equal(by, watch)
    if (stopped) t.ok(overflows > 0, 'events were lost')
    const shown = JSON.parse(await run('show', at('m'), ...weak)) as Record<string, unknown>
    t.same(await mounted.unmount(), [], 'unmounted')
    const fresh = await mount('second')
    const expected = JSON.parse(await run('show', at('m'), ...weak)) as Record<string, unknown>
    t.same(await fresh.unmount(), [], 'unmounted')
    t.ok(Object.keys(expected).length > 20, 'there is something')
    t.same(shown, expected, 'as a mount made anew')
  } finally {
    writeFileSync(at('stop'), '')
    await unmountAt(at('m'))
    await removeTree(work)
  }
}

/** `quick` on the command line: less of it (test/rootless). */
const quick = process.argv.includes('quick')
const storms: readonly Storm[] = (['fanotify', 'inotify'] as const).flatMap((watch): Storm[] => quick
  ? [{ watch, changes: 2_000, stopped: watch === 'fanotify' }]
  : [
      { watch, changes: 10_000, stopped: false },
      { watch, changes: 5_000, stopped: true },
      { watch, changes: 4_000, stopped: false, options: ['watch_max=6'] },
    ])

for (const storm of storms) {
  // In a directory that is not watched, link groups are as with reval: docs/semantics.md.
  env = storm.options === undefined ? process.env : { ...process.env, STORM_NO_LINKS: '1' }
  const name = `${storm.watch}${storm.stopped ? ', the daemon stopped' : ''}${storm.options === undefined ? '' : `, ${storm.options.join()}`}`
  await t.test(name, { skip: reason }, (t) => weather(t, storm))
}

/**
 * Two writable branches: a file that is moved down and a directory with parts on all of them are interrupted at calls that
 * change a branch, by SIGKILL and by EIO. There is the old state or the new one after it, nothing is left of the
 * temporaries, and done again it succeeds. TSAUFS_FULL=1 leaves no call out.
 */
import t from 'tap'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { sample } from '../fault/sweep.js'
import { DoubledMount } from '../helpers/doubled-mount.js'
import { repositoryRoot, StepServer, type Step } from '../helpers/steps.js'
import { file, OLD, toEntries, type BuildEntry, type Tree } from '../helpers/tree.js'
import { differences, temporaries } from '../helpers/view.js'
import { runProgram, until } from '../scenario/subjects/subject.js'
import type { View } from '../scenario/compare.js'

t.setTimeout(1_800_000)
const POINTS = process.env['TSAUFS_FULL'] === undefined ? 3 : Infinity
const reason = process.getuid?.() !== 0 ? 'needs root' : existsSync('/dev/fuse') ? false : 'no /dev/fuse'
const EIO = 5
/** How long a process that has killed itself may still be seen. */
const DYING_MS = 3000

interface Row {
  readonly name: string
  /** Trees on the writable branches R over M, and on L. */
  readonly R?: Tree
  readonly M?: Tree
  readonly L?: Tree
  /** `tsaufs move-down`'s flags and the file, or what is done in the mount. */
  readonly moveDown?: readonly string[]
  readonly act?: readonly Step[]
}

const PARTS = { R: { d: { r: 'r', both: 'R' } }, M: { d: { m: 'm', both: 'M', sub: { x: 'x' } } }, L: { d: { l: 'l', sub: { y: 'y' } } } } as const
const ROWS: readonly Row[] = [
  { name: 'move-down into directories that are not there', R: { d: { e: { f: file('up', { xattrs: { 'user.k': 'v' }, mode: 0o640 }) } } }, moveDown: ['d/e/f'] },
  { name: 'move-down of a big file', R: { f: { type: 'file', content: '0123456789abcdef', times: 40 * 1024 } }, L: { f: 'hidden' }, moveDown: ['f'] },
  { name: 'move-down over a file', R: { f: 'up' }, M: { f: 'hidden' }, moveDown: ['--overwrite', 'f'] },
  { name: 'move-down of a copy', R: { f: 'up' }, M: { f: 'old' }, moveDown: ['--keep', '--overwrite', 'f'] },
  { name: 'rename of a directory on three branches', ...PARTS, act: [['rename', 'd', 'e']] },
  { name: 'rename of a directory on the lower two', M: PARTS.M, L: PARTS.L, act: [['rename', 'd', 'e']] },
  { name: 'rename of it into a directory of the upper', R: { to: { x: 'x' } }, M: PARTS.M, L: PARTS.L, act: [['rename', 'd', 'to/e']] },
  { name: 'rename of a file on both', R: { f: 'up' }, M: { f: 'hidden' }, L: { g: 'other' }, act: [['rename', 'f', 'g']] },
  { name: 'unlink of a file on both', R: { f: 'up' }, M: { f: 'hidden' }, L: { f: 'lowest' }, act: [['unlink', 'f']] },
]

class Run {
  readonly problems: string[] = []
  trials = 0
  crashes = 0
  readonly mount = new DoubledMount('rw', true)
  readonly #server = new StepServer()

  async end(): Promise<void> {
    this.#server.stop()
    await this.mount.remove()
  }

  async #prepare(name: string, row: Row): Promise<string> {
    const root: BuildEntry = ['', { type: 'dir', mode: 0o755, mtime: OLD }]
    const { upper, middle, lower, mountpoint } = this.mount
    const trees = [[upper, row.R], [middle, row.M], [lower, row.L]] as const
    await this.#server.ask({ build: trees.map(([path, tree]) => [join(path, name), [root, ...toEntries(tree ?? {}, 'aufs')]]) })
    await this.#server.ask({ digest: join(lower, name), key: name })
    return join(mountpoint, name)
  }

  async #view(dir: string): Promise<View> {
    return (await this.#server.ask({ snapshot: dir }))['entries'] as View
  }

  /** @returns '' or what went wrong */
  async #do(dir: string, row: Row): Promise<string> {
    if (row.act !== undefined) {
      const results = await this.#server.run(dir, row.act, { limitMs: 20_000 })
      return results.map(({ e, x }) => e ?? x ?? '').join('')
    }
    const words = (row.moveDown ?? []).map((word, i, all) => (i === all.length - 1 ? join(dir, word) : word))
    const env = { TSAUFS_RUN_DIR: join(this.mount.work, 'run') }
    const { code, err } = await runProgram([process.execPath, join(repositoryRoot(), 'bin/tsaufs.js'), 'move-down', ...words], env)
    return code === 0 ? '' : err.trim()
  }

  async row(row: Row, id: string): Promise<void> {
    const truth = await this.#prepare(`${id}-truth`, row)
    const old = await this.#view(truth)
    await this.mount.arm({ n: 0, errno: 0, which: 'mutating', once: true })
    const said = await this.#do(truth, row)
    if (said !== '') this.problems.push(`${row.name}: ${said}`)
    const { calls } = await this.mount.disarm()
    const after = await this.#view(truth)
    if (row.moveDown !== undefined && differences(old, after) !== '') this.problems.push(`${row.name}: it can be seen: ${differences(old, after)}`)
    for (const dies of [false, true]) {
      for (const n of sample(calls.length, POINTS, id.length + Number(dies))) {
        this.trials++
        const label = `${row.name}, ${dies ? 'killed after' : 'EIO at'} call ${n} of ${calls.length} (${calls[n - 1]})`
        await this.#trial(row, `${id}-${n}${dies ? 'k' : 'e'}`, { n, dies, label }, [old, after])
      }
    }
  }

  async #trial(row: Row, name: string, { n, dies, label }: { n: number, dies: boolean, label: string }, [old, after]: readonly [View, View]): Promise<void> {
    const say = (what: string): void => { this.problems.push(`${label}: ${what}`) }
    const dir = await this.#prepare(name, row)
    await this.#view(dir)
    if (dies) await this.mount.crashAt({ n, when: 'after', which: 'mutating' })
    else await this.mount.arm({ n, errno: EIO, which: 'mutating', once: true })
    const said = await this.#do(dir, row)
    if (!dies) {
      if (!this.mount.alive) throw new Error(`${label}: the daemon died`)
      await this.mount.disarm()
      if (said !== '' && !/^(tsaufs: [^\n]*)?EIO/.test(said)) say(`it said ${said}`)
      const wrong = differences(said === '' ? after : old, await this.#view(dir))
      if (wrong !== '') say(`${said === '' ? 'not reported' : 'not as before'}: ${wrong}`)
    } else {
      // A daemon makes its base of whiteouts once: the last call may not be reached by another.
      const died = await until(() => !this.mount.alive, DYING_MS)
      if (died) this.crashes++
      this.problems.push(...(await this.mount.remount(died)))
      const got = await this.#view(dir)
      const wrong = [old, after].map(view => differences(view, got))
      if (!wrong.includes('')) say(`neither old (${wrong[0]}) nor new (${wrong[1]})`)
    }
    await this.#leftovers(say)
    if (differences(old, await this.#view(dir)) === '') {
      let again = await this.#do(dir, row)
      // Killed when the copy was there: the upper one is the file, and the copy is to be replaced.
      if (/EEXIST/.test(again)) again = await this.#do(dir, { ...row, moveDown: ['--overwrite', ...(row.moveDown ?? [])] })
      if (again !== '' && !/EROFS: no writable branch lies below/.test(again)) say(`done again: ${again}`)
    }
    const wrong = differences(after, await this.#view(dir))
    if (wrong !== '') say(`done again: ${wrong}`)
    const { changes } = await this.#server.ask({ compare: join(this.mount.lower, name), key: name })
    for (const change of changes as string[]) say(`the read-only branch changed: ${change}`)
  }

  async #leftovers(say: (what: string) => void): Promise<void> {
    for (const branch of [this.mount.upper, this.mount.middle]) {
      const names = (await this.#server.ask({ names: branch }))['names'] as string[]
      for (const left of [...temporaries(names), ...names.filter(name => name === '.wh..wh.work')]) say(`left on the branch: ${left}`)
    }
  }
}

t.test('interrupted', { skip: reason }, async (t) => {
  const run = new Run()
  try {
    await run.mount.mount()
    const wanted = process.env['TSAUFS_ROW']
    for (const [i, row] of ROWS.entries()) if (wanted === undefined || row.name.includes(wanted)) await run.row(row, `s${i}`)
    run.problems.push(...(await run.mount.unmount()))
  } finally {
    await run.end()
  }
  t.comment(`${run.crashes} crashes in ${run.trials} trials`)
  for (const problem of run.problems.slice(0, 100)) t.comment(problem)
  t.equal(run.problems.length, 0, 'old state or new state')
})

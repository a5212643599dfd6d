/**
 * Two unions over branches of the same making, one by tsaufs, one by fuse-overlayfs with the same options: what a script
 * prints in them, what they show afterwards and what lies on the writable branch then must be the same.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { mountUnion } from '../scenario/subjects/tsaufs.js'
import { mountsAt, removeTree, unmountAt, until, type Mounted } from '../scenario/subjects/subject.js'

/** Why nothing can be compared here, or false. */
export const UNAVAILABLE: string | false = process.geteuid?.() !== 0 ? 'needs root' : !existsSync('/dev/fuse') ? 'no /dev/fuse'
  : spawnSync('fuse-overlayfs', ['--version']).status === 0 ? false : 'no fuse-overlayfs'

/** What happens on both. */
export interface Comparison {
  readonly name: string
  /** Taken by both as they are. */
  readonly options: string
  /** Shell scripts: in the lower branch, in the upper one, in the mount. */
  readonly lower?: string
  readonly upper?: string
  readonly steps?: string
}

/** What came of it. */
export interface Result {
  readonly printed: readonly string[]
  /** `PATH TYPE UID:GID MODE`, by path. */
  readonly shown: readonly string[]
  readonly stored: readonly string[]
}

/** Run a shell script; answers what it said, both ways, line by line. */
export function sh(script: string, cwd: string): string[] {
  const { stdout, stderr } = spawnSync('sh', ['-c', script], { cwd, encoding: 'latin1', timeout: 60_000 })
  return `${stdout}${stderr}`.split('\n').filter((line) => line !== '')
}

/** Types, owners and modes of a tree; no whiteouts and nothing for the union's own use. */
export function owners(path: string): string[] {
  const find = `find . -mindepth 1 ! -name '.wh.*' ! \\( -type c -empty -links +0 -perm 0 \\) -printf '%P %y %U:%G %m\\n'`
  return sh(find, path).sort()
}

/** A directory with branches `R` and `L` and a mount point, removed in the end. */
export class Bed {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), 'tsaufs-idmap-')))
  #mounted: (() => Promise<string[]>) | undefined

  constructor() {
    for (const name of ['R', 'L', 'scratch', 'mnt']) mkdirSync(join(this.path, name))
  }

  /** A path in it. */
  at(...names: string[]): string {
    return join(this.path, ...names)
  }

  async tsaufs(options: string): Promise<void> {
    const branches = [{ name: 'R', path: this.at('R'), perm: 'rw' }, { name: 'L', path: this.at('L'), perm: 'ro' }]
    const setup = { branches, options: ['nowarn_perm', ...(options === '' ? [] : [options])], mountpoint: this.at('mnt'), scratch: this.at('scratch') }
    const mounted: Mounted = await mountUnion(setup)
    this.#mounted = () => mounted.unmount()
  }

  async fuseOverlayfs(options: string): Promise<void> {
    const stack = `lowerdir=${this.at('L')},upperdir=${this.at('R')},workdir=${this.at('scratch')},allow_other`
    const child = spawn('fuse-overlayfs', ['-f', '-o', options === '' ? stack : `${stack},${options}`, this.at('mnt')], { stdio: 'ignore' })
    this.#mounted = async () => {
      const problems = await unmountAt(this.at('mnt'))
      await until(() => child.exitCode !== null)
      return problems
    }
    if (!(await until(() => mountsAt(this.at('mnt')).length > 0 || child.exitCode !== null)) || child.exitCode !== null) {
      throw new Error(`fuse-overlayfs -o ${options}: exit ${child.exitCode}`)
    }
  }

  /** Answers what was left behind. */
  async unmount(): Promise<string[]> {
    const problems = (await this.#mounted?.()) ?? []
    this.#mounted = undefined
    return problems
  }

  async clear(): Promise<void> {
    await this.unmount()
    await unmountAt(this.at('mnt'))
    await removeTree(this.path)
  }
}

/** A bed that goes with the test. */
export function bedFor(t: Test): Bed {
  const bed = new Bed()
  t.teardown(() => bed.clear())
  return bed
}

/** One comparison on one of the two. */
async function runOn(t: Test, kind: 'tsaufs' | 'fuseOverlayfs', { options, lower, upper, steps }: Comparison): Promise<Result> {
  const bed = bedFor(t)
  if (lower !== undefined) t.same(sh(`set -e; ${lower}`, bed.at('L')), [])
  if (upper !== undefined) t.same(sh(`set -e; ${upper}`, bed.at('R')), [])
  await bed[kind](options)
  const printed = steps === undefined ? [] : sh(steps, bed.at('mnt'))
  const shown = owners(bed.at('mnt'))
  t.same(await bed.unmount(), [], `${kind} is gone`)
  return { printed, shown, stored: owners(bed.at('R')) }
}

/** Run all on both; answers what tsaufs did, by name. */
export async function compare(t: Test, comparisons: readonly Comparison[]): Promise<ReadonlyMap<string, Result>> {
  const results = new Map<string, Result>()
  for (const each of comparisons) {
    await t.test(each.name, async (t) => {
      const ours = await runOn(t, 'tsaufs', each)
      t.same(ours, await runOn(t, 'fuseOverlayfs', each), `${each.options}: as fuse-overlayfs`)
      results.set(each.name, ours)
    })
  }
  return results
}

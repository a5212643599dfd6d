/** The read-only branches that rows work on. Each fixture is made once per run, when a row first asks for it. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { runProgram } from '../test/scenario/subjects/subject.js'
import { makeDebian, makeDebianTools, makeNpm, makePython, makeSource } from './macro-fixtures.js'
import { scaled } from './scaled.js'
import type { Stack } from './subjects.js'

/** How many small files there are: as many as the longest micro row has steps. */
export const SMALL_FILES = 2000
export const TREE_DIRS = 100
export const TREE_FILES = 50
export const LIST_ENTRIES = 10_000
export const BIG_BYTES = 256 * 1024 * 1024
/** Of `many-inodes`: files in each directory. */
export const CROWD_FILES = 1000

/** Run an operation of ops.c that makes files. */
export type Make = (op: string, dir: string, n: number, args?: readonly string[]) => Promise<void>

interface Fixture {
  readonly branches: number
  /** Fill the branches, topmost first. @param scale multiplies counts */
  make(dirs: readonly string[], make: Make, scale: number): Promise<void>
}

/** Two halves of a directory, in two branches. */
function halves(entries: number): Fixture {
  return {
    branches: 2,
    async make([top, bottom], make, scale) {
      const half = scaled(entries / 2, scale)
      await make('make-files', top!, half, ['--size', '0'])
      await make('make-files', bottom!, half, ['--size', '0', '--first', String(half)])
    },
  }
}

/**
 * A union of so many branches, the writable one included. The files lie in the lowest: whoever asks each branch in turn
 * finds them last. Every branch has a file of its own.
 */
function deep(branches: number): Fixture {
  return {
    branches: branches - 1,
    async make(dirs, make, scale) {
      for (const [i, dir] of dirs.entries()) await make('make-files', dir, 1, ['--size', '0', '--first', String(1_000_000 + i)])
      await make('make-files', dirs.at(-1)!, scaled(SMALL_FILES, scale), ['--size', '64'])
    },
  }
}

export const bigBytes = (scale: number): number => Math.max(1, Math.round((BIG_BYTES * scale) / 1048576)) * 1048576

const fixtures: Readonly<Record<string, Fixture>> = {
  small: { branches: 1, make: ([dir], make, scale) => make('make-files', dir!, scaled(SMALL_FILES, scale)) },
  tree: { branches: 1, make: ([dir], make, scale) => make('make-tree', dir!, scaled(TREE_DIRS, scale), ['--size', String(TREE_FILES)]) },
  list: halves(LIST_ENTRIES),
  'long-list': halves(100_000),
  big: { branches: 1, make: ([dir], make, scale) => make('make-big', dir!, 1, ['--size', String(bigBytes(scale))]) },
  'many-inodes': { branches: 1, make: ([dir], make, scale) => make('make-tree', dir!, scaled(1000, scale), ['--size', String(CROWD_FILES)]) },
  'branches-2': deep(2),
  'branches-8': deep(8),
  'branches-32': deep(32),
  'branches-127': deep(127),
  debian: { branches: 1, make: ([dir]) => makeDebian(dir!) },
  'debian-tools': { branches: 1, make: ([dir]) => makeDebianTools(dir!) },
  npm: { branches: 1, make: ([dir]) => makeNpm(dir!) },
  source: { branches: 1, make: ([dir], _make, scale) => makeSource(dir!, scale) },
  python: { branches: 1, make: ([dir], _make, scale) => makePython(dir!, scale) },
}

/** The fixtures of one run, below one directory. */
export class Fixtures {
  readonly #root: string
  readonly #make: Make
  readonly #scale: number
  readonly #made = new Map<string, Promise<string>>()
  readonly #merged = new Map<string, Promise<string>>()

  constructor(root: string, make: Make, scale: number) {
    this.#root = root
    this.#make = make
    this.#scale = scale
  }

  async #build(name: string): Promise<string> {
    const fixture = fixtures[name]
    if (fixture === undefined) throw new Error(`no fixture ${name}`)
    const root = join(this.#root, name)
    const dirs = this.#names(name).map(branch => join(root, branch))
    for (const dir of dirs) mkdirSync(dir, { recursive: true })
    await fixture.make(dirs, this.#make, this.#scale)
    return root
  }

  #names(name: string): string[] {
    return Array.from({ length: fixtures[name]!.branches }, (_, i) => String(i + 1))
  }

  /** The branches merged into `to`, lowest first. */
  async #merge(root: string, name: string, to: string): Promise<string> {
    mkdirSync(to, { recursive: true })
    for (const branch of this.#names(name).reverse()) {
      const { code, err } = await runProgram(['cp', '-a', `${join(root, branch)}/.`, to])
      if (code !== 0) throw new Error(`cp: ${err.trim()}`)
    }
    return to
  }

  /**
   * The stack of a fixture, made if need be.
   * @param merged how the plain directory is to be had: not at all, shared with other rows, or copied to this new path
   */
  async stack(name: string, merged: 'none' | 'shared' | { copyTo: string }): Promise<Stack> {
    const root = await remember(this.#made, name, () => this.#build(name))
    const lowers = this.#names(name)
    if (merged === 'none') return { root, lowers, merged: '' }
    if (merged !== 'shared') return { root, lowers, merged: await this.#merge(root, name, merged.copyTo) }
    // One branch alone is what it shows.
    if (lowers.length === 1) return { root, lowers, merged: join(root, '1') }
    return { root, lowers, merged: await remember(this.#merged, name, () => this.#merge(root, name, join(root, 'merged'))) }
  }
}

function remember<T>(known: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  let value = known.get(key)
  if (value === undefined) known.set(key, (value = make()))
  return value
}

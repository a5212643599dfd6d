/** Scale rows: many branches, long directories, many inodes, many mounts. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { CROWD_FILES, SMALL_FILES } from '../fixtures.js'
import type { Bed, Row, Sample } from '../row.js'

type Scale = Pick<Row, 'name' | 'about' | 'fixture'> & Partial<Pick<Row, 'unit' | 'floor' | 'without' | 'cold'>>

function scale(description: Scale, run: (bed: Bed) => Promise<Sample>): Row {
  return { group: 'scale', unit: 'ns', writes: false, cold: false, floor: false, without: {}, ...description, run }
}

async function median(bed: Bed, op: string, n: number): Promise<Sample> {
  const timed = await bed.ops(op, n)
  return { value: timed.medianNs, serverNs: timed.serverNs }
}

/** `stat` and `missing` spend their first steps on reading the directory, which the median leaves out. */
function branchRows(branches: number): Row[] {
  const fixture = `branches-${branches}`
  return [
    scale({ name: `lookup-${branches}`, about: `lstat of a file in the lowest of ${branches} branches`, fixture }, bed => median(bed, 'stat', bed.count(SMALL_FILES))),
    scale({ name: `missing-${branches}`, about: `lstat of a missing name, ${branches} branches`, fixture }, bed => median(bed, 'missing', bed.count(SMALL_FILES))),
    scale({ name: `readdir-${branches}`, about: `an entry of a listing of 2,000, ${branches} branches, first time`, fixture }, bed => median(bed, 'readdir', 1)),
  ]
}

const longDirectories: Row[] = [
  scale({ name: 'readdir-100k', about: 'an entry of a listing of 100,000, first time', fixture: 'long-list' }, bed => median(bed, 'readdir', 1)),
  scale({ name: 'readdir-100k-again', about: 'the same once more', fixture: 'long-list' }, bed => median(bed, 'readdir-again', 3)),
  scale({ name: 'lookup-100k', about: 'lstat of a file among 100,000', fixture: 'long-list' }, bed => median(bed, 'stat', bed.count(SMALL_FILES))),
]

/** Resident memory of a process in bytes: all of it, or what it has alone and would give back. Source: proc(5), smaps_rollup. */
function memory(pid: number, which: 'all' | 'own'): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
  const fields = which === 'all' ? ['Rss'] : ['Private_Clean', 'Private_Dirty', 'Private_Hugetlb']
  return fields.reduce((sum, field) => sum + 1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]), 0)
}

const inKernel = { plain: 'no server', overlayfs: 'no server' }
const noMount = { plain: 'no mount' }

async function crowd(bed: Bed, op: string): Promise<Sample> {
  const timed = await bed.ops(op, 1)
  return { value: timed.meanNs, serverNs: timed.serverNs }
}

const manyInodes: Row[] = [
  scale({ name: 'inodes-walk', about: 'lstat of each of a million entries, first time', fixture: 'many-inodes' }, bed => crowd(bed, 'walk-all')),
  scale({ name: 'inodes-walk-again', about: 'the same once more', fixture: 'many-inodes' }, bed => crowd(bed, 'walk-all-again')),
  scale({ name: 'inodes-memory', about: 'resident memory of the server for each of a million entries', fixture: 'many-inodes', unit: 'bytes', without: inKernel },
    async (bed) => {
      const before = memory(bed.mounted.pid!, 'all')
      await bed.ops('walk-all', 1)
      await sleep(1000)
      const entries = bed.count(1000) * (CROWD_FILES + 1)
      return { value: (memory(bed.mounted.pid!, 'all') - before) / entries, serverNs: null }
    }),
]

const IDLE_SECONDS = 2
const MOUNTS = 10

const mounts: Row[] = [
  scale({ name: 'mount', about: 'from the mount command until the mount answers', fixture: 'small', floor: true, without: noMount },
    bed => Promise.resolve({ value: bed.mounted.mountNs, serverNs: null })),
  // Not PSS: what programs like this one share with the server, node's text, would make it smaller than it is alone.
  scale({ name: 'idle-memory', about: 'resident memory of a mount that nobody has used', fixture: 'small', unit: 'bytes', without: inKernel }, async (bed) => {
    await sleep(500)
    return { value: memory(bed.mounted.pid!, 'all'), serverNs: null }
  }),
  scale({ name: 'further-memory', about: `memory that each of ${MOUNTS} mounts of the same branches has alone`, fixture: 'small', unit: 'bytes', without: inKernel },
    async (bed) => {
      const all = [bed.mounted]
      while (all.length < MOUNTS) all.push(await bed.mountAgain())
      await sleep(500)
      return { value: all.reduce((sum, { pid }) => sum + memory(pid!, 'own'), 0) / MOUNTS, serverNs: null }
    }),
  scale({ name: 'idle-processor', about: 'processor time of the server in a second without requests, soon after many', fixture: 'small', without: inKernel },
    async (bed) => {
      await bed.ops('missing', bed.count(SMALL_FILES))
      await sleep(500)
      const timed = await bed.shell(`exec sleep ${IDLE_SECONDS}`)
      return { value: timed.serverNs! / IDLE_SECONDS, serverNs: null }
    }),
]

export const BRANCH_COUNTS = [2, 8, 32, 127] as const
export const scaleRows: readonly Row[] = [...BRANCH_COUNTS.flatMap(branchRows), ...longDirectories, ...manyInodes, ...mounts]

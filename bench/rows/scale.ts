/** Scale rows: many branches, long directories, many inodes, many mounts. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { CROWD_FILES, SMALL_FILES } from '../fixtures.js'
import type { Bed, Row, Sample } from '../row.js'
import type { Mounted } from '../subjects.js'

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

/** A line of /proc/PID/smaps_rollup or /proc/PID/status in kB, as bytes. */
function memory(file: string, field: string, pid: number): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/${file}`, 'latin1'))
  if (found === null) throw new Error(`no ${field} in /proc/${pid}/${file}`)
  return Number(found[1]) * 1024
}

const pss = (mounted: Mounted): number => memory('smaps_rollup', 'Pss', mounted.pid!)
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
      const before = memory('status', 'VmRSS', bed.mounted.pid!)
      await bed.ops('walk-all', 1)
      await sleep(1000)
      const entries = bed.count(1000) * (CROWD_FILES + 1)
      return { value: (memory('status', 'VmRSS', bed.mounted.pid!) - before) / entries, serverNs: null }
    }),
]

const IDLE_SECONDS = 2
const MOUNTS = 10

const mounts: Row[] = [
  scale({ name: 'mount', about: 'from the mount command until the mount answers', fixture: 'small', floor: true, without: noMount },
    bed => Promise.resolve({ value: bed.mounted.mountNs, serverNs: null })),
  scale({ name: 'idle-memory', about: 'PSS of a mount that nobody has used', fixture: 'small', unit: 'bytes', without: inKernel }, async (bed) => {
    await sleep(500)
    return { value: pss(bed.mounted), serverNs: null }
  }),
  scale({ name: 'further-memory', about: `PSS that each further of ${MOUNTS} mounts of the same branches adds`, fixture: 'small', unit: 'bytes', without: inKernel },
    async (bed) => {
      await sleep(500)
      const alone = pss(bed.mounted)
      const more: Mounted[] = []
      for (let i = 1; i < MOUNTS; i++) more.push(await bed.mountAgain())
      await sleep(500)
      const all = [bed.mounted, ...more].reduce((sum, mounted) => sum + pss(mounted), 0)
      return { value: (all - alone) / (MOUNTS - 1), serverNs: null }
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

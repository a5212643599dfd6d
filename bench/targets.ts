/** The targets of the issue "Speed", computed from one run's medians. */
import { BRANCH_COUNTS } from './rows/scale.js'
import { fastestPeer, ratio, valueOf, type Results } from './results.js'

/** One figure of a target: met when it is not above the limit. */
export interface Figure {
  readonly what: string
  readonly value: number
}

export interface Verdict {
  readonly target: string
  readonly limit: number
  /** How figures are printed: as a ratio, or in a unit. */
  readonly unit: 'x' | 'bytes' | 'ns'
  readonly figures: readonly Figure[]
  /** null when nothing of it was measured. */
  readonly met: boolean | null
}

const CACHED = 'tsaufs-cached'
const PASSTHROUGH = 'tsaufs-passthrough'
const SPARE = 'tsaufs-spare'
const BOTH = [CACHED, PASSTHROUGH]

const changes = ['create', 'unlink', 'whiteout', 'mkdir', 'rmdir', 'rename', 'link', 'symlink', 'copyup-open', 'copyup-chmod']
const firsts = ['walk-cold', 'read-small']
const warm = ['stat-again', 'missing-again', 'readdir-again', 'read-small-again']
const bigReads = ['read-seq', 'read-seq-again', 'read-random', 'read-seq-new', 'read-random-new']
const bigData = [...bigReads, 'write-seq', 'write-random', 'mmap', 'mmap-again']
const roundTrips = ['create', 'unlink', 'mkdir', 'rename']

type Base = (row: string) => number | null

function verdict(target: string, limit: number, unit: Verdict['unit'], figures: readonly (Figure | null)[]): Verdict {
  const known = figures.filter(figure => figure !== null)
  return { target, limit, unit, figures: known, met: known.length === 0 ? null : known.every(({ value }) => value <= limit) }
}

/** Each of the rows, each of our subjects, divided by the base. */
function ratios(results: Results, rows: readonly string[], subjects: readonly string[], base: Base): (Figure | null)[] {
  return rows.flatMap(row => subjects.map((subject) => {
    const value = ratio(valueOf(results, row, subject), base(row))
    return value === null ? null : { what: `${row} ${subject}`, value }
  }))
}

function absolute(results: Results, row: string, subjects: readonly string[]): (Figure | null)[] {
  return subjects.map((subject) => {
    const value = valueOf(results, row, subject)
    return value === null ? null : { what: subject, value }
  })
}

function layers(results: Results): (Figure | null)[] {
  const [few, many] = [BRANCH_COUNTS[0], BRANCH_COUNTS.at(-1)!]
  return ['lookup', 'missing'].flatMap(row => BOTH.map((subject) => {
    const value = ratio(valueOf(results, `${row}-${many}`, subject), valueOf(results, `${row}-${few}`, subject))
    return value === null ? null : { what: `${row} ${subject}`, value }
  }))
}

/** Every target with what this run says of it. */
export function verdicts(results: Results): Verdict[] {
  const peer: Base = row => fastestPeer(results, row)
  const overlay: Base = row => valueOf(results, row, 'overlayfs')
  const bare: Base = row => valueOf(results, row, 'null')
  const tmpfs = results.circumstances.branches === 'tmpfs'
  const macro = results.rows.filter(({ group }) => group === 'macro').map(({ name }) => name)
  const MiB = 1024 * 1024
  return [
    verdict('metadata changes against the fastest FUSE peer', tmpfs ? 0.5 : 1, 'x', ratios(results, changes, BOTH, peer)),
    verdict('cold walk, first open+read+close against the fastest FUSE peer', tmpfs ? 0.7 : 1, 'x', ratios(results, firsts, BOTH, peer)),
    verdict('macro rows against the fastest FUSE peer', 1, 'x', ratios(results, macro, BOTH, peer)),
    verdict('warm stat, missing, readdir, open+read+close against overlayfs', 1.2, 'x', ratios(results, warm, BOTH, overlay)),
    verdict('big reads and writes, mmap, passthrough, against overlayfs', 1.2, 'x', ratios(results, bigData, [PASSTHROUGH], overlay)),
    verdict('big reads, cached, against overlayfs', 1.3, 'x', ratios(results, bigReads, [CACHED], overlay)),
    verdict('cold walk against overlayfs', 4, 'x', ratios(results, ['walk-cold'], BOTH, overlay)),
    verdict('create, unlink, mkdir, rename against the bare FUSE round trips', 1.5, 'x', ratios(results, roundTrips, BOTH, bare)),
    verdict('lookup and missing lookup at 127 branches against 2', 1.2, 'x', layers(results)),
    verdict('mount, when a spare waits, against fuse-overlayfs', 2, 'x', ratios(results, ['mount'], [SPARE], row => valueOf(results, row, 'fuse-overlayfs'))),
    verdict('resident memory for each known inode', 250, 'bytes', absolute(results, 'inodes-memory', BOTH)),
    verdict('memory of the first idle mount', 48 * MiB, 'bytes', absolute(results, 'idle-memory', BOTH)),
    verdict('memory of each further mount', 10 * MiB, 'bytes', absolute(results, 'further-memory', BOTH)),
    verdict('processor time of an idle mount in a second', 1e6, 'ns', absolute(results, 'idle-processor', BOTH)),
  ]
}

/** Micro rows: one operation of ops.c, many times. */
import { BIG_BYTES, bigBytes, SMALL_FILES, TREE_DIRS } from '../fixtures.js'
import type { Bed, Row, Timed } from '../row.js'

const BLOCK = 128 * 1024

interface Micro {
  readonly name: string
  readonly about: string
  readonly op?: string
  readonly fixture?: string
  /** Steps before scaling. */
  readonly n?: number
  /** Steps that do not scale. */
  readonly exactly?: number
  readonly args?: (bed: Bed) => string[]
  readonly writes?: boolean
  readonly cold?: boolean
  readonly floor?: boolean
  /** `mean` where the work is put off to some of the steps, so that the median would leave it out. */
  readonly figure?: 'median' | 'mean'
  readonly without?: Readonly<Record<string, string>>
}

const noCopyUp = { mergerfs: 'it has no copy-up' }
const noWhiteouts = { mergerfs: 'it has no whiteouts' }

const reads: Micro[] = [
  { name: 'walk-cold', op: 'walk', about: 'lstat of each entry of a tree just mounted, caches dropped', fixture: 'tree', n: TREE_DIRS, cold: true, figure: 'mean' },
  { name: 'walk-warm', op: 'walk-again', about: 'the same once more', fixture: 'tree', n: TREE_DIRS },
  { name: 'stat', about: 'lstat of a file, first time', floor: true },
  { name: 'stat-again', about: 'the same once more' },
  { name: 'missing', about: 'lstat of a name that is not there, each another', floor: true },
  { name: 'missing-again', about: 'the same names once more' },
  { name: 'read-small', about: 'open, read, close of a 4 KiB file, first time', floor: true },
  { name: 'read-small-again', about: 'the same once more' },
  { name: 'readdir', about: 'an entry of a listing of 10,000, from two branches, first time', fixture: 'list', exactly: 1, cold: true },
  { name: 'readdir-again', about: 'the same once more', fixture: 'list', exactly: 10 },
]

const changes: Micro[] = [
  { name: 'create', about: 'create an empty file, close', floor: true },
  { name: 'create-16k', about: 'create a file, write 16 KiB, close', floor: true },
  { name: 'mkdir', about: 'mkdir', floor: true },
  { name: 'rmdir', about: 'rmdir of a new directory', floor: true },
  { name: 'symlink', about: 'symlink', floor: true },
  { name: 'link', about: 'one more link of a new file', floor: true },
  { name: 'rename', about: 'rename of a new file', floor: true },
  { name: 'unlink', about: 'unlink of a new file', floor: true },
  { name: 'whiteout', about: 'unlink of a lower file', floor: true, without: noWhiteouts },
  { name: 'copyup-open', about: 'open a lower 4 KiB file, write a byte, close', floor: true, without: noCopyUp },
  { name: 'copyup-chmod', about: 'chmod of a lower 4 KiB file', floor: true, without: noCopyUp },
]

const data: Micro[] = [
  { name: 'copyup-big', about: 'the same as copyup-open of a 256 MiB file', fixture: 'big', exactly: 1, without: noCopyUp },
]

const bigRead = (name: string, about: string, more: Partial<Micro> = {}): Micro => ({
  name, about, fixture: 'big', n: BIG_BYTES / BLOCK, figure: 'mean', ...more,
})

const bigReads: Micro[] = [
  bigRead('read-seq', '128 KiB of a big file in order, first time'),
  bigRead('read-seq-again', 'the same once more'),
  bigRead('read-random', '4 KiB of a big file at random', { n: 4000 }),
  bigRead('mmap', 'touch each page of 128 KiB of a mapped file in order, first time'),
  bigRead('mmap-again', 'the same once more'),
]

/** A new file on the writable branch, of a quarter of the big one's size. */
const newFile = (bed: Bed): string[] => ['--size', String(bigBytes(bed.scale) / 4)]

const writes: Micro[] = [
  { name: 'read-seq-new', about: '128 KiB of a file just written, in order', n: BIG_BYTES / BLOCK, figure: 'mean', args: newFile },
  { name: 'read-random-new', about: '4 KiB of a file just written, at random', n: 4000, figure: 'mean', args: newFile },
  { name: 'write-seq', about: '128 KiB to a new file in order, close included', n: BIG_BYTES / BLOCK, figure: 'mean' },
  { name: 'write-random', about: '4 KiB at random over a new file, close included', n: 4000, figure: 'mean', args: newFile },
  { name: 'append', about: '100 bytes to a log, close included', n: 4000, figure: 'mean', floor: true },
  { name: 'fsync', about: 'write 4 KiB, fsync', n: 200, floor: true },
  { name: 'parallel', about: 'create, stat or unlink, four processes at once', exactly: 5, floor: true,
    args: bed => ['--size', String(bed.count(100))] },
]

function toRow(micro: Micro, changesTree: boolean): Row {
  const figure = (timed: Timed): number => (micro.figure === 'mean' ? timed.meanNs : timed.medianNs)
  return {
    name: micro.name, group: 'micro', about: micro.about, unit: 'ns',
    fixture: micro.fixture ?? 'small', writes: changesTree, cold: micro.cold ?? false,
    floor: micro.floor ?? false, without: micro.without ?? {},
    async run(bed) {
      const steps = micro.exactly ?? bed.count(micro.n ?? SMALL_FILES)
      const timed = await bed.ops(micro.op ?? micro.name, steps, micro.args?.(bed))
      return { value: figure(timed), serverNs: timed.serverNs }
    },
  }
}

export const microRows: readonly Row[] = [
  ...reads.map(micro => toRow(micro, false)),
  ...changes.map(micro => toRow(micro, true)),
  ...bigReads.map(micro => toRow(micro, false)),
  ...[...data, ...writes].map(micro => toRow(micro, true)),
]

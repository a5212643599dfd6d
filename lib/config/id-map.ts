/**
 * `uidmapping=` and `gidmapping=`: which id on the branches is which id in the mount. The grammar is fuse-overlayfs's:
 *
 * ```
 * MAP      TRIPLE[:TRIPLE...]    further colons, as Podman puts one in front, mean nothing
 * TRIPLE   DISK:SHOWN:COUNT      ids DISK, DISK+1, ... of the branches are SHOWN, SHOWN+1, ... in the mount
 * ```
 */
import type { IdRange } from './config.js'
import { usage } from './mount-error.js'

/** (uid_t)-1 is no id (chown(2)). */
const ID_END = 0xffffffff

function overlap(ranges: readonly IdRange[], side: 'disk' | 'shown'): boolean {
  const sorted = [...ranges].sort((a, b) => a[side] - b[side])
  return sorted.some((range, i) => i > 0 && sorted[i - 1]![side] + sorted[i - 1]!.count > range[side])
}

/**
 * Parse a map.
 * @param tried  the option as typed, for the message
 * @throws MountError for what is no list of triples, an id beyond 32 bits, and ranges that overlap on either side
 */
export function parseIdMap(text: string, tried: string): readonly IdRange[] {
  const fields = text.split(':').filter((field) => field !== '')
  if (fields.length === 0 || fields.length % 3 !== 0 || !fields.every((field) => /^\d+$/.test(field))) {
    throw usage(tried, 'write triples DISK:SHOWN:COUNT joined by colons, such as 0:1000:1')
  }
  const numbers = fields.map(Number)
  const ranges: IdRange[] = []
  for (let i = 0; i < numbers.length; i += 3) {
    ranges.push({ disk: numbers[i]!, shown: numbers[i + 1]!, count: numbers[i + 2]! })
  }
  for (const { disk, shown, count } of ranges) {
    if (count === 0 || disk + count > ID_END || shown + count > ID_END) {
      throw usage(tried, `${disk}:${shown}:${count} is no range of ids: they go from 0 to ${ID_END - 1}, and COUNT is at least 1`)
    }
  }
  for (const side of ['disk', 'shown'] as const) {
    if (overlap(ranges, side)) throw usage(tried, 'ranges overlap: each id may be mapped once')
  }
  return ranges
}

/** One id, 0 to 4294967294. @throws MountError */
export function parseId(text: string, tried: string): number {
  if (/^\d{1,10}$/.test(text) && Number(text) < ID_END) return Number(text)
  throw usage(tried, `give an id from 0 to ${ID_END - 1}`)
}

/**
 * Tiering (aufs FHSM): branches with `+fhsm`, the fastest on top. From one that is fuller than the high mark the coldest
 * files go to the next one below, until it is down to the low mark. Runs outside the daemon, which moves the files one by
 * one as it is asked (move-down.ts) and refuses those that are open. Source: union-semantics 7.4.
 */
import { lstatSync, opendirSync, statfsSync, type Dirent } from 'node:fs'
import { MountError } from '../config/mount-error.js'
import { parseBranch } from '../config/branches.js'
import type { Bytes } from '../os/native.js'
import { isOurs } from '../union/move-down.js'
import { ask } from './client.js'
import type { MountRecord } from './rundir.js'

/** Fill levels in percent of what can be used. */
export interface Marks {
  readonly high: number
  readonly low: number
}

/** What a run has done between two branches. */
export interface TierReport {
  readonly from: Bytes
  readonly to: Bytes
  readonly files: number
  readonly bytes: number
  /** Cold files that could not be moved, by errno name. */
  readonly refused: Readonly<Record<string, number>>
}

/** A file that may go. */
interface Cold {
  /** From the branch root. */
  readonly path: Bytes
  readonly bytes: number
  /** When it was last used as far as the branch knows, ms. */
  readonly usedMs: number
}

const bytesOf = (path: Bytes): Buffer => Buffer.from(path, 'latin1')

/** The branches of a mount that take part, top first. @throws MountError EINVAL for less than two */
export function tiers(record: MountRecord): Bytes[] {
  const branches = record.branches.map((text) => parseBranch(text, '/', () => undefined))
  const found = branches.filter(({ perm, fhsm }) => perm === 'rw' && fhsm).map(({ path }) => path)
  if (found.length >= 2) return found
  throw new MountError(`fhsm ${record.mountpoint}`, 'EINVAL', 'less than two writable branches have +fhsm; mount with PATH=rw+fhsm:PATH=rw+fhsm', 1)
}

/** Bytes in use beyond `percent` of what can be used on a branch's file system. */
export function bytesAbove(branch: Bytes, percent: number): number {
  const { blocks, bfree, bavail, bsize } = statfsSync(bytesOf(branch))
  const used = blocks - bfree
  return (used - (used + bavail) * percent / 100) * bsize
}

/** A big file on a slow disk takes its time. */
const MOVE_TIMEOUT_MS = 3600_000

/** Candidates are cut down to the coldest when there are so many more than needed. */
const CUT = 10_000

/** The coldest files of a branch that together have `bytes` bytes: regular, with one name, on its own file system. */
export function coldest(branch: Bytes, bytes: number): Cold[] {
  const { dev } = lstatSync(bytesOf(branch))
  let found: Cold[] = []
  const look = (below: Bytes): void => {
    const dir = opendirSync(bytesOf(below === '' ? branch : `${branch}/${below}`), { encoding: 'latin1' as BufferEncoding })
    try {
      for (let entry: Dirent | null; (entry = dir.readSync()) !== null;) {
        const path = below === '' ? entry.name : `${below}/${entry.name}`
        if (isOurs(entry.name)) continue
        const stat = lstatSync(bytesOf(`${branch}/${path}`), { throwIfNoEntry: false })
        if (stat === undefined || stat.dev !== dev) continue
        if (stat.isDirectory()) look(path)
        if (!stat.isFile() || stat.nlink !== 1 || stat.blocks === 0) continue
        found.push({ path, bytes: stat.blocks * 512, usedMs: Math.max(stat.atimeMs, stat.mtimeMs, stat.ctimeMs) })
        if (found.length % CUT === 0) found = cut(found, bytes)
      }
    } finally {
      dir.closeSync()
    }
  }
  look('')
  return cut(found, bytes)
}

/** Twice as much as is needed: some may be refused. */
function cut(files: Cold[], bytes: number): Cold[] {
  files.sort((a, b) => a.usedMs - b.usedMs)
  let sum = 0
  const end = files.findIndex((file) => (sum += file.bytes) >= 2 * bytes)
  return end < 0 ? files : files.slice(0, end + 1)
}

/** The errno name in a refusal's line: `move-down PATH: EBUSY: ...`. */
function codeOf(error: unknown): string {
  return /: (E[A-Z]+): /.exec(error instanceof Error ? error.message : '')?.[1] ?? 'EIO'
}

/** Relieve one branch to the next if it is above the high mark. */
async function relieve(record: MountRecord, from: Bytes, to: Bytes, { high, low }: Marks): Promise<TierReport> {
  const refused: Record<string, number> = {}
  let [files, bytes] = [0, 0]
  const need = bytesAbove(from, high) > 0 ? bytesAbove(from, low) : 0
  for (const cold of need > 0 ? coldest(from, need) : []) {
    if (bytes >= need) break
    try {
      await ask(record, 'move-down', { path: cold.path, branch: to, from }, MOVE_TIMEOUT_MS)
      files++
      bytes += cold.bytes
    } catch (error) {
      const code = codeOf(error)
      refused[code] = (refused[code] ?? 0) + 1
      if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EIO') break
    }
  }
  return { from, to, files, bytes, refused }
}

/** One run over all branches, from the top. @throws MountError; Error when the daemon is gone */
export async function runTiering(record: MountRecord, marks: Marks): Promise<TierReport[]> {
  const all = tiers(record)
  const reports: TierReport[] = []
  for (const [i, from] of all.slice(0, -1).entries()) reports.push(await relieve(record, from, all[i + 1]!, marks))
  return reports
}

/**
 * log.json: docker's json-file, a line of JSON per line of output. The monitor appends; it is read from here.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { fileChange } from '../../util/file-change.js'
import { codeOf } from '../error.js'
import { parseTime } from '../store/times.js'
import { isRunning, stateOf } from '../store/status.js'
import type { Container } from '../store/record.js'

/** A piece of output; a line at most. `log` is bytes as latin1, with its end of line if it has one. */
export interface LogEntry {
  readonly log: string
  readonly stream: 'stdout' | 'stderr'
  readonly time: string
}

/** What of it is wanted. */
export interface LogQuery {
  /** ms since 1970. */
  readonly since?: number | undefined
  readonly until?: number | undefined
  /** The last so many lines. */
  readonly tail?: number | undefined
  /** And what comes, until it ends. */
  readonly follow: boolean
}

const BLOCK = 64 << 10
const LOOK_AGAIN_MS = 500

/** The file, read to its present end as often as wanted. */
class LogFile {
  readonly #fd: number
  #at: number
  #rest = ''

  constructor(fd: number, at: number) {
    this.#fd = fd
    this.#at = at
  }

  /** Entries written since the last time. A line that is not whole waits for its end. */
  * entries(): Generator<LogEntry> {
    const block = Buffer.alloc(BLOCK)
    for (let length; (length = readSync(this.#fd, block, 0, BLOCK, this.#at)) > 0;) {
      this.#at += length
      const lines = (this.#rest + block.toString('latin1', 0, length)).split('\n')
      this.#rest = lines.pop() ?? ''
      for (const line of lines) {
        const entry = parseEntry(line)
        if (entry !== undefined) yield entry
      }
    }
  }
}

/** A line that a crash has cut is left out. */
function parseEntry(line: string): LogEntry | undefined {
  try {
    return JSON.parse(line) as LogEntry
  } catch {
    return undefined
  }
}

/**
 * Where the last `count` lines of output begin. A line longer than 16 KiB is several lines of the file, of which only the last one
 * ends in `\n`.
 */
function tailStart(fd: number, count: number): number {
  const { size } = fstatSync(fd)
  const block = Buffer.alloc(BLOCK)
  let found = 0
  // The two bytes before a line's end in JSON text: `\n` of the output, then the quote and what follows it.
  let later = ''
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - BLOCK)
    const text = block.toString('latin1', 0, readSync(fd, block, 0, end - start, start)) + later
    let at = text.length
    for (;;) {
      const newline = text.lastIndexOf('\n', at - 2)
      if (newline < 0 || at < 2) break
      if (isWholeLine(text.slice(newline + 1, at)) && ++found > count) return start + at
      at = newline + 1
    }
    later = text.slice(0, at)
    end = start
  }
  return isWholeLine(later) && found >= count ? later.length : 0
}

const isWholeLine = (line: string): boolean => /^\{"log":"(?:[^"\\]|\\.)*?\\n"/.test(line)

/** Hand on entries. @param onEntry answers false when nobody reads any more */
export async function readLogs(container: Container, { since = -Infinity, until = Infinity, tail, follow }: LogQuery, onEntry: (entry: LogEntry) => boolean): Promise<void> {
  const path = join(container.dir, 'log.json')
  const fd = await openLog(container, path, follow)
  if (fd === undefined) return
  try {
    const file = new LogFile(fd, tail === undefined ? 0 : tailStart(fd, tail))
    const drain = (): boolean => {
      for (const entry of file.entries()) {
        const time = parseTime(entry.time)
        if (time > until) return false
        if (time >= since && !onEntry(entry)) return false
      }
      return true
    }
    while (drain() && follow) {
      if (!isRunning(stateOf(container))) {
        drain()
        return
      }
      await fileChange(path, LOOK_AGAIN_MS)
    }
  } finally {
    closeSync(fd)
  }
}

/** A container that never ran has no log; who follows waits for it while it may come. */
async function openLog(container: Container, path: string, follow: boolean): Promise<number | undefined> {
  for (;;) {
    try {
      return openSync(path, 'r')
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
      if (!follow || !isRunning(stateOf(container))) return undefined
      await fileChange(container.dir, LOOK_AGAIN_MS)
    }
  }
}

/**
 * What happened to containers: a line of JSON each in ROOT/events.json, which is begun anew when it has grown large (the one before is
 * kept as events.old.json).
 */
import { appendFileSync, closeSync, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Bytes } from '../../os/native.js'
import { fileChange } from '../../util/file-change.js'
import { codeOf } from '../error.js'
import { now, type ContainerRecord } from './record.js'
import { openStateRoot, type StateRoot } from './root.js'
import { parseTime } from './times.js'

/** docker's words. */
export type Action =
  | 'create' | 'start' | 'die' | 'oom' | 'kill' | 'stop' | 'restart' | 'destroy' | 'rename' | 'exec_start' | 'pause' | 'unpause' | 'update'

/** One thing that happened. */
export interface ContainerEvent {
  readonly time: string
  readonly action: Action
  readonly id: string
  /** name, image, exitCode, signal, oldName, command: strings as bytes. */
  readonly attributes: Readonly<Record<string, Bytes>>
}

const SIZE_MAX = 1 << 20
const BLOCK = 64 << 10
const LOOK_AGAIN_MS = 1000

const file = (root: StateRoot): string => join(root.path, 'events.json')
const oldFile = (root: StateRoot): string => join(root.path, 'events.old.json')

/** Write down what happened. A full disk loses the event, not the container. */
export function tellEvent(root: StateRoot, { id, name, image }: ContainerRecord, action: Action, more: Readonly<Record<string, Bytes>> = {}): void {
  const event: ContainerEvent = { time: now(), action, id, attributes: { name, image, ...more } }
  try {
    if ((statSync(file(root), { throwIfNoEntry: false })?.size ?? 0) > SIZE_MAX) renameSync(file(root), oldFile(root))
    // One write to a file that is appended to: lines of two commands do not mix.
    appendFileSync(file(root), `${JSON.stringify(event)}\n`, { encoding: 'latin1', mode: 0o600 })
  } catch (error) {
    if (!['ENOSPC', 'EDQUOT', 'EROFS', 'ENOENT'].includes(codeOf(error) ?? '')) throw error
  }
}

/** Which events are wanted. */
export interface EventQuery {
  /** ms since 1970; events before it are not told. */
  readonly sinceMs: number
  /** When to end; undefined: never. */
  readonly untilMs: number | undefined
}

/** Hand on events from the past, then those that come. @param onEvent answers false when nobody reads any more */
export async function followEvents(root: StateRoot, { sinceMs, untilMs }: EventQuery, onEvent: (event: ContainerEvent) => boolean): Promise<void> {
  openStateRoot(root)
  const wanted = (event: ContainerEvent): boolean => {
    const time = parseTime(event.time)
    if (untilMs !== undefined && time > untilMs) return false
    return time < sinceMs || onEvent(event)
  }
  const past = openSync(oldFile(root), 'a+', 0o600)
  const isWanted = [...readLines(past)].every(wanted)
  closeSync(past)
  if (!isWanted) return
  for (;;) {
    const fd = openSync(file(root), 'a+', 0o600)
    try {
      const { ino } = fstatSync(fd)
      const lines = tailLines(fd)
      do {
        for (const event of lines()) if (!wanted(event)) return
        if (untilMs !== undefined && Date.now() >= untilMs) return
        await fileChange(root.path, LOOK_AGAIN_MS)
      } while (statSync(file(root), { throwIfNoEntry: false })?.ino === ino)
      for (const event of lines()) if (!wanted(event)) return
    } finally {
      closeSync(fd)
    }
  }
}

function readLines(fd: number): Iterable<ContainerEvent> {
  return tailLines(fd)()
}

/** Lines written since the last call. */
function tailLines(fd: number): () => Generator<ContainerEvent> {
  const block = Buffer.alloc(BLOCK)
  let [at, rest] = [0, '']
  return function* () {
    for (let length; (length = readSync(fd, block, 0, BLOCK, at)) > 0;) {
      at += length
      const lines = (rest + block.toString('latin1', 0, length)).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) yield JSON.parse(line) as ContainerEvent
    }
  }
}

/**
 * Which program a request came from, asked while its thread waits for the answer: afterwards there may be no such process.
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'

/** How long an answer is good for the next request of the same thread: a program that is replaced takes longer to come to one. */
const FRESH_MS = 2
const buffer = Buffer.alloc(512)

/** The first lines of a file in /proc, '' if there is none (the process is of another pid namespace, or hidden). */
function head(path: string): string {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch {
    return ''
  }
  try {
    return buffer.toString('latin1', 0, readSync(fd, buffer, 0, buffer.length, 0))
  } catch {
    // It ended between the two calls.
    return ''
  } finally {
    closeSync(fd)
  }
}

/** A process and the name of its program. */
export interface CallerProcess {
  readonly pid: number
  /** As in /proc/PID/comm, at most 15 bytes; '' if that cannot be said. */
  readonly command: string
  /** Whom it acts as on files, in our user namespace's numbers; -1 if that cannot be said. */
  readonly uid: number
}

/** `/proc/TID/status` as text, all of it, as a list of groups may be long; '' if it cannot be read. */
export function statusOf(tid: number): string {
  try {
    return readFileSync(`/proc/${tid}/status`, 'latin1')
  } catch {
    return ''
  }
}

/** The user of a status text that counts for files; -1 if it is not said. */
export function fsuidIn(status: string): number {
  return Number(/^Uid:(?:\t\d+){3}\t(\d+)$/m.exec(status)?.[1] ?? -1)
}

function ask(tid: number): CallerProcess {
  const status = head(`/proc/${tid}/status`)
  const pid = Number(/^Tgid:\t(\d+)$/m.exec(status)?.[1] ?? tid)
  const command = pid === tid ? /^Name:\t(.*)$/m.exec(status)?.[1] ?? '' : head(`/proc/${pid}/comm`).replace(/\n$/, '')
  return { pid, command, uid: fsuidIn(status) }
}

let last = { tid: 0, askedMs: 0, answer: { pid: 0, command: '', uid: 0 } }

/**
 * The process of a thread: FUSE names threads. Source: proc_pid_status(5).
 * @param tid as in a request's header; 0 is the kernel itself, writing back pages
 */
export function processOf(tid: number): CallerProcess {
  if (tid === 0) return { pid: 0, command: '', uid: 0 }
  const nowMs = Date.now()
  if (tid !== last.tid || Math.abs(nowMs - last.askedMs) > FRESH_MS) last = { tid, askedMs: nowMs, answer: ask(tid) }
  return last.answer
}

/**
 * The other end of control.ts.
 */
import { createConnection } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import { MountError } from '../config/mount-error.js'
import { startTime } from './process-id.js'
import { isAlive, type MountRecord } from './rundir.js'

/** Exit code of a command that could not do what it was told. */
const EXIT_FAILED = 1

/**
 * Ask the daemon of a mount.
 * @param more fields the question has beside its name (answers.ts)
 * @throws MountError when it refuses; Error when it cannot be reached, or stays silent for `timeoutMs`
 */
export function ask(record: MountRecord, question: string, more: Readonly<Record<string, unknown>> = {}, timeoutMs = 10_000): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(join(record.dir, 'control.sock'))
    let text = ''
    socket.setEncoding('utf8').setTimeout(timeoutMs)
    socket.on('connect', () => socket.write(`${JSON.stringify({ ask: question, ...more })}\n`))
    socket.on('timeout', () => socket.destroy(new Error('ETIMEDOUT: the daemon does not answer')))
    socket.on('error', (error) => reject(asRefusal(record, error)))
    socket.on('close', () => reject(new Error('ECONNRESET: the daemon ended')))
    socket.on('data', (part: string) => {
      text += part
      if (!text.includes('\n')) return
      const reply = JSON.parse(text) as { answer?: unknown, error?: string, exit?: number }
      socket.destroy()
      if (reply.error === undefined) resolve(reply.answer)
      else reject(reply.exit === undefined ? new Error(reply.error) : MountError.parse(reply.error, reply.exit))
    })
  })
}

/** Only its own user may ask a daemon; root may ask all. */
function asRefusal({ mountpoint }: MountRecord, error: Error): Error {
  if ((error as NodeJS.ErrnoException).code !== 'EACCES') return error
  return new MountError(`mount ${mountpoint}`, 'EACCES', 'it belongs to another user; only he and root may ask its daemon', EXIT_FAILED)
}

/**
 * Ask for an answer that goes on (control.ts, Stream).
 * @param onEvent gets each event
 * @returns fulfilled when the daemon ends
 * @throws Error when it cannot be reached, or refuses
 */
export function follow(record: MountRecord, question: string, onEvent: (event: unknown) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(join(record.dir, 'control.sock'))
    let text = ''
    socket.setEncoding('utf8')
    socket.on('connect', () => socket.write(`${JSON.stringify({ ask: question })}\n`))
    socket.on('error', (error) => reject(asRefusal(record, error)))
    socket.on('close', () => resolve())
    socket.on('data', (part: string) => {
      text += part
      const lines = text.split('\n')
      text = lines.pop() ?? ''
      for (const line of lines) {
        const { event, error } = JSON.parse(line) as { event?: unknown, error?: string }
        if (error !== undefined) socket.destroy(new Error(error))
        else if (event !== undefined) onEvent(event)
      }
    })
  })
}

/** Something to wait with for a daemon's end; connect before you cause it. */
export interface EndWatch {
  /** Wait until the process is gone. @returns false when it still lives after `timeoutMs` */
  ended(timeoutMs: number): Promise<boolean>
  /** Stop watching: the end did not come about. */
  cancel(): void
}

/** Watch a daemon: its closing the socket says that the end is near, the process table says when it is there. */
export async function watchEnd(record: MountRecord): Promise<EndWatch> {
  const socket = createConnection(join(record.dir, 'control.sock'))
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  // Not allowed, or no longer there: the process table alone decides.
  socket.on('error', () => socket.destroy())
  await new Promise<void>((resolve) => { socket.once('connect', () => resolve()).once('close', () => resolve()) })
  return {
    async ended(timeoutMs) {
      const deadline = Date.now() + timeoutMs
      await Promise.race([closed, sleep(timeoutMs, undefined, { ref: false })])
      // The lock goes a moment before the process does.
      const lives = (): boolean => isAlive(record) || startTime(record.pid) === record.start
      while (lives() && Date.now() < deadline) await sleep(2)
      socket.destroy()
      return !lives()
    },
    cancel: () => socket.destroy(),
  }
}

/**
 * The daemon's control socket: one JSON request per line, `{"ask": "status"}` with further fields as the question has
 * them, one JSON answer per line, `{"answer": ...}` or `{"error": "EINVAL: ...", "exit": 2}` (the exit code of a command that asked),
 * in the order of the requests. Only the
 * daemon's own user may connect. The connection's end is the daemon's end, so a client that stays connected learns of it.
 * Paths are bytes as latin1 characters.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { chmodSync } from 'node:fs'
import { MountError } from '../config/mount-error.js'
import { Errno } from '../os/errno.js'

/** What a client sent: all of it is unchecked but that it is an object. */
export type Question = Readonly<Record<string, unknown>>

/** Answers by question (answers.ts). What one throws is the client's error line. */
export type Answers = Readonly<Record<string, (question: Question) => unknown>>

/**
 * An answer that goes on: after `{"answer": null}` each value is a line `{"event": ...}`, until the client leaves.
 */
export class Stream {
  readonly start: (send: (value: unknown) => void) => () => void

  /** @param start  begins to call `send`; what it returns ends that */
  constructor(start: Stream['start']) {
    this.start = start
  }
}

/** Bytes that wait for a client who does not read; what comes then he misses, and is told how much it was. */
const WAITING_MAX = 4 * 1024 * 1024

/** A request longer than this is nonsense; the connection is closed. */
const REQUEST_MAX = 64 * 1024

/**
 * Listen on `path`, a fresh name in a directory that only we can write.
 * @returns the server; its sockets do not keep the process alive
 */
export function listen(path: string, answers: Answers): Promise<Server> {
  const server = createServer((socket) => serveClient(socket, answers))
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      chmodSync(path, 0o600)
      server.unref()
      resolve(server)
    })
  })
}

function serveClient(socket: Socket, answers: Answers): void {
  let pending = ''
  let last = Promise.resolve()
  socket.setEncoding('utf8')
  socket.unref()
  // A client that goes away in mid-answer is its own affair.
  socket.on('error', () => socket.destroy())
  socket.on('data', (text: string) => {
    pending += text
    const lines = pending.split('\n')
    pending = lines.pop() ?? ''
    for (const line of lines) {
      last = last.then(async () => {
        const reply = await answerTo(line, answers)
        if ('answer' in reply && reply.answer instanceof Stream) follow(socket, reply.answer)
        else socket.write(`${JSON.stringify(reply)}\n`)
      })
    }
    if (pending.length > REQUEST_MAX) socket.destroy()
  })
}

function follow(socket: Socket, stream: Stream): void {
  let missed = 0
  const put = (event: unknown): void => void socket.write(`${JSON.stringify({ event })}\n`)
  socket.write(`${JSON.stringify({ answer: null })}\n`)
  const stop = stream.start((event) => {
    if (socket.writableLength > WAITING_MAX) {
      missed++
      return
    }
    if (missed > 0) put({ event: 'missed', count: missed })
    missed = 0
    put(event)
  })
  socket.once('close', stop)
  if (socket.destroyed) stop()
}

/** The answer to one line; malformed ones are answered too. Never throws. */
export async function answerTo(line: string, answers: Answers): Promise<{ answer: unknown } | { error: string, exit?: number }> {
  let question: unknown
  try {
    question = JSON.parse(line)
  } catch {
    return { error: 'EINVAL: not JSON' }
  }
  const name = typeof question === 'object' && question !== null ? (question as Question)['ask'] : undefined
  if (typeof name !== 'string' || !Object.hasOwn(answers, name)) {
    return { error: `EINVAL: ask one of: ${Object.keys(answers).join(', ')}` }
  }
  try {
    return { answer: await answers[name]!(question as Question) }
  } catch (error) {
    if (error instanceof MountError) return { error: error.message, exit: error.exit }
    return { error: errorLine(error) }
  }
}

function errorLine(error: unknown): string {
  if (error instanceof Errno) return error.message
  return `EIO: ${error instanceof Error ? error.message : String(error)}`
}

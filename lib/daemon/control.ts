/**
 * The daemon's control socket: one JSON request per line, `{"ask": "status"}`, one JSON answer per line,
 * `{"answer": ...}` or `{"error": "EINVAL: ..."}`. Only the daemon's own user may connect. The connection's end is the
 * daemon's end, so a client that stays connected learns of it. Paths are bytes as latin1 characters.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { chmodSync } from 'node:fs'

/** Answers by question. A new question is a row here and a line in client.ts. */
export type Answers = Readonly<Record<string, () => unknown>>

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
  socket.setEncoding('utf8')
  socket.unref()
  // A client that goes away in mid-answer is its own affair.
  socket.on('error', () => socket.destroy())
  socket.on('data', (text: string) => {
    pending += text
    const lines = pending.split('\n')
    pending = lines.pop() ?? ''
    for (const line of lines) socket.write(`${JSON.stringify(answerTo(line, answers))}\n`)
    if (pending.length > REQUEST_MAX) socket.destroy()
  })
}

/** The answer to one line; malformed ones are answered too. */
export function answerTo(line: string, answers: Answers): { answer: unknown } | { error: string } {
  let ask: unknown
  try {
    ask = (JSON.parse(line) as { ask?: unknown } | null)?.ask
  } catch {
    return { error: 'EINVAL: not JSON' }
  }
  if (typeof ask !== 'string' || !Object.hasOwn(answers, ask)) {
    return { error: `EINVAL: ask one of: ${Object.keys(answers).join(', ')}` }
  }
  try {
    return { answer: answers[ask]?.() }
  } catch (error) {
    return { error: `EIO: ${error instanceof Error ? error.message : String(error)}` }
  }
}

/**
 * Starting a monitor (native/init) and hearing from it whether the program runs.
 *
 *     fd 3   the plan                      fd 4   lines of JSON back: {"created":PID}, then {"pid":N} or {"step":..., "errno":...}
 *     fd 5   one byte: go                  fd 6   the stream of a client that is attached from the start
 */
import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { AttachClient } from '../attach/client.js'
import { failure, RUN_EXIT } from '../error.js'
import { INIT } from '../parts.js'
import { textOf } from '../text.js'

/** What is started. */
export interface MonitorRequest {
  readonly verb: 'monitor' | 'exec'
  /** It works there, and writes its files there. */
  readonly dir: string
  readonly plan: Uint8Array
  /** Called when the namespaces are there and the program is not. */
  readonly created?: (pid: number) => Promise<void>
  /** Give us the stream of a client. */
  readonly attach: boolean
  /** He takes away what is left; said before the program runs, for it may end before anything else is heard. */
  readonly cleansUp: boolean
  /** What people see as the thing that failed. */
  readonly tried: string
}

/** A program that runs. */
export interface Started {
  readonly pid: number
  readonly client: AttachClient | undefined
}

/** What a monitor says on fd 4. */
interface Said {
  readonly created?: number
  readonly pid?: number
  readonly step?: number
  readonly what?: string
  readonly errno?: string
  /** The exit code for it: 125, 126, 127. */
  readonly exit?: number
  readonly path?: string
}

const LINE_MAX = 64 << 10

/** Start it. @throws MountError when the program could not be run: exit code 125, 126 or 127 as docker's; nothing runs then */
export async function startMonitor(request: MonitorRequest): Promise<Started> {
  const fifth = request.created === undefined ? 'ignore' : 'pipe'
  const child = spawn(textOf(INIT), [request.verb], {
    cwd: request.dir, detached: true, stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe', fifth, request.attach ? 'pipe' : 'ignore'],
  })
  const failed = new Promise<never>((_, reject) => child.once('error', (error) => {
    reject(failure(request.tried, (error as NodeJS.ErrnoException).code ?? 'EIO', 'tsaufs-init cannot be run; build it with: npm run build:native', RUN_EXIT.ENGINE))
  }))
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.unref()
  // The type of `stdio` ends at the fifth.
  const pipes: readonly unknown[] = child.stdio
  const plan = pipes[3] as Writable
  // It may have died before it read all; what it says, or that it says nothing, is the answer.
  plan.on('error', () => undefined)
  plan.end(request.plan)
  const client = request.attach ? new AttachClient(pipes[6] as Socket, request.dir) : undefined
  if (request.cleansUp) client?.cleansUp()
  try {
    const pid = await Promise.race([converse(pipes[4] as Readable, pipes[5] as Writable | null, request), failed])
    return { pid, client }
  } catch (error) {
    client?.detach()
    // One that speaks another language ends when it is told to; others end by themselves. Who cleans up must not find it running.
    if (error instanceof SyntaxError) child.kill('SIGKILL')
    child.ref()
    if (child.pid !== undefined) await gone
    throw error
  }
}

/** @returns the program's pid */
async function converse(answers: Readable, go: Writable | null, { tried, created }: MonitorRequest): Promise<number> {
  go?.on('error', () => undefined)
  let refused: unknown
  try {
    for await (const said of lines(answers)) {
      if (said.created !== undefined) {
        await created?.(said.created).then(() => go?.end('g'), (error: unknown) => {
          // Without its go it ends, and says so.
          refused = error
          go?.destroy()
        })
      } else if (refused !== undefined) {
        break
      } else if (said.pid !== undefined) {
        return said.pid
      } else {
        throw refusal(tried, said)
      }
    }
    throw refused ?? failure(tried, 'EIO', 'its monitor ended before it said anything', RUN_EXIT.ENGINE)
  } finally {
    go?.destroy()
    answers.destroy()
  }
}

async function* lines(stream: Readable): AsyncGenerator<Said> {
  let text = ''
  stream.setEncoding('latin1')
  for await (const part of stream as AsyncIterable<string>) {
    text += part
    if (text.length > LINE_MAX) throw new SyntaxError('EPROTO: the monitor speaks another language')
    const all = text.split('\n')
    text = all.pop() ?? ''
    for (const line of all) if (line !== '') yield JSON.parse(line) as Said
  }
}

/** A step that failed, in docker's words where it was the program's. */
function refusal(tried: string, { what = 'start', errno = 'EIO', path = '', exit = RUN_EXIT.ENGINE }: Said): Error {
  if (exit === RUN_EXIT.NOT_FOUND) return failure(tried, errno, `exec: "${path}": executable file not found in $PATH`, exit)
  if (exit === RUN_EXIT.CANNOT_EXECUTE) return failure(tried, errno, `exec: "${path}" cannot be executed`, exit)
  return failure(tried, errno, `${path === '' || what.includes(path) ? what : `${what} ${path}`} failed; nothing runs`, exit)
}

/**
 * Starting a daemon and waiting until its mount answers.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { sys } from '../os/native.js'
import { encodeConfig } from '../config/wire.js'
import { MountError } from '../config/mount-error.js'
import type { MountConfig } from '../config/config.js'

/** What the daemon tells its starter, one JSON line each: a sentence for the user, the mount's `major:minor`, or the end. */
export type StarterMessage =
  | { readonly line: string }
  | { readonly mounted: string }
  | { readonly error: string, readonly exit: number }

/** The daemon has said everything, but the mount gives no answer for this long. */
const ANSWER_TIMEOUT_MS = 30_000

/** A failure the daemon reported: its line is complete. */
class DaemonError extends MountError {
  constructor(line: string, exit: number) {
    super('', '', '', exit)
    this.message = line
  }
}

/**
 * Start a daemon for `config`.
 * @param report gets warnings and repairs, a sentence each
 * @returns when a stat of the mount point was answered by the new mount
 * @throws MountError when it could not be mounted; nothing is left of it
 */
export async function spawnDaemon(config: MountConfig, report: (line: string) => void): Promise<{ pid: number }> {
  // Whatever else we inherited (a lock, a pipe somebody waits on) must not live as long as the mount.
  sys.closeFrom(3, 1)
  const script = fileURLToPath(new URL('./main.js', import.meta.url))
  const child = spawn(process.execPath, [script], { detached: true, stdio: ['pipe', 'ignore', 'pipe', 'pipe'] })
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(encodeConfig(config))
  const chatter = collect(child.stderr as Readable)
  try {
    await conversation(child, config, report)
  } catch (error) {
    const said = chatter().trim().split('\n').at(-1) ?? ''
    if (error instanceof DaemonError && said !== '') error.message += ` (${said})`
    throw error
  }
  const said = chatter().trim()
  if (said !== '') for (const line of said.split('\n')) report(line)
  child.unref()
  return { pid: child.pid as number }
}

/** Gather what comes, as bytes; the returned function answers all of it so far. */
function collect(stream: Readable): () => string {
  let text = ''
  stream.setEncoding('latin1').on('data', (part: string) => { text = (text + part).slice(-65536) })
  return () => text
}

async function conversation(child: ChildProcess, config: MountConfig, report: (line: string) => void): Promise<void> {
  const ended = new Promise<void>((resolve) => { child.once('exit', () => resolve()).once('error', () => resolve()) })
  let answer: Promise<void> | undefined
  let failure: DaemonError | undefined
  for await (const line of lines(child.stdio[3] as Readable)) {
    const message = JSON.parse(line) as StarterMessage
    if ('line' in message) report(message.line)
    else if ('mounted' in message) {
      answer = untilAnswered(config, message.mounted)
      // Also when the daemon has not closed its end of the pipe yet: it does so when it ends.
      answer.catch(() => child.kill('SIGTERM'))
    } else failure = new DaemonError(message.error, message.exit)
  }
  if (failure === undefined && answer !== undefined) {
    try {
      return await answer
    } catch (error) {
      await ended
      throw error
    }
  }
  await ended
  const how = child.signalCode ?? `status ${child.exitCode}`
  throw failure ?? new MountError(`mount ${config.mountpoint}`, 'EIO', `its process ended without a word (${how})`)
}

async function* lines(stream: Readable): AsyncGenerator<string> {
  let text = ''
  for await (const part of stream.setEncoding('utf8')) {
    const whole = (text + (part as string)).split('\n')
    text = whole.pop() ?? ''
    yield* whole
  }
}

/** Stat the mount point until the mount with device `dev` gives its root. */
async function untilAnswered(config: MountConfig, dev: string): Promise<void> {
  const path = Buffer.from(config.mountpoint, 'latin1')
  const timeout = sleep(ANSWER_TIMEOUT_MS, undefined, { ref: false })
  const found = await Promise.race([stat(path).catch((error: NodeJS.ErrnoException) => error), timeout])
  if (found === undefined) {
    throw new MountError(`mount ${config.mountpoint}`, 'ETIMEDOUT', 'it is mounted but does not answer; unmounted again')
  }
  if (found instanceof Error) {
    throw new MountError(
      `mount ${config.mountpoint}`, found.code ?? 'EIO', 'it is mounted but its root gives an error; unmounted again',
    )
  }
  if (deviceName(found.dev) === dev) return
  throw new MountError(`mount ${config.mountpoint}`, 'EBUSY', 'something else was mounted there at the same time')
}

/** st_dev as `major:minor`. Source: gnu_dev_major(3). */
export function deviceName(dev: number): string {
  const wide = BigInt(dev)
  const major = ((wide >> 8n) & 0xfffn) | ((wide >> 32n) & ~0xfffn)
  const minor = (wide & 0xffn) | ((wide >> 12n) & ~0xffn & 0xffffffffn)
  return `${major}:${minor}`
}

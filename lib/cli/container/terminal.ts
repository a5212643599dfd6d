/**
 * Between our terminal (or pipes) and a program's: bytes both ways, the window's size, signals, the keys that detach.
 */
import type { AttachClient } from '../../engine/attach/client.js'
import { TO } from '../../engine/attach/frames.js'
import { signalNumber } from '../../engine/spec/words.js'
import type { ExitState } from '../../engine/store/status.js'
import { usage } from '../../engine/error.js'
import { inputIsTerminal, rawInput, standardInput } from './standard-input.js'

/** How we are connected. */
export interface Connection {
  /** The program has a terminal. */
  readonly tty: boolean
  /** It reads what we read. */
  readonly stdin: boolean
  /** Signals that we get are for it. */
  readonly sigProxy: boolean
  /** Of its output, what is shown here; undefined: both. */
  readonly shown?: readonly ('stdout' | 'stderr')[]
  /** Keys that leave it running, as detachKeys() gives them. */
  readonly keys: readonly number[]
}

/** How it was over: the program ended, or we went. */
export interface Parted {
  readonly exit: ExitState | undefined
  readonly detached: boolean
}

/** Signals that are told on. Source: docker's --sig-proxy: all that can be caught, but SIGCHLD, SIGPIPE, SIGURG and those of job control. */
const PROXIED = [
  'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGCONT', 'SIGXCPU', 'SIGXFSZ', 'SIGVTALRM', 'SIGIO', 'SIGPWR', 'SIGSYS',
  'SIGTRAP', 'SIGABRT',
] as const

/** `ctrl-p,ctrl-q` as bytes. @throws MountError for keys that are none */
export function detachKeys(text = 'ctrl-p,ctrl-q'): number[] {
  if (text === '') return []
  return text.split(',').map((key) => {
    const [, control] = /^ctrl-([a-z@[\\\]^_])$/i.exec(key) ?? []
    if (control !== undefined) return control.toUpperCase().charCodeAt(0) & 0x1f
    if (key.length === 1) return key.charCodeAt(0)
    throw usage(`--detach-keys ${text}`, `Unknown character: '${key}'; write a letter or ctrl-LETTER, several with commas`)
  })
}

/** What `-a STREAM` leaves of a conversation. @throws MountError for a stream that is none */
export function attached(streams: readonly string[]): Pick<Connection, 'shown'> & { readonly stdin: boolean } {
  const names = streams.map((each) => {
    const name = each.toLowerCase()
    if (name !== 'stdin' && name !== 'stdout' && name !== 'stderr') throw usage(`--attach ${each}`, 'valid streams are STDIN, STDOUT and STDERR')
    return name
  })
  return names.length === 0 ? { stdin: true } : { stdin: names.includes('stdin'), shown: names.filter((each) => each !== 'stdin') }
}

/** The size of our terminal, if there is one. */
export function terminalSize(): { readonly rows?: number, readonly columns?: number } {
  const { rows, columns } = process.stdout
  return process.stdout.isTTY && rows > 0 && columns > 0 ? { rows, columns } : {}
}

/** @throws MountError when a terminal is wanted for a program that reads, and we have none */
export function checkTerminal(command: string, { tty, interactive }: { readonly tty: boolean, readonly interactive: boolean }): void {
  if (tty && interactive && !inputIsTerminal()) throw usage(command, 'the input device is not a TTY; leave out -t', 'ENOTTY')
}

/** Be connected until the program ends or somebody presses the keys. */
export async function converse(client: AttachClient, connection: Connection): Promise<Parted> {
  const undo: (() => void)[] = []
  try {
    client.listen((stream, data) => {
      if (connection.shown?.includes(stream) === false) return true
      const out = stream === 'stderr' ? process.stderr : process.stdout
      if (out.write(data)) return true
      out.once('drain', () => client.resume())
      return false
    })
    if (connection.tty) undo.push(followSize(client))
    if (connection.sigProxy) undo.push(passSignals(client))
    const detached = new Promise<'detached'>((resolve) => {
      if (connection.stdin) undo.push(passInput(client, connection, () => resolve('detached')))
    })
    // Nobody reads what it writes any more: it goes on for the log.
    for (const out of [process.stdout, process.stderr]) out.on('error', () => undefined)
    const outcome = await Promise.race([client.ended, detached])
    if (outcome !== 'detached') return { exit: outcome, detached: false }
    client.detach()
    return { exit: undefined, detached: true }
  } finally {
    for (const each of undo.reverse()) each()
  }
}

function followSize(client: AttachClient): () => void {
  const tell = (): void => {
    const { rows, columns } = terminalSize()
    if (rows !== undefined && columns !== undefined) client.resize(rows, columns)
  }
  tell()
  process.stdout.on('resize', tell)
  return () => process.stdout.off('resize', tell)
}

function passSignals(client: AttachClient): () => void {
  const handlers = PROXIED.map((name) => {
    const pass = (): void => client.signal(signalNumber(name, name))
    process.on(name, pass)
    return () => process.off(name, pass)
  })
  return () => handlers.forEach((each) => each())
}

function passInput(client: AttachClient, { tty, keys }: Connection, detach: () => void): () => void {
  const restore = tty && inputIsTerminal() ? rawInput() : undefined
  const stdin = standardInput()
  let pressed = 0
  const onData = (data: Buffer): void => {
    const { bytes, matched } = tty ? matchKeys(data, keys, pressed) : { bytes: data, matched: 0 }
    pressed = matched
    if (bytes.length > 0 && !client.send(TO.STDIN, bytes)) {
      stdin.pause()
      client.onDrain(() => stdin.resume())
    }
    if (keys.length > 0 && matched === keys.length) detach()
  }
  const onEnd = (): void => { client.send(TO.STDIN_END) }
  stdin.on('data', onData).on('end', onEnd).on('error', onEnd)
  return () => {
    stdin.off('data', onData).off('end', onEnd)
    restore?.()
    stdin.pause()
  }
}

/**
 * The keys are held back as long as they may become the whole sequence; what turns out to be none goes to the program.
 * @param matched how many were pressed before `data`
 */
export function matchKeys(data: Buffer, keys: readonly number[], matched: number): { bytes: Buffer, matched: number } {
  if (keys.length === 0) return { bytes: data, matched: 0 }
  const out: number[] = []
  let at = matched
  for (const byte of data) {
    if (byte !== keys[at]) {
      out.push(...keys.slice(0, at))
      at = 0
    }
    if (byte === keys[at]) at++
    else out.push(byte)
    if (at === keys.length) break
  }
  return { bytes: Buffer.from(out), matched: at }
}

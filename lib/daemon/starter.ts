/**
 * The daemon's end of the conversation with the program that starts it; native/start/start.h describes it.
 */
import { closeSync, readFileSync, writeSync } from 'node:fs'
import type { Bytes } from '../os/native.js'
import type { MountRequest } from '../config/parse.js'

/** What is asked for, and what a process that was started for it would have inherited. */
export interface Request {
  readonly mount: MountRequest
  readonly verbose: boolean
  /** Do everything but the mount. */
  readonly dryRun: boolean
  /** umask of whoever asks. */
  readonly umask: number
  /** The process that ran the mount command; 0 if it is not told. */
  readonly engine: number
  /** Environment of whoever asks, `NAME=value`, bytes as latin1. */
  readonly env: readonly Bytes[]
}

/** Read the request from the socket, to its end. @throws Error when it does not come, or is none */
export function readRequest(socket: number): Request {
  return parseFields(readFileSync(socket, 'latin1'))
}

/** `key=value`, some keys more than once. */
export class Fields {
  readonly #fields = new Map<string, Bytes[]>()

  constructor(text: Bytes) {
    for (const field of text.split('\0').slice(0, -1)) {
      const at = field.indexOf('=')
      const [key, value] = [field.slice(0, at), field.slice(at + 1)]
      const values = this.#fields.get(key)
      if (values === undefined) this.#fields.set(key, [value])
      else values.push(value)
    }
  }

  /** All values of a key, in their order. */
  all(key: string): readonly Bytes[] {
    return this.#fields.get(key) ?? []
  }

  /** The value of a key. @throws Error without one */
  get(key: string): Bytes {
    const [value] = this.all(key)
    if (value === undefined) throw new Error(`a request without ${key}`)
    return value
  }
}

/** The request that was read. @throws Error when it is none */
export function parseFields(text: Bytes): Request {
  const fields = new Fields(text)
  const letters = fields.get('letters')
  return {
    mount: {
      options: fields.get('options'), source: fields.get('source'), mountpoint: fields.get('mountpoint'),
      cwd: fields.all('cwd')[0] ?? '/', sloppy: letters.includes('s'), dropIn: letters.includes('o'),
    },
    verbose: letters.includes('v'),
    dryRun: letters.includes('f'),
    umask: parseInt(fields.get('umask'), 8),
    engine: Number(fields.all('engine')[0] ?? 0),
    env: fields.all('env'),
  }
}

/** Someone who waits for our mount. Who kills him did not ask for the mount to go away, so writing to him never fails. */
export class Starter {
  readonly #socket: number
  #listens = true

  constructor(socket: number) {
    this.#socket = socket
  }

  /** He waits, and descriptors 0 to 2 are his. */
  get listens(): boolean {
    return this.#listens
  }

  /** We, who were there already, take the request. @returns false when he has turned to somebody else meanwhile */
  taken(): boolean {
    return this.tell('T', '')
  }

  /** A warning or a repair. */
  line(text: Bytes): void {
    this.tell('L', text)
  }

  /** It is mounted; a stat of `path` will be answered, or has to be given up. */
  mounted(dev: string, path: Bytes): void {
    this.tell('M', `${dev} ${path}`)
  }

  /** To be said when all went well. */
  words(text: Bytes): void {
    this.tell('W', text)
  }

  /** Keep a spare for so long. */
  spare(seconds: number): void {
    this.tell('S', String(seconds))
  }

  /** It is over. */
  end(exit: number, text: Bytes): void {
    this.tell('E', `${exit} ${text}`)
  }

  /** Nothing more will be told. */
  close(): void {
    this.#listens = false
    closeSync(this.#socket)
  }

  /** A record: a letter that native/start knows, and what it is about. @returns false when nobody hears it any more */
  tell(letter: string, text: Bytes): boolean {
    const record = Buffer.from(`${letter}${text}\0`, 'latin1')
    try {
      for (let at = 0; at < record.length;) at += writeSync(this.#socket, record, at)
      return true
    } catch {
      return false
    }
  }
}

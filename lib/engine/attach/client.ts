/**
 * A connection to a monitor: output of the program, its input, signals, its end.
 */
import { closeSync, constants, openSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { readExit, type ExitState } from '../store/status.js'
import { encodeFrame, FROM, FrameReader, TO } from './frames.js'

/** Gets what the program writes. @returns false to be sent no more until resume() */
export type OnOutput = (stream: 'stdout' | 'stderr', data: Buffer) => boolean

/** One connection. */
export class AttachClient {
  /** The end of the program, for who listens; undefined when the monitor went without telling it. */
  readonly ended: Promise<ExitState | undefined>
  readonly #socket: Socket
  #onOutput: OnOutput | undefined
  /** What came before somebody listened: node lets the streams of a child that has ended flow, paused or not. */
  readonly #early: Parameters<OnOutput>[] = []

  /** @param dir where the run's exit.json is */
  constructor(socket: Socket, dir: string) {
    this.#socket = socket
    ignoreWriteErrors(socket)
    let exit: ExitState | undefined
    const reader = new FrameReader((type, data) => {
      if (type === FROM.EXIT) exit = JSON.parse(data.toString('latin1')) as ExitState
      else this.#take(type === FROM.STDERR ? 'stderr' : 'stdout', data)
    })
    // What comes before somebody listens waits for him.
    socket.pause()
    this.ended = new Promise((resolve) => {
      socket.on('data', (part: Buffer) => reader.push(part))
      socket.on('error', () => socket.destroy())
      socket.on('end', () => socket.end())
      // A frame that was lost with its connection is in the file as well.
      socket.on('close', () => resolve(exit ?? readExit(dir)))
    })
  }

  /** Take the program's output, and be told of its end. Nothing comes before this is called. */
  listen(onOutput: OnOutput): void {
    this.#onOutput = onOutput
    this.#socket.resume()
    for (const [stream, data] of this.#early.splice(0)) this.#take(stream, data)
  }

  #take(stream: 'stdout' | 'stderr', data: Buffer): void {
    if (this.#onOutput === undefined) this.#early.push([stream, data])
    else if (!this.#onOutput(stream, data)) this.#socket.pause()
  }

  /** Be sent on after OnOutput has said false. */
  resume(): void {
    this.#socket.resume()
  }

  /** @returns false when the caller should wait for onDrain() */
  send(type: number, data: Uint8Array = Buffer.alloc(0)): boolean {
    return this.#socket.destroyed ? true : this.#socket.write(encodeFrame(type, data))
  }

  /** Called once when what was sent has gone. */
  onDrain(then: () => void): void {
    this.#socket.once('drain', then)
  }

  /** A signal for the program's first process. */
  signal(number: number): void {
    this.send(TO.SIGNAL, Buffer.of(number))
  }

  /** The size of our terminal. */
  resize(rows: number, columns: number): void {
    const size = Buffer.alloc(4)
    size.writeUInt16BE(Math.min(rows, 0xffff), 0)
    size.writeUInt16BE(Math.min(columns, 0xffff), 2)
    this.send(TO.RESIZE, size)
  }

  /** We take away what is left of the container. */
  cleansUp(): void {
    this.send(TO.CLEANS_UP)
  }

  /** Called when all that was sent is with the kernel, or lost. */
  flush(then: () => void): void {
    if (this.#socket.destroyed) then()
    else this.#socket.write(Buffer.alloc(0), () => then())
  }

  /** Go, and let the program run on. */
  detach(): void {
    this.#socket.destroy()
  }
}

/** Node closes a socket both ways when a write fails, and with it goes unread what a monitor that has ended had to say. */
function ignoreWriteErrors(socket: Socket): void {
  const { _write: write, _writev: writev } = socket
  socket._write = (chunk, encoding, done) => write.call(socket, chunk, encoding, () => done())
  if (writev !== undefined) socket._writev = (chunks, done) => writev.call(socket, chunks, () => done())
}

/**
 * Connect to the monitor that works in `dir`. @returns undefined when nobody is there
 *
 * A path of a socket has at most 107 bytes, our directories may have more: it is named through a descriptor.
 */
export async function attachTo(dir: string): Promise<AttachClient | undefined> {
  let fd: number
  try {
    fd = openSync(dir, constants.O_DIRECTORY | constants.O_RDONLY)
  } catch {
    return undefined
  }
  try {
    const socket = connect(`/proc/self/fd/${fd}/attach.sock`)
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new AttachClient(socket, dir)
  } catch {
    return undefined
  } finally {
    closeSync(fd)
  }
}

/**
 * Where requests come from and replies go. The session knows this interface only; tests give it one made of memory.
 * This file is the only one of the protocol that reaches the machine.
 */
import { must } from '../os/errno.js'
import { sys } from '../os/native.js'

/** The two buffers and five calls between a session and the kernel. All results are `>= 0` or `-errno`. */
export interface Transport {
  /** Holds the request after `turn` has answered its length, until the next `turn`. */
  readonly request: Buffer
  /** Where the next reply is built, from byte 0 (fuse_out_header). */
  readonly reply: Buffer
  /**
   * Write the first `replyLength` bytes of `reply` (0: there is none), then wait for a request.
   * @returns its length; 0 when the event loop has work: let it turn once, then call again; -ENODEV when unmounted.
   */
  turn(replyLength: number): number
  /** Write a reply or a notification at once. -ENOENT: the kernel no longer waits for it. */
  write(message: Buffer, length: number): number
  /**
   * Write notifications, one behind the other, by another thread; `done` is called from the event loop with 0 or the first
   * error but ENOENT. -ENODEV: unmounted, `done` will not be called.
   */
  notify(messages: Buffer, done: (rc: number) => void): number
  /** Hand a READ, WRITE, ... to the data plane, which answers it itself. -ENOENT: it does not have the file. */
  serve(message: Buffer, length: number): number
  /** From now on, if not already, data requests that find no space are given to `full`, with the errno, instead of being answered. */
  handBack?(full: (message: Buffer, errno: number) => void): void
}

/** What a request or reply has beside its data: headers and structures, generously. */
const OVERHEAD = 4096

/** /dev/fuse through the addon. One per process: the addon keeps the fd and the buffers. */
export class DeviceTransport implements Transport {
  readonly request: Buffer
  readonly reply: Buffer
  #handsBack = false

  /**
   * @param fd        /dev/fuse of a finished mount; the addon's from now on.
   * @param maxWrite  bytes of data a request or a reply may carry, as negotiated at INIT; at least 4096.
   * @throws Errno when the addon refuses (EBUSY: there is one already).
   */
  constructor(fd: number, maxWrite: number) {
    this.request = Buffer.alloc(maxWrite + OVERHEAD)
    this.reply = Buffer.alloc(maxWrite + OVERHEAD)
    must(sys.fuseAttach(fd, this.request, this.reply), 'fuseAttach')
  }

  turn(replyLength: number): number {
    return sys.fuseTurn(replyLength)
  }

  write(message: Buffer, length: number): number {
    return sys.fuseWrite(message, length)
  }

  notify(messages: Buffer, done: (rc: number) => void): number {
    return sys.fuseNotify(messages, done)
  }

  serve(message: Buffer, length: number): number {
    return sys.fuseServe(message, length)
  }

  handBack(full: (message: Buffer, errno: number) => void): void {
    if (this.#handsBack) return
    this.#handsBack = true
    must(sys.dataHandBack((message, error) => full(message, -error)), 'dataHandBack')
  }
}

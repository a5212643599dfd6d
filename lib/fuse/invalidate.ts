/**
 * Telling the kernel to forget, at any time but from within a request: what is stale is collected, then sent by a thread
 * that does nothing else, while requests go on being served. See notify.ts for why that thread is needed.
 *
 * An answer computed before something changed and a notification sent after it reach the kernel in this order if the
 * change is made from the event loop: the session has sent every finished answer before the loop turns.
 */
import { constants } from 'node:os'
import { invalEntryMessage, invalInodeMessage } from './notify.js'

/** As `Transport.notify`. */
export type SendNotifications = (messages: Buffer, done: (rc: number) => void) => number

const { ENODEV } = constants.errno

/** Names and inodes the kernel is to look at anew; each is sent once. */
export class Invalidations {
  readonly #send: SendNotifications
  readonly #report: (line: string) => void
  #messages: Buffer[] = []

  /** @param report gets a line when the kernel refuses what was sent */
  constructor(send: SendNotifications, report: (line: string) => void) {
    this.#send = send
    this.#report = report
  }

  /**
   * A name, there or not, is looked up at its next use. It stays as it is if the node is still the same; so a working
   * directory keeps its path.
   */
  expire(parent: number, name: string): void {
    this.#messages.push(invalEntryMessage(parent, name, true))
  }

  /** A name is forgotten at once: an unused node gets its FORGET, what is open or mounted there is cut off from its path. */
  drop(parent: number, name: string): void {
    this.#messages.push(invalEntryMessage(parent, name, false))
  }

  /**
   * Answers about names in `parent` that are on their way arrive before what follows: a node that the kernel learns of just
   * now would else miss what is sent. `unused` is a name the kernel has not.
   */
  barrier(parent: number, unused: string): void {
    this.#messages.push(invalEntryMessage(parent, unused, true))
  }

  /** Attributes, and what is cached of a file's data or a directory's list. */
  inode(nodeid: number): void {
    this.#messages.push(invalInodeMessage(nodeid, 0, 0))
  }

  /** Attributes alone. */
  attributes(nodeid: number): void {
    this.#messages.push(invalInodeMessage(nodeid, -1, 0))
  }

  /** Send what was collected. @returns fulfilled when the kernel has taken all of it */
  flush(): Promise<void> {
    if (this.#messages.length === 0) return Promise.resolve()
    const messages = Buffer.concat(this.#messages)
    this.#messages = []
    return new Promise((resolve) => {
      const done = (rc: number): void => {
        if (rc < 0 && rc !== -ENODEV) this.#report(`notifications to the kernel failed: errno ${-rc}`)
        resolve()
      }
      const rc = this.#send(messages, done)
      if (rc < 0) done(rc)
    })
  }
}

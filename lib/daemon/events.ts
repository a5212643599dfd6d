/** `events` on the control socket: what happens to a mount, to everybody who listens. */
import type { Union } from '../union/union.js'
import { Stream } from './control.js'

type Send = (value: unknown) => void

/** The events of one mount. Nobody is at work for them while nobody listens. */
export class Events {
  readonly #union: Union
  readonly #listeners = new Set<Send>()

  constructor(union: Union) {
    this.#union = union
  }

  /** The answer to one client. */
  stream(): Stream {
    return new Stream((send) => {
      const mine: Send = (value) => send(value)
      this.#listeners.add(mine)
      this.#attend()
      send({ timeMs: Date.now(), event: 'listening' })
      return () => {
        this.#listeners.delete(mine)
        this.#attend()
      }
    })
  }

  #attend(): void {
    const wanted = this.#listeners.size > 0
    this.#union.listener = wanted ? (event) => this.#tell({ timeMs: Date.now(), ...event }) : null
    this.#union.ledger.listener = wanted ? (entry) => this.#tell({ event: 'copy-up', ...entry }) : null
  }

  #tell(event: unknown): void {
    for (const send of this.#listeners) send(event)
  }
}

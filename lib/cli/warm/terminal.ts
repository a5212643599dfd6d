/** The terminal of a client who reads it for us: only a process of its session may be told by the kernel to wait in the background. */
import { readSync } from 'node:fs'
import type { Starter } from '../../daemon/starter.js'
import { inputIsAt } from '../container/standard-input.js'

/** Standard input is the terminal of whoever is at the other end. */
export function terminalOf(client: Starter): void {
  inputIsAt({
    makeRaw: () => {
      client.tell('R', '')
      // He may have to wait for being in the foreground, and we with him.
      readSync(0, Buffer.alloc(1))
      return () => { client.tell('C', '') }
    },
    begin: () => { client.tell('I', '') },
  })
}

/** A question to a daemon's control socket. */
import { createConnection } from 'node:net'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** @param run the daemon's run directory, with one mount in it @throws Error when it does not answer or refuses */
export function askDaemon(run: string, question: string, fields: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
  const state = readdirSync(run).find((name) => name.startsWith('si_'))
  if (state === undefined) throw new Error(`no mount in ${run}`)
  return new Promise((resolve, reject) => {
    const socket = createConnection(join(run, state, 'control.sock'))
    let text = ''
    socket.on('connect', () => socket.write(`${JSON.stringify({ ...fields, ask: question })}\n`)).on('error', reject)
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part
      if (!text.includes('\n')) return
      socket.destroy()
      const { answer, error } = JSON.parse(text) as { answer?: unknown, error?: string }
      if (error === undefined) resolve(answer)
      else reject(new Error(error))
    })
  })
}

/**
 * Work that the process which serves a mount must not do itself, as it may have to wait for that mount: following paths,
 * looking at processes, changing the mount's flags. Another process does it, a question on its stdin and the answer on its
 * stdout, both JSON (aside-main.ts).
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { MountError } from '../config/mount-error.js'
import type { Prepared } from './stack/prepare.js'
import type { InUse } from './stack/in-use.js'

/** A mount as the other process has to know it. */
export interface MountState {
  readonly dev: string
  readonly mountpoint: string
  readonly config: Readonly<Record<string, unknown>>
  /** Mount flags of the configuration. */
  readonly flags: readonly string[]
  readonly branches: readonly { readonly id: number, readonly text: string }[]
}

/** Questions and their answers. */
export interface Tasks {
  prepare: [{ state: MountState, options: string, cwd: string, plan: boolean }, Prepared]
  inUse: [{ dev: string }, InUse]
  setReadOnly: [{ state: MountState, readOnly: boolean }, null]
  forgetMissing: [{ state: MountState }, null]
}

/** What the other process writes. */
export type Outcome<T> = { readonly answer: T } | { readonly error: string, readonly exit?: number }

const SCRIPT = fileURLToPath(new URL('./aside-main.js', import.meta.url))

/** Have it done. @throws MountError as the other process did; Error if it failed otherwise */
export async function aside<K extends keyof Tasks>(task: K, question: Tasks[K][0]): Promise<Tasks[K][1]> {
  const child = spawn(process.execPath, [SCRIPT], { stdio: ['pipe', 'pipe', 'pipe'], cwd: '/' })
  let text = ''
  let trouble = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => { text += part })
  child.stderr.setEncoding('utf8').on('data', (part: string) => { trouble += part })
  // It may end before it has read all; its answer says why.
  child.stdin.on('error', () => undefined)
  child.stdin.end(JSON.stringify({ task, question }))
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => resolve())
  })
  if (text === '') throw new Error(`the process beside the daemon failed: ${trouble.trim().split('\n').at(-1) ?? ''}`)
  const outcome = JSON.parse(text) as Outcome<Tasks[K][1]>
  if ('answer' in outcome) return outcome.answer
  throw MountError.parse(outcome.error, outcome.exit)
}

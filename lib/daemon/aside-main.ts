/** The process beside a daemon: see aside.ts. */
import { readFileSync, writeSync } from 'node:fs'
import { MountError } from '../config/mount-error.js'
import type { Outcome, Tasks } from './aside.js'
import { inUse } from './stack/in-use.js'
import { prepare } from './stack/prepare.js'
import { forgetMissing, setReadOnly } from './stack/read-only.js'

const TASKS: { readonly [K in keyof Tasks]: (question: Tasks[K][0]) => Tasks[K][1] } = {
  prepare,
  inUse: ({ dev }) => inUse(dev),
  forgetMissing: ({ state }) => forgetMissing(state),
  setReadOnly: ({ state, readOnly }) => setReadOnly(state, readOnly),
}

function outcome(): Outcome<unknown> {
  try {
    const { task, question } = JSON.parse(readFileSync(0, 'utf8')) as { task: keyof Tasks, question: never }
    return { answer: TASKS[task](question) }
  } catch (error) {
    if (error instanceof MountError) return { error: error.message, exit: error.exit }
    return { error: error instanceof Error ? `EIO: ${error.message}` : String(error) }
  }
}

const bytes = Buffer.from(JSON.stringify(outcome()))
for (let at = 0; at < bytes.length;) at += writeSync(1, bytes, at)

/**
 * When V8 compiles with all its art. By default a function of ours is optimized after some two hundred calls, and of a
 * thousand creates in a new mount three quarters of the processor time went into that, most of it soon thrown away as new
 * kinds of requests came. Code from the quick compiler is a fifth slower.
 */
import { setFlagsFromString } from 'node:v8'

/** Bytes of bytecode that a function runs through before it is optimized; V8's own number is 67,584 (flag-definitions.h). */
const BUDGET = 300_000

/** The first V8 that counts calls instead, and waits for three thousand of them by itself (Node 22). It complains about the old flag. */
const COUNTS_CALLS = 12

/** Have V8 wait longer. For daemons that serve; a spare has all optimized while it rehearses. */
export function optimizeLater(): void {
  if (parseInt(process.versions.v8) >= COUNTS_CALLS) return
  setFlagsFromString(`--interrupt-budget=${BUDGET}`)
}

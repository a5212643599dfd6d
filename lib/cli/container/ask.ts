/** Questions before something is taken away. */
import { createInterface } from 'node:readline/promises'
import { writeText } from '../output.js'

/** docker's question. @param what will happen @returns whether somebody said yes */
export async function agrees(what: string): Promise<boolean> {
  writeText(`WARNING! This will remove ${what}.\n`)
  const lines = createInterface({ input: process.stdin, output: process.stdout })
  try {
    // At the end of the input nobody has agreed.
    const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')))
    return /^y(es)?$/i.test((await Promise.race([lines.question('Are you sure you want to continue? [y/N] '), ended])).trim())
  } finally {
    lines.close()
  }
}

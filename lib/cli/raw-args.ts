/**
 * The command line as bytes. Node decodes argv as UTF-8 and loses what is not; the kernel still has it.
 */
import { readFileSync, readlinkSync } from 'node:fs'
import type { Bytes } from '../os/native.js'

/** Arguments after the script, bytes as latin1. Call it before `process.title` is set, which overwrites them. */
export function rawArguments(): Bytes[] {
  const count = process.argv.length - 2
  const all = readFileSync('/proc/self/cmdline', 'latin1').split('\0')
  all.pop()
  return count > 0 ? all.slice(-count) : []
}

/** The working directory, bytes as latin1. */
export function workingDirectory(): Bytes {
  return readlinkSync('/proc/self/cwd', { encoding: 'latin1' })
}

/**
 * Strings of the engine are bytes as latin1, like everywhere in lib/: arguments, environment, paths and names survive whatever
 * they are. Here are the doors to node, whose strings are text.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { Bytes } from '../os/native.js'

/** Text of node (process.env, a path of ours) as bytes. */
export function bytesOf(text: string): Bytes {
  return Buffer.from(text, 'utf8').toString('latin1')
}

/** Bytes as a path for node:fs. */
export function fsPath(bytes: Bytes): Buffer {
  return Buffer.from(bytes, 'latin1')
}

/** Bytes as text for people and for programs that read JSON; what is not UTF-8 becomes U+FFFD. */
export function textOf(bytes: Bytes): string {
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

/** A record that is larger is none of ours. */
const RECORD_MAX = 16 << 20

/** A JSON file, its strings as bytes. @returns undefined when there is none. @throws Error when it is no JSON */
export function readJson(path: string): unknown {
  let data: Buffer
  try {
    data = readFileSync(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
  if (data.length > RECORD_MAX) throw new Error(`EFBIG: ${path} is no record`)
  return JSON.parse(data.toString('latin1')) as unknown
}

/**
 * Write a JSON file so that every reader sees the old one or the new one, whole. Mode 0600. It is not forced to disk: a power
 * failure may leave an empty file of the last seconds, which `tsaufs system check` finds.
 */
export function writeJson(path: string, value: unknown): void {
  const temporary = `${path}.${process.pid}.tmp`
  writeFileSync(temporary, `${JSON.stringify(value, null, 1)}\n`, { encoding: 'latin1', mode: 0o600 })
  renameSync(temporary, path)
}

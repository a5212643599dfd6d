/**
 * What commands print. Paths are bytes as latin1 everywhere in `lib/`; here they become the bytes they were.
 */
import { writeSync } from 'node:fs'
import type { MountError } from '../config/mount-error.js'
import { EXIT } from './exit-codes.js'

/** One line on stdout, `text` as bytes. @returns false when nobody reads it any more */
export function print(text: string): boolean {
  return writeAll(1, Buffer.from(`${text}\n`, 'latin1'))
}

/** Text on stdout without an end of line; characters are text, not bytes. */
export function writeText(text: string): void {
  writeAll(1, Buffer.from(text, 'utf8'))
}

/** A value as indented JSON on stdout; strings in it are proper text (see `readable`), not bytes. */
export function printJson(value: unknown): void {
  writeAll(1, Buffer.from(`${escapeControls(JSON.stringify(value, null, 2))}\n`, 'utf8'))
}

/** Bytes on stdout or stderr as they are. @returns false when nobody reads them any more */
export function writeBytes(fd: 1 | 2, bytes: Buffer): boolean {
  return writeAll(fd, bytes)
}

/** A value as one line of JSON on stdout. */
export function printJsonLine(value: unknown): void {
  writeText(`${escapeControls(JSON.stringify(value))}\n`)
}

/** What JSON.stringify leaves as it is, and a terminal obeys: in JSON these stand in strings only. */
function escapeControls(json: string): string {
  return json.replace(/[\x7f-\x9f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Control characters, which could make two lines of one or confuse a terminal, as `\xHH`; of bytes those of UTF-8 above 0x7f as well. */
export function oneLine(text: string): string {
  return text.replace(/[\x00-\x1f\x7f]|\xc2[\x80-\x9f]/g, visible)
}

/** The same of text that is no bytes. */
export function oneLineOfText(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, visible)
}

function visible(characters: string): string {
  return [...characters].map((c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`).join('')
}

/** One line on stderr after `tsaufs: `. */
export function complain(text: string): void {
  writeAll(2, Buffer.from(`tsaufs: ${oneLine(text)}\n`, 'latin1'))
}

/** By its name: a daemon in the foreground is not in the bundle, and has a class of its own. */
function isMountError(error: unknown): error is MountError {
  return error instanceof Error && error.name === 'MountError'
}

/** Print a failure as its one line and answer its exit code. With DEBUG unforeseen errors show where they came from. */
export function reportFailure(error: unknown): number {
  if (isMountError(error)) {
    complain(error.message)
    return error.exit
  }
  complain(error instanceof Error ? error.message : String(error))
  if (process.env['DEBUG'] !== undefined && error instanceof Error) writeAll(2, Buffer.from(`${error.stack}\n`))
  return EXIT.FAILED
}

/** A value with all strings in it made text (see `readable`). */
export function readableAll(value: unknown): unknown {
  if (typeof value === 'string') return readable(value)
  if (Array.isArray(value)) return value.map(readableAll)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, readableAll(each)]))
}

/** Latin1 bytes as the text a person reads, for JSON: UTF-8 decoded; what is not UTF-8 stays visible as U+FFFD. */
export function readable(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

/** write(2) until all is out; a reader that went away (EPIPE) is not our failure. @returns whether all went out */
function writeAll(fd: number, bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EPIPE') return false
      if (code !== 'EAGAIN') throw error
    }
  }
  return true
}

/**
 * The surface of an option string: where it may be cut and how a byte is written that would otherwise cut it.
 *
 * ```
 * option string  name[=value][,name[=value]]...       cut at ','
 * branch list    PATH[=perm{+attr}][:PATH...]          cut at ':'
 * escapes        \,  \:  \=  \+  \\  \"  \<space>      that byte itself
 *                \xHH                                  the byte 0xHH
 *                \OOO                                  the byte of three octal digits, as /proc/mounts writes them
 * ```
 *
 * Everything is bytes as latin1. Escapes stay in place until the last cut is made, so a cut never sees an unescaped byte.
 */
import type { Bytes } from '../os/native.js'
import { usage } from './mount-error.js'

/** Cut at every `separator` that no backslash protects; escapes stay as they are. */
export function splitEscaped(text: Bytes, separator: string): Bytes[] {
  const parts: Bytes[] = []
  let start = 0
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === separator) {
      parts.push(text.slice(start, i))
      start = i + 1
    }
  }
  parts.push(text.slice(start))
  return parts
}

/** Index of the first of `chars` that no backslash protects, or -1. */
export function indexOfUnescaped(text: Bytes, chars: string): number {
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (chars.includes(text[i] as string)) return i
  }
  return -1
}

const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|([0-3][0-7]{2})|([,:=+\\" ])|([^]?))/g

/**
 * Undo the escapes of one path.
 * @throws MountError EINVAL for a backslash that begins no escape, and for NUL, which no path can hold
 */
export function unescapePath(text: Bytes): Bytes {
  const path = text.replace(ESCAPE, (whole, hex?: string, octal?: string, plain?: string) => {
    if (hex !== undefined) return String.fromCharCode(parseInt(hex, 16))
    if (octal !== undefined) return String.fromCharCode(parseInt(octal, 8))
    if (plain !== undefined) return plain
    throw usage(`path '${text}'`, `'${whole}' is no escape; write a backslash as '\\\\'`)
  })
  if (path.includes('\0')) throw usage(`path '${text}'`, 'a path cannot hold a NUL byte')
  return path
}

/** The inverse: a path as it may stand in a branch list. Bytes that are not printable ASCII or UTF-8 become `\xHH`. */
export function escapePath(path: Bytes): string {
  const utf8 = Buffer.from(path, 'latin1').toString('utf8')
  const lossless = Buffer.from(utf8, 'utf8').toString('latin1') === path
  const special = lossless ? /[\\,:=\x00-\x1f\x7f]/g : /[\\,:=\x00-\x1f\x7f-\xff]/g
  return path.replace(special, (c) => (/[\\,:=]/.test(c) ? `\\${c}` : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`))
}

/**
 * `path` from `cwd` on, without empty and `.` components. `..` stays: what it means is only known on disk, where a
 * symbolic link may come before it.
 */
export function absolute(path: Bytes, cwd: Bytes): Bytes {
  const whole = path.startsWith('/') ? path : `${cwd}/${path}`
  return `/${whole.split('/').filter((part) => part !== '' && part !== '.').join('/')}`
}

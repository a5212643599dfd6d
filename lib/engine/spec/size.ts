/** Sizes as docker's flags take them. */

const UNITS = 'kmgtp'

/**
 * Bytes of `1048576`, `512b`, `64m`, `1.5g`, `2GiB`, powers of 1024; NaN for anything else.
 * Source: docker/go-units RAMInBytes, as `docker run --memory` documents it.
 */
export function parseRam(text: string): number {
  const [, digits, unit = ''] = /^(\d{1,16}(?:\.\d{1,9})?) ?(?:([kmgtp])i?)?b?$/i.exec(text) ?? []
  if (digits === undefined) return NaN
  const bytes = Math.floor(Number(digits) * 1024 ** (unit === '' ? 0 : UNITS.indexOf(unit.toLowerCase()) + 1))
  return Number.isSafeInteger(bytes) ? bytes : NaN
}

/** `parseRam`, or -1 for `-1`: without a limit. */
export function parseRamOrUnlimited(text: string): number {
  return text === '-1' ? -1 : parseRam(text)
}

/** Sizes with a unit, as docker prints them. */

const UNITS: Readonly<Record<1000 | 1024, readonly string[]>> = {
  1000: ['B', 'kB', 'MB', 'GB', 'TB', 'PB'],
  1024: ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'],
}
/** Significant digits. Source: docker/go-units, BytesSize and HumanSizeWithPrecision(3). */
const DIGITS: Readonly<Record<1000 | 1024, number>> = { 1000: 3, 1024: 4 }

/** `1.234MiB` (base 1024, four digits) or `1.23MB` (base 1000, three). */
export function formatQuantity(bytes: number, base: 1000 | 1024): string {
  let value = bytes
  let unit = 0
  while (value >= base && unit < UNITS[base].length - 1) {
    value /= base
    unit++
  }
  return `${Number(value.toPrecision(DIGITS[base]))}${UNITS[base][unit]}`
}

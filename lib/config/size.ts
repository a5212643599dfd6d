/** Sizes as people write them. */

const UNITS = 'KMGT'

/** Bytes of `4096`, `64K`, `10M`, `4G`, `1T` (powers of 1024; small letters too); NaN for anything else. */
export function parseSize(text: string): number {
  const [, digits, unit = ''] = /^(\d{1,15})([KMGTkmgt]?)$/.exec(text) ?? []
  if (digits === undefined) return NaN
  const bytes = Number(digits) * 1024 ** (UNITS.indexOf(unit.toUpperCase() || ' ') + 1)
  return Number.isSafeInteger(bytes) ? bytes : NaN
}

/** Bytes as `1.5G`, for people. */
export function formatSize(bytes: number): string {
  let [value, unit] = [bytes, '']
  for (const next of UNITS) {
    if (value < 1024) break
    value /= 1024
    unit = next
  }
  return unit === '' ? String(value) : `${value < 10 ? value.toFixed(1) : Math.round(value)}${unit}`
}

/**
 * Times as docker tells them.
 */

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24

/** How long, in words: `3 seconds`, `About an hour`, `2 weeks`. Source: docker/go-units, HumanDuration(). */
export function humanDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  if (seconds < 1) return 'Less than a second'
  if (seconds === 1) return '1 second'
  if (seconds < MINUTE) return `${seconds} seconds`
  const minutes = Math.floor(seconds / MINUTE)
  if (minutes === 1) return 'About a minute'
  if (minutes < 60) return `${minutes} minutes`
  const hours = Math.floor(seconds / HOUR + 0.5)
  if (hours === 1) return 'About an hour'
  if (hours < 2 * DAY) return `${hours} hours`
  if (hours < 14 * DAY) return `${Math.floor(hours / DAY)} days`
  if (hours < 60 * DAY) return `${Math.floor(hours / DAY / 7)} weeks`
  if (hours < 730 * DAY) return `${Math.floor(hours / DAY / 30)} months`
  return `${Math.floor(hours / DAY / 365)} years`
}

/** Milliseconds since 1970 of an RFC 3339 time with any number of decimals; NaN when it is none. */
export function parseTime(text: string): number {
  return Date.parse(text.replace(/(\.\d{3})\d+/, '$1'))
}

/**
 * A moment as `logs --since` takes it: RFC 3339, a date, seconds since 1970 with decimals, or how long ago (`10m`, `1h30m`).
 * @returns ms since 1970, undefined when it is none of these
 */
export function parseMoment(text: string, nowMs = Date.now()): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000
  const ago = parseDuration(text)
  if (ago !== undefined) return nowMs - ago
  const time = parseTime(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?$|^\d{4}-\d\d-\d\d$/.test(text) ? localTime(text) : text)
  return Number.isNaN(time) ? undefined : time
}

/** Without a zone it is the one here; Date.parse takes a date alone for UTC. */
function localTime(text: string): string {
  return text.includes('T') ? text : `${text}T00:00:00`
}

const UNITS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Go's durations, `1h30m`, in ms; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined
  let total = 0
  for (const [, value, , unit] of text.matchAll(/(\d+(\.\d*)?)(ns|us|µs|ms|s|m|h)/g)) total += Number(value) * UNITS[unit!]!
  return total
}

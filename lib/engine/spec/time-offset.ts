/**
 * `--time-offset`: clocks of a time namespace. Neither docker nor podman has a flag for it; the words are those of time_namespaces(7).
 */
import { usage } from '../error.js'

/** Seconds by which a clock is ahead of the host's. */
export interface TimeOffsets {
  readonly monotonic?: number
  readonly boottime?: number
}

/** As far as the kernel's counter goes, half of it: 146 years. Source: timens_offsets_show, KTIME_SEC_MAX. */
const MOST_S = Math.floor(2 ** 63 / 1e9 / 2)

/** `monotonic=SECONDS,boottime=SECONDS`, either or both. @returns undefined for '' */
export function parseTimeOffset(text: string): TimeOffsets | undefined {
  if (text === '') return undefined
  const offsets: { monotonic?: number, boottime?: number } = {}
  for (const word of text.split(',')) {
    const [, clock, seconds] = /^(monotonic|boottime)=([+-]?\d{1,10})$/.exec(word) ?? []
    if (clock === undefined || Math.abs(Number(seconds)) > MOST_S || Object.hasOwn(offsets, clock)) {
      throw usage(`--time-offset ${text}`, `invalid offset '${word}'; write monotonic=SECONDS,boottime=SECONDS`)
    }
    offsets[clock as keyof TimeOffsets] = Number(seconds)
  }
  return offsets
}

/** A count times the scale of the run, at least 2. */
export function scaled(n: number, scale: number): number {
  return Math.max(2, Math.round(n * scale))
}

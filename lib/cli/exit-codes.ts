/**
 * Exit codes; they are part of the interface (mount(8) has the same 32).
 */
export const EXIT = {
  /** Done. */
  OK: 0,
  /** It was understood and failed. */
  FAILED: 1,
  /** The command line is wrong; nothing was tried. */
  USAGE: 2,
  /** The mount could not be made; nothing is left of it. */
  MOUNT: 32,
} as const

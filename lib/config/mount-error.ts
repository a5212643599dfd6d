/**
 * A mount that cannot be made, as one line for people: what was tried, on what, the errno name, and what to do about it.
 */

/** Exit codes of a refusal: `USAGE` when the command line itself is wrong, `MOUNT` when the world does not allow it. */
export const REFUSED = { USAGE: 2, MOUNT: 32 } as const

/** A refusal with its exit code; nothing has been mounted, or what was has been taken away again. */
export class MountError extends Error {
  /** errno name, e.g. `EINVAL`. */
  readonly code: string
  readonly exit: number

  /**
   * @param tried what was tried and on what: `branch /a/b`
   * @param code errno name
   * @param advice the reason and the way out, one clause each
   * @param exit exit code of the command
   */
  constructor(tried: string, code: string, advice: string, exit: number = REFUSED.MOUNT, options?: ErrorOptions) {
    super(`${tried}: ${code}: ${advice}`, options)
    this.name = 'MountError'
    this.code = code
    this.exit = exit
  }

  /** A refusal again from its line, as another process has told it. */
  static parse(line: string, exit: number = REFUSED.MOUNT): MountError {
    const [, tried, code, advice] = /^(.*?): (E[A-Z0-9]+): ([^]*)$/.exec(line) ?? []
    return new MountError(tried ?? 'remount', code ?? 'EIO', advice ?? line, exit)
  }
}

/** A refusal of the command line itself: always EINVAL unless said otherwise, exit code 2. */
export function usage(tried: string, advice: string, code = 'EINVAL'): MountError {
  return new MountError(tried, code, advice, REFUSED.USAGE)
}

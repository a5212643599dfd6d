/**
 * What the rules of one branch work with, and the one place where something is found and repaired.
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, errnoName } from '../os/errno.js'
import type { Branch } from '../union/branch.js'
import { discard } from '../union/discard.js'
import type { Layers } from '../union/lookup.js'
import { KINDS, type Code, type Finding } from './finding.js'

/** Puts right what was found; what it answers is added to the finding. @throws Errno */
export type Fix = () => string | void

export class Context {
  readonly stack: Layers
  readonly branch: Branch
  /** Link groups whose files were met on the branch, for links.ts: key, and how many names. */
  readonly groups = new Map<string, number>()
  /** How much was repaired so far. */
  repaired = 0
  readonly #emit: (finding: Finding) => void

  constructor(stack: Layers, branch: Branch, emit: (finding: Finding) => void) {
    this.stack = stack
    this.branch = branch
    this.#emit = emit
  }

  /** Is it known what lies below? One branch alone is judged alone. */
  get stacked(): boolean {
    return this.stack.branches.length > 1
  }

  get repairs(): boolean {
    return this.branch.writable
  }

  /**
   * Something was found; it is repaired if that was asked for.
   * @returns true if it is still there
   */
  found(code: Code, path: Bytes, fix: Fix | null, detail = ''): boolean {
    const finding = { code, severity: KINDS[code].severity, branch: this.branch.spec.path, path, detail, repaired: false }
    if (fix === null || !this.repairs) {
      this.#emit(finding)
      return true
    }
    try {
      const said = fix()
      const all = [detail, said ?? ''].filter(text => text !== '').join('; ')
      this.repaired++
      this.#emit({ ...finding, detail: all, repaired: true })
      return false
    } catch (error) {
      if (!(error instanceof Errno)) throw error
      this.#emit({ ...finding, detail: `not repaired: ${error.message}` })
      return true
    }
  }

  /** A fix that takes an object away. */
  discards(dirfd: number, name: Bytes): Fix {
    return () => (discard(this.branch, dirfd, name) ? 'set aside, as it holds something' : undefined)
  }

  /** What cannot be read is said, and nothing else is said of it. */
  unreadable(path: Bytes, rc: number): void {
    this.found('unreadable', path, null, errnoName(-rc))
  }

  /** Fd of a directory, or -errno; the caller's to close. */
  open(dirfd: number, name: Bytes): number {
    return sys.openBeneath(dirfd, name, O_PATH_DIR)
  }
}

const C = sys.constants
const O_PATH_DIR = C['O_PATH']! | C['O_DIRECTORY']! | C['O_NOFOLLOW']!

/** The situation that policies are asked about: one object for all questions, as there is one thread. */
import { sys } from '../os/native.js'
import { st } from '../os/stat.js'
import type { DirNode } from './node.js'
import { dirfd } from './place.js'
import type { PolicyBranch, Situation } from './policy/policy.js'
import type { Union } from './union.js'

export class Asked implements Situation {
  readonly #union: Union
  #dir: DirNode | null = null
  makesDir = false

  constructor(union: Union) {
    this.#union = union
  }

  /** Something new is to be made in `dir`; good until the next question. */
  of(dir: DirNode, makesDir: boolean): Situation {
    this.#dir = dir
    this.makesDir = makesDir
    return this
  }

  get branches(): readonly PolicyBranch[] {
    return this.#union.branches
  }

  get dir(): DirNode {
    return this.#dir!
  }

  modified(branch: number): number {
    if (sys.statx(dirfd(this.#union, this.dir, branch), '') < 0) return -Infinity
    return st.mtime + st.mtimeNsec / 1e9
  }

  random(): number {
    return Math.random()
  }
}

/**
 * What a stack to come means for the directories and names that are known: looked up in it while the old one still
 * stands, so whatever cannot be read is found out before anything has changed.
 *
 * Only directories that have part on a branch that comes, goes or is read otherwise can show other things; and those
 * reached through a redirect, whose path such a branch may change. Of all others nothing is asked.
 */
import { sys, type Bytes } from '../../os/native.js'
import { S_IFDIR } from '../../os/stat.js'
import { closeFound, identifyIn, probe, type DirView, type Found } from '../lookup.js'
import { mergeEntries } from '../listings.js'
import { DirNode, type Node } from '../node.js'
import { dirfd, place } from '../place.js'
import { lowerPath } from '../redirect.js'
import type { Union } from '../union.js'
import { rootView, viewOfFound } from './compare.js'
import { aufs } from '../whiteout/aufs.js'
import type { NextStack } from './next.js'

const C = sys.constants
const O_PATH_NOFOLLOW = C['O_PATH']! | C['O_NOFOLLOW']!
const O_PATH_DIR = O_PATH_NOFOLLOW | C['O_DIRECTORY']!

/** A name that will not show its node any more. */
export interface Gone {
  readonly node: Node
  readonly dir: DirNode
  readonly name: Bytes
}

/** A directory that is the same one still, and where its parts are in the next stack. */
export interface Merged {
  readonly branches: number[]
  readonly paths: Map<number, Bytes> | null
  readonly redirects: Found['redirects']
}

/** An open directory while it is walked. */
interface Visit {
  readonly dir: DirNode
  readonly view: DirView
  /** Names in it may lead elsewhere. */
  readonly affected: boolean
}

export class Survey {
  /** Affected directories that stay. */
  readonly merged = new Map<DirNode, Merged>()
  readonly gone: Gone[] = []
  /** Names in affected directories, there in the next stack and not known: the kernel may know that they are not there. */
  readonly expire: (readonly [dir: DirNode, name: Bytes])[] = []
  /** Fds of what goes on without a name, by node; the nodes' at the end. */
  readonly held = new Map<Node, number>()
  readonly #union: Union
  readonly #next: NextStack
  readonly #holds: (node: Node) => boolean

  /**
   * Walk the tree.
   * @param holds whether a node that loses its name has to go on
   * @throws Errno of a branch that cannot be read; nothing is left open then
   */
  constructor(union: Union, next: NextStack, holds: (node: Node) => boolean) {
    this.#union = union
    this.#next = next
    this.#holds = holds
    try {
      const { root } = union.tree
      const view = rootView(next)
      this.merged.set(root, { branches: [...view.branches], paths: null, redirects: [] })
      const affected = next.touched.size > 0 || next.map.includes(-1)
      this.#walk({ dir: root, view, affected })
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Close what it holds. */
  close(): void {
    for (const fd of this.held.values()) sys.close(fd)
    this.held.clear()
  }

  #walk(visit: Visit): void {
    if (visit.affected && this.#union.keepsAbsent(visit.dir)) this.#findNew(visit)
    for (const [name, node] of visit.dir.children.entries()) {
      if (node instanceof DirNode) this.#directory(visit, name, node)
      else if (visit.affected && !this.#same(visit, name, node)) this.#lose(node, visit.dir, name)
    }
  }

  #findNew({ dir, view }: Visit): void {
    const addIfNew = (name: Bytes): void => {
      if (!dir.children.has(name)) this.expire.push([dir, name])
    }
    mergeEntries(this.#next, view, () => ({ addIfNew, whited: () => undefined }))
  }

  /** A known directory: the same one as long as its name is a directory. */
  #directory({ dir, view, affected }: Visit, name: Bytes, node: DirNode): void {
    if (!affected && node.redirects.length === 0) {
      this.#walk({ dir: node, view: this.#oldView(node), affected: false })
      return
    }
    const found = probe(this.#next, view, name)
    if (found === null || found.kind !== S_IFDIR) {
      if (found !== null) closeFound(found)
      this.#lose(node, dir, name)
      return
    }
    try {
      const changes = this.#isAffected(node, found)
      if (changes) this.merged.set(node, { branches: found.branches, paths: found.paths, redirects: found.redirects })
      this.#walk({ dir: node, view: viewOfFound(this.#next, found, view, name), affected: changes })
    } finally {
      closeFound(found)
    }
  }

  /** Has the directory had, or gets it, part on a branch that is touched? */
  #isAffected(node: DirNode, found: Found): boolean {
    const { map, touched } = this.#next
    const were = node.branches.map((b) => map[b]!)
    return were.length !== found.branches.length || found.branches.some((b) => touched.has(b) || !were.includes(b))
  }

  /** A directory in which nothing changes, seen in the next stack. */
  #oldView(dir: DirNode): DirView {
    const { map } = this.#next
    return {
      branches: dir.branches.map((b) => map[b]!),
      fd: (b) => dirfd(this.#union, dir, map.indexOf(b)),
      lower: (at) => lowerPath(dir, map.indexOf(at)),
    }
  }

  /** Does the name still lead to the very file? */
  #same({ view }: Visit, name: Bytes, node: Node): boolean {
    if (!this.#next.config.shwh && aufs.classify(name) !== 'entry') return false
    const found = probe(this.#next, view, name)
    if (found === null) return false
    const same = found.kind === node.kind && this.#isObject(found, view, name, node)
    closeFound(found)
    return same
  }

  #isObject(found: Found, view: DirView, name: Bytes, node: Node): boolean {
    const { map, branches, config } = this.#next
    const { mark } = found
    const stored = branches[found.top]!.whiteable ? view.fd(found.top) : -1
    const identity = identifyIn(this.#next, config.plink, stored, name, found)
    if (identity.top !== map[node.top]) return false
    if (node.indexed || identity.indexed) return node.indexed === identity.indexed && node.group === identity.group
    return node.seen === 0 || mark === node.seen
  }

  #lose(node: Node, dir: DirNode, name: Bytes): void {
    this.gone.push({ node, dir, name })
    if (node.fd >= 0 || this.held.has(node) || this.#next.map[node.top]! < 0 || !this.#holds(node)) return
    const at = place(this.#union, node)
    const flags = node.isDir() ? O_PATH_DIR : O_PATH_NOFOLLOW
    const fd = at.name === '' ? sys.reopen(at.dirfd, C['O_PATH']!) : sys.openat(at.dirfd, at.name, flags, 0)
    if (fd >= 0) this.held.set(node, fd)
  }
}

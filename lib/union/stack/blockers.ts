/**
 * What stands in the way of a change of the stack: files in use that would lose their branch, or could not be written any
 * more. Who uses what only the system knows (daemon/stack/in-use.ts); how it is used decides. Source: union-semantics 1.2.
 */
import type { Bytes } from '../../os/native.js'
import { DirNode, type Node } from '../node.js'
import { writableAtOrAbove } from '../policy/policy.js'
import type { Union } from '../union.js'

/** As much of a stack to come as is to be known. */
export interface Outlook {
  /** Place in the present stack to place in that one, -1 for branches that leave. */
  readonly map: readonly number[]
  readonly branches: readonly { readonly writable: boolean }[]
}

/** How a process uses a file: it has it open or mapped, runs it, or stands in it. */
export type How = 'open' | 'mapped' | 'mapped for writing' | 'working directory' | 'root directory' | 'passed through'

export interface Blocker {
  readonly ino: number
  /** From the mount point, with a leading slash; the last known one of a deleted file is not known. */
  readonly path: Bytes
  /** The branch it is on. */
  readonly branch: Bytes
  /** Only uses of these kinds are in the way; null: all. */
  readonly uses: readonly How[] | null
}

/** Path of a node in the union; of one without a name `(deleted)`. */
export function pathOf(union: Union, node: Node): Bytes {
  if (node === union.tree.root) return '/'
  if (node.parent === null) return '(deleted)'
  const above = pathOf(union, node.parent)
  return above === '/' ? `/${node.name}` : `${above}/${node.name}`
}

/**
 * The nodes that forbid the change.
 * @param usesOf how the file with an inode number is used, by anybody
 */
export function blockers(union: Union, next: Outlook, usesOf: (ino: number) => readonly How[]): Blocker[] {
  const found: Blocker[] = []
  for (const node of union.tree.nodes()) {
    if (node === union.tree.root) continue
    const uses = kindsInTheWay(union, next, node)
    if (uses === undefined) continue
    const passed = uses?.includes('passed through') === true
    const used = usesOf(node.ino)
    if (!passed && !used.some((how) => uses === null || uses.includes(how))) continue
    found.push({ ino: node.ino, path: pathOf(union, node), branch: union.branches[node.top]!.spec.path, uses: passed ? null : uses })
  }
  return found
}

/** The uses of a node that are in the way: null for all, undefined for none. */
function kindsInTheWay(union: Union, next: Outlook, node: Node): readonly How[] | null | undefined {
  const place = next.map[node.top]!
  if (node instanceof DirNode) return node.branches.every((b) => next.map[b]! < 0) ? null : undefined
  if (place < 0) return null
  const was = union.branches[node.top]!.writable
  const is = next.branches[place]!.writable
  // The kernel writes such a file itself and cannot be told of another one; what it only reads must not be written then.
  if (node.pass !== null && node.pass.id > 0 && node.pass.handles > 0 && (was !== is || (!is && next.branches.some((branch) => branch.writable)))) {
    return ['passed through']
  }
  return was && !is && writableAtOrAbove(next.branches, place) < 0 ? ['mapped for writing'] : undefined
}

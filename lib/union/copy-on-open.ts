/** `+coo_reg`, `+coo_all`, `+moo`: branches whose objects are copied up (moved up) by any open. Source: aufs(5). */
import { sys } from '../os/native.js'
import { S_IFREG } from '../os/stat.js'
import { copyUp } from './copy-up.js'
import type { Node } from './node.js'
import { place } from './place.js'
import { mayHave, nearestFit } from './reach.js'
import type { Union } from './union.js'

/**
 * Copy up what is about to be opened, if its branch says so: to the nearest writable branch above; without one, nothing.
 * @throws Wait for the data of a big file; Errno as copyUp()
 */
export function copyOnOpen(union: Union, node: Node): void {
  const mode = union.branches[node.top]!.spec.copyOnOpen
  if (mode === 'none' || node.parent === null) return
  const wanted = node.isDir() ? mode === 'all' : node.kind === S_IFREG
  const { parent } = node
  const to = wanted ? nearestFit(union, node.top - 1, b => mayHave(union, parent, b)) : -1
  if (to < 0) return
  const from = union.branches[node.top]!
  const source = place(union, node)
  copyUp(union, node, Infinity, to)
  if (mode === 'moo' && from.writable && source.name !== '') sys.unlinkat(source.dirfd, source.name, 0)
}

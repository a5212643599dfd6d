/** What direct changes of branches did to a mount, and what else people may want to follow (`tsaufs events`). */
import type { Bytes } from '../os/native.js'
import type { DirNode } from './node.js'

/**
 * gone: a name in use is no longer there; replaced: it shows something else now; unwatched: a directory cannot be watched;
 * overflow: changes came faster than they could be told, and all that is known is looked at again.
 */
export type UnionEvent =
  | { readonly event: 'gone' | 'replaced' | 'unwatched', readonly dir: DirNode, readonly name: Bytes, readonly branch: number }
  | { readonly event: 'overflow' }

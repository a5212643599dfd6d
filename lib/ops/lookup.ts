/** LOOKUP: find a name in a directory. Source: fuse_dentry_revalidate, fuse_lookup in fs/fuse/dir.c; union-semantics 3. */
import { E } from '../os/errno.js'
import { defineOp, HEADER, numberOf } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import { missingEntryOut } from '../fuse/reply.js'
import { aufs } from '../union/whiteout/aufs.js'
import { CONTROL_NAME } from '../union/control-object.js'
import { lookup as find } from '../union/lookup.js'
import type { Union } from '../union/union.js'
import { controlEntry } from './shared/asked-keys.js'
import { checkLookupName } from './shared/check-name.js'
import { entryReply } from './shared/entry-reply.js'

export const lookup = defineOp({
  opcode: Opcode.LOOKUP, name: 'LOOKUP', in: null, names: 1,
  run(union: Union, req, _arg, name) {
    const dir = union.tree.dir(req.nodeid)
    if (dir === union.tree.root && union.graftsFrom !== Infinity && dir.children.get(name)?.isDir() === true) {
      return entryReply(union, req, dir.children.get(name)!)
    }
    checkLookupName(name, union.config.shwh)
    if (dir.parent === null && dir !== union.tree.root) return -E.ENOENT
    const node = find(union, dir, name)
    if (node !== null) {
      union.kept?.check(node, numberOf(req))
      return entryReply(union, req, node)
    }
    if (name === CONTROL_NAME && dir === union.tree.root) return controlEntry(union, req)
    // A name that could not be created is too long, wherever it is missing.
    if (name.length > aufs.nameMax && name.length > union.nameMax) return -E.ENAMETOOLONG
    const timeout = union.absenceTimeout(dir, name)
    return timeout > 0 ? missingEntryOut(req.out, HEADER, timeout) : -E.ENOENT
  },
})

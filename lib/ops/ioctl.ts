/**
 * IOCTL: the flag ioctls that file systems share (chattr, lsattr, project ids) are handed to the branch file; setting
 * copies up first. Anything else is ENOTTY. Source: ioctl_fs(2), include/uapi/linux/fs.h.
 */
import { sys } from '../os/native.js'
import { Errno, E, must } from '../os/errno.js'
import { S_IFDIR, S_IFREG } from '../os/stat.js'
import { defineOp, HEADER } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import { ioctlOut } from '../fuse/reply.js'
import { IoctlIn } from '../fuse/structs.js'
import { copyUp } from '../union/copy-up.js'
import { openFile } from '../union/data.js'
import type { Union } from '../union/union.js'

const C = sys.constants
/**
 * Command to: bytes of its argument, and whether it changes the file. The kernel's `int` is 4 bytes here whatever the
 * number says.
 */
const COMMANDS = new Map<number, { readonly size: number; readonly writes: boolean }>([
  [C['FS_IOC_GETFLAGS']! >>> 0, { size: 4, writes: false }],
  [C['FS_IOC_SETFLAGS']! >>> 0, { size: 4, writes: true }],
  [C['FS_IOC_GETVERSION']! >>> 0, { size: 4, writes: false }],
  [C['FS_IOC_FSGETXATTR']! >>> 0, { size: 28, writes: false }],
  [C['FS_IOC_FSSETXATTR']! >>> 0, { size: 28, writes: true }],
])

export const ioctl = defineOp({
  opcode: Opcode.IOCTL, name: 'IOCTL', in: IoctlIn, names: 0,
  run(union: Union, req, { cmd, in_size: inSize, out_size: outSize }) {
    const command = COMMANDS.get(cmd)
    if (command === undefined) return -E.ENOTTY
    const node = union.tree.node(req.nodeid)
    if (node.kind !== S_IFREG && node.kind !== S_IFDIR) throw new Errno(E.ENOTTY, 'ioctl', node.name)
    const buffer = Buffer.alloc(Math.max(command.size, 32))
    req.bytes.copy(buffer, 0, req.payload, Math.min(req.payload + inSize, req.payloadEnd, req.payload + command.size))
    if (command.writes) copyUp(union, node)
    const fd = openFile(union, node, 0)
    const rc = sys.ioctl(fd, cmd, buffer)
    sys.close(fd)
    must(rc, 'ioctl', node.name)
    const length = ioctlOut(req.out, HEADER, 0)
    const out = Math.min(outSize, command.size)
    buffer.copy(req.out, HEADER + length, 0, out)
    return length + out
  },
})

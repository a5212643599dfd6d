/** What people call the operation that a request is part of; for the ledger of copy-ups. */
import { S_IFMT, S_IFREG } from '../../os/stat.js'
import type { Request } from '../../fuse/define-op.js'
import { Fattr, IN_HEADER_SIZE, Opcode } from '../../fuse/abi.js'

/** SETATTR is several calls: the one that is named first here. */
const CHANGES: readonly (readonly [bits: number, call: string])[] = [
  [Fattr.SIZE, 'truncate'], [Fattr.MODE, 'chmod'], [Fattr.UID | Fattr.GID, 'chown'],
  [Fattr.ATIME | Fattr.MTIME, 'utimes'],
]

/**
 * The call behind a request.
 * @param rowName what the operation is called in its row; undefined between requests
 */
export function reasonOf(req: Readonly<Request>, rowName: string | undefined): string {
  const first = req.words[IN_HEADER_SIZE >> 2]!
  switch (req.opcode) {
    // chown(2) that changes nothing comes without any bit.
    case Opcode.SETATTR: return CHANGES.find(([bits]) => (first & bits) !== 0)?.[1] ?? 'chown'
    case Opcode.MKNOD: return (first & S_IFMT) === S_IFREG ? 'create' : 'mknod'
    case Opcode.RENAME2: return 'rename'
    case Opcode.COPY_FILE_RANGE_64: return 'copy_file_range'
    default: return rowName?.toLowerCase() ?? 'control'
  }
}

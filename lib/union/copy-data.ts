/**
 * Copying the data of a regular file to another branch: at once when it is small, else by a worker, while the node is
 * reserved by its `copy` and others are served.
 */
import { sys } from '../os/native.js'
import { Errno, E, must } from '../os/errno.js'
import type { Meta } from '../os/stat.js'
import { Wait } from '../util/wait.js'
import type { Branch } from './branch.js'
import { dataOf } from './metacopy.js'
import type { CopiedData, CopyJob, Node } from './node.js'
import type { Place } from './place.js'
import type { Union } from './union.js'

const C = sys.constants
const O_RDONLY = C['O_RDONLY']! | C['O_NONBLOCK']!
const O_RDWR = C['O_RDWR']!
const O_EXCL_CREATE = C['O_CREAT']! | C['O_EXCL']!
/** Up to this many bytes are copied at once; more is copied by a worker while others are served. */
const INLINE_MAX = 256 * 1024

/** A new regular file on a branch: without a name where the file system can, else in the work directory. */
function newFile(branch: Branch): CopiedData {
  const unnamed = sys.tmpfile(branch.fd, O_RDWR, 0o600)
  if (unnamed !== -E.EOPNOTSUPP && unnamed !== -E.EISDIR && unnamed !== -E.EINVAL) {
    return { fd: must(unnamed, 'O_TMPFILE', branch.spec.path), name: '' }
  }
  const name = branch.temp()
  return { fd: must(sys.openat(branch.work(), name, O_RDWR | O_EXCL_CREATE, 0o600), 'open', name), name }
}

/** Close a copy's data, and remove it if it was never installed. */
export function dropData(branch: Branch, data: CopiedData): void {
  sys.close(data.fd)
  if (data.name !== '') sys.unlinkat(branch.work(), data.name, 0)
}

/**
 * The data of a regular file, copied to the branch; the caller's to drop.
 * @throws Wait for more than INLINE_MAX bytes: a worker copies, the request is run again
 */
export function copyData(union: Union, node: Node, from: Place, meta: Meta, branch: Branch, limit: number): CopiedData {
  const size = Math.min(limit, meta.size)
  const job = node.copy
  if (job !== null) {
    if (!job.done) throw new Wait(job.promise)
    node.copy = null
    if (job.branch === branch.index && job.size === size) return job.data
    dropData(union.branches[job.branch]!, job.data)
  }
  const data = newFile(branch)
  if (size === 0) return data
  let source = from.name === '' ? sys.reopen(from.dirfd, O_RDONLY) : sys.openat(from.dirfd, from.name, O_RDONLY, 0)
  if (source < 0) {
    dropData(branch, data)
    throw new Errno(-source, 'open', from.name)
  }
  try {
    source = dataOf(union, node, source)
  } catch (error) {
    dropData(branch, data)
    throw error
  }
  if (size > INLINE_MAX) throw startJob(union, node, source, data, size, branch)
  const rc = sys.copyData(source, data.fd, size)
  sys.close(source)
  if (rc < 0) {
    dropData(branch, data)
    throw new Errno(-rc, 'copy-up', node.name)
  }
  return data
}

/** Let a worker copy; the node is reserved by its `copy` until the job is installed, fails, or the node is dropped. */
function startJob(union: Union, node: Node, source: number, data: CopiedData, size: number, branch: Branch): Wait {
  let settle: (rc: number) => void = () => {}
  const promise = new Promise<void>((resolve, reject) => {
    settle = rc => {
      if (rc < 0) reject(new Errno(-rc, 'copy-up', node.name))
      else resolve()
    }
  })
  const job: CopyJob = { data, branch: branch.index, size, done: false, promise }
  const rc = sys.copyDataAsync(source, data.fd, size, result => {
    sys.close(source)
    job.done = true
    if (result < 0) {
      dropData(branch, data)
      node.copy = null
    }
    union.tree.settle(node)
    settle(result)
  })
  if (rc < 0) {
    sys.close(source)
    dropData(branch, data)
    throw new Errno(-rc, 'copy-up', node.name)
  }
  node.copy = job
  return new Wait(promise)
}

/**
 * A file that is on its way to another writable branch (move.ts) is not to be changed meanwhile; a finished copy that
 * nobody has fetched is dropped, as it will not be the file's any more.
 * @throws Wait until it is copied
 */
export function awaitMove(union: Union, node: Node): void {
  if (node.copy === null) return
  // How it ends is the mover's affair.
  if (!node.copy.done) throw new Wait(node.copy.promise.catch(() => {}))
  dropJob(union, node)
}

/** A finished copy that nobody will use. */
export function dropJob(union: Union, node: Node): void {
  if (node.copy === null || !node.copy.done) return
  dropData(union.branches[node.copy.branch]!, node.copy.data)
  node.copy = null
}

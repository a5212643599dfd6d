/**
 * Messages to the kernel that no request asked for: drop what you have cached. A notification is a reply with unique 0
 * whose error is the code.
 *
 * Which thread writes them matters. The kernel handles a notification inside write(2): `invalEntry` and `deleted` take the
 * lock of the parent directory, `invalInode` with pages waits for those that are being read. Whoever holds that lock may be
 * waiting for a reply from us: if the thread that serves requests is the one that writes, both wait for ever. So these go
 * through a `write` that uses another thread. `invalAttr` and `incEpoch` take no lock and may be sent from anywhere.
 */
import { constants } from 'node:os'
import { InvalEntryFlag, NotifyCode, OUT_HEADER_SIZE } from './abi.js'
import { putU64, writeHeader } from './reply.js'
import { wordsOver } from './words.js'

function message(code: number, size: number): { bytes: Buffer; view: DataView; words: Uint32Array } {
  const bytes = Buffer.alloc(OUT_HEADER_SIZE + size)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const words = wordsOver(bytes)
  writeHeader(words, bytes.length, code, 0, 0)
  return { bytes, view, words }
}

/** NOTIFY_INVAL_INODE: attributes and, unless `offset` is negative, pages of `length` bytes from there (0: to the end). */
export function invalInodeMessage(nodeid: number, offset: number, length: number): Buffer {
  const { bytes, view, words } = message(NotifyCode.INVAL_INODE, 24)
  putU64(words, 4, nodeid)
  view.setBigInt64(24, BigInt(offset), true)
  view.setBigInt64(32, BigInt(length), true)
  return bytes
}

/** NOTIFY_INVAL_ENTRY: forget the name; with `expire` (HAS_EXPIRE_ONLY) look it up anew, which spares mounts below. */
export function invalEntryMessage(parent: number, name: string, expire: boolean): Buffer {
  const { bytes, view, words } = message(NotifyCode.INVAL_ENTRY, 16 + name.length + 1)
  putU64(words, 4, parent)
  view.setUint32(24, name.length, true)
  view.setUint32(28, expire ? InvalEntryFlag.EXPIRE_ONLY : 0, true)
  bytes.write(name, 32, 'latin1')
  return bytes
}

/** NOTIFY_DELETE: `name` was node `child` and is gone; watchers (inotify) of the directory hear of it. */
export function deleteMessage(parent: number, child: number, name: string): Buffer {
  const { bytes, view, words } = message(NotifyCode.DELETE, 24 + name.length + 1)
  putU64(words, 4, parent)
  putU64(words, 6, child)
  view.setUint32(32, name.length, true)
  bytes.write(name, 40, 'latin1')
  return bytes
}

/** NOTIFY_INC_EPOCH (7.44): every name of the mount is looked up anew at its next use. */
export function incEpochMessage(): Buffer {
  return message(NotifyCode.INC_EPOCH, 0).bytes
}

/** Sends notifications through `write`, whose thread is the caller's choice: see the top of this file. */
export class Notifier {
  readonly #write: (message: Buffer, length: number) => number

  /** @param write  as `Transport.write`: 0 or -errno. The message is a buffer of its own, it may be kept. */
  constructor(write: (message: Buffer, length: number) => number) {
    this.#write = write
  }

  /** The attributes of a node are asked for anew. Takes no lock. */
  invalAttr(nodeid: number): number {
    return this.#send(invalInodeMessage(nodeid, -1, 0))
  }

  /** Attributes and all cached pages of a node. Not from the serving thread. */
  invalInode(nodeid: number): number {
    return this.#send(invalInodeMessage(nodeid, 0, 0))
  }

  /** A name is forgotten, or with `expire` looked up anew. Not from the serving thread. */
  invalEntry(parent: number, name: string, expire: boolean): number {
    return this.#send(invalEntryMessage(parent, name, expire))
  }

  /** A name is gone. Not from the serving thread. */
  deleted(parent: number, child: number, name: string): number {
    return this.#send(deleteMessage(parent, child, name))
  }

  /** Every name of the mount is looked up anew. Takes no lock; -EINVAL before 7.44. */
  incEpoch(): number {
    return this.#send(incEpochMessage())
  }

  /** ENOENT says that the kernel has no such thing in its cache, which is what was wanted. */
  #send(message: Buffer): number {
    const rc = this.#write(message, message.length)
    return rc === -constants.errno.ENOENT ? 0 : rc
  }
}

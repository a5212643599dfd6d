/**
 * Ids on the branches and ids in the mount: `uidmapping=`, `gidmapping=` and `squash_to_*`. What is shown is mapped, what is
 * set is mapped back; a squashed id is shown as one and the same, and stored as it was given. An id on a branch that the map
 * does not have is shown as the overflow id. Source: fuse-overlayfs(1), found out by running it; user_namespaces(7).
 */
import { readFileSync } from 'node:fs'
import type { IdRange, MountConfig } from '../config/config.js'
import { st } from '../os/stat.js'
import { Errno, E } from '../os/errno.js'
import type { Bytes } from '../os/native.js'

/** One map, of users or of groups. */
export class IdMap {
  readonly #ranges: readonly IdRange[] | undefined
  readonly #squashed: number | undefined
  readonly #overflow: number

  /** @param squashed  what every owner is shown as */
  constructor(ranges: readonly IdRange[] | undefined, squashed: number | undefined, overflow: number) {
    this.#ranges = ranges
    this.#squashed = squashed
    this.#overflow = overflow
  }

  /** What an owner on a branch is shown as. */
  owner(id: number): number {
    return this.#squashed ?? this.shown(id)
  }

  /** The id in the mount of one on a branch; the overflow id if there is none. Never squashed: an ACL would name one twice. */
  shown(id: number): number {
    const found = this.find(id)
    return found < 0 ? this.#overflow : found
  }

  /** The same, -1 if there is none. */
  find(id: number): number {
    if (this.#ranges === undefined) return id
    for (const { disk, shown, count } of this.#ranges) if (id >= disk && id - disk < count) return shown + (id - disk)
    return -1
  }

  /** The id on the branches that is shown as this one, -1 if there is none. */
  onDisk(id: number): number {
    if (this.#ranges === undefined) return id
    for (const { disk, shown, count } of this.#ranges) if (id >= shown && id - shown < count) return disk + (id - shown)
    return -1
  }

  /**
   * The owner on the branches of what somebody makes. Who is not on the map may make something all the same, as under
   * fuse-overlayfs: Podman makes a container's working directory before it gives it to the container's root.
   */
  makerOnDisk(id: number): number {
    const found = this.onDisk(id)
    return found < 0 ? this.#overflow : found
  }
}

function overflowId(kind: 'uid' | 'gid'): number {
  return Number(readFileSync(`/proc/sys/kernel/overflow${kind}`, 'latin1'))
}

const ACL_HEADER = 4
const ACL_ENTRY = 8
const ACL_USER = 0x02
const ACL_GROUP = 0x08
const CAPABILITY = 'security.capability'
const REVISION_WITH_ROOT = 3
const ROOT_AT = 20

export class Owners {
  readonly uids: IdMap
  readonly gids: IdMap

  constructor(uids: IdMap, gids: IdMap) {
    this.uids = uids
    this.gids = gids
  }

  /** @returns null where ids are the same on the branches and in the mount */
  static of({ uidMap, gidMap, squashToRoot, squashUid, squashGid }: MountConfig): Owners | null {
    const root = squashToRoot === true ? 0 : undefined
    const uid = squashUid ?? root
    const gid = squashGid ?? root
    if (uidMap === undefined && gidMap === undefined && uid === undefined && gid === undefined) return null
    return new Owners(new IdMap(uidMap, uid, overflowId('uid')), new IdMap(gidMap, gid, overflowId('gid')))
  }

  /** Turn the owner in `sys.stat` from the branch's into the mount's. */
  show(): void {
    st.uid = this.uids.owner(st.uid)
    st.gid = this.gids.owner(st.gid)
  }

  /**
   * Map the ids in the value of an extended attribute that a branch has, in place.
   * @throws Errno EOVERFLOW for a capability that belongs to nobody here, as capabilities(7) has it
   */
  showXattr(key: Bytes, value: Buffer): void {
    mapXattr(key, value, (map, id) => map.shown(id), (id) => {
      const found = this.uids.find(id)
      if (found < 0) throw new Errno(E.EOVERFLOW, 'getxattr', key)
      return found
    }, this)
  }

  /** A value to store on a branch, its ids mapped back. @throws Errno EINVAL for an id that cannot be stored */
  storedXattr(key: Bytes, value: Buffer): Buffer {
    const copy = Buffer.from(value)
    const back = (map: IdMap, id: number): number => {
      const found = map.onDisk(id)
      if (found < 0) throw new Errno(E.EINVAL, 'setxattr', key)
      return found
    }
    mapXattr(key, copy, back, (id) => back(this.uids, id), this)
    return copy
  }
}

/** Apply `map` to the ids in an ACL, `mapRoot` to the user namespace's root in a capability. */
function mapXattr(
  key: Bytes, value: Buffer, map: (map: IdMap, id: number) => number, mapRoot: (id: number) => number, { uids, gids }: Owners,
): void {
  if (key.startsWith('system.posix_acl_')) {
    for (let at = ACL_HEADER; at + ACL_ENTRY <= value.length; at += ACL_ENTRY) {
      const tag = value.readUInt16LE(at)
      if (tag !== ACL_USER && tag !== ACL_GROUP) continue
      value.writeUInt32LE(map(tag === ACL_USER ? uids : gids, value.readUInt32LE(at + 4)), at + 4)
    }
  } else if (key === CAPABILITY && value.length >= ROOT_AT + 4 && value[3] === REVISION_WITH_ROOT) {
    value.writeUInt32LE(mapRoot(value.readUInt32LE(ROOT_AT)), ROOT_AT)
  }
}

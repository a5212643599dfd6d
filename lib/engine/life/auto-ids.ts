/** `--userns auto`: ids that no other container of this state root has. */
import { isMachineRoot } from '../../daemon/process-id.js'
import { failure } from '../error.js'
import type { OciIdMapping } from '../oci.js'
import { ownIdCount } from '../spec/keep-id.js'
import { AUTO_OWNER, subordinateFile, subordinateRanges, type IdMaps } from '../spec/userns.js'
import { allContainers } from '../store/containers.js'
import type { ContainerRecord } from '../store/record.js'
import type { StateRoot } from '../store/root.js'

/** The record with its ids, if it is to have some of its own. The caller holds the lock of names. @throws MountError ENOSPC */
export function withAutoIds(root: StateRoot, record: ContainerRecord): ContainerRecord {
  const { usernsMode, usernsSize } = record.host
  if (usernsMode !== 'auto' || usernsSize === undefined) return record
  const taken = allContainers(root).flatMap((each) => each.record.host.idMaps ?? [])
  const idMaps: IdMaps = { uids: freeRange('uids', usernsSize, taken), gids: freeRange('gids', usernsSize, taken) }
  return { ...record, host: { ...record.host, idMaps } }
}

function freeRange(kind: keyof IdMaps, size: number, taken: readonly IdMaps[]): OciIdMapping[] {
  const file = subordinateFile(kind)
  // An ordinary user has those of his own namespace, without himself.
  const ranges = isMachineRoot() ? subordinateRanges(kind, AUTO_OWNER) : [{ first: 1, count: ownIdCount(kind) - 1 }]
  const used = taken.flatMap((each) => each[kind]).sort((a, b) => a.hostID - b.hostID)
  for (const { first, count } of ranges) {
    let at = first
    for (const each of used) {
      if (at + size <= each.hostID) break
      at = Math.max(at, each.hostID + each.size)
    }
    if (at + size <= first + count) return [{ containerID: 0, hostID: at, size }]
  }
  throw ranges.length === 0
    ? failure('--userns auto', 'ENOENT', `no ranges found for user "${AUTO_OWNER}" in ${file}; add a line ${AUTO_OWNER}:2147483647:2147483648`, 125)
    : failure('--userns auto', 'ENOSPC', `no ${size} ids in a row are left ${isMachineRoot() ? `of those of "${AUTO_OWNER}" in ${file}` : 'of yours'}; remove containers, or take --userns auto:size=N`, 125)
}

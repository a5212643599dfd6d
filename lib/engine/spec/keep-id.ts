/**
 * `--userns keep-id[:uid=N,gid=N]`: an ordinary user has his own id in the container, or that one, and is not its root: what he owns
 * on the host is his there. Source: podman-run(1).
 */
import { idMap, isMachineRoot } from '../../daemon/process-id.js'
import { usage } from '../error.js'
import type { OciIdMapping } from '../oci.js'
import type { IdMaps } from './userns.js'

/** Ids within the user namespace of an ordinary user, in which he himself is 0. */
export interface KeptId {
  readonly maps: IdMaps
  /** Who runs the program if nobody says. */
  readonly user: string
}

/** @throws MountError for root, for a wrong option, and for a user without subordinate ids */
export function keepId(text: string): KeptId {
  const tried = `--userns ${text}`
  if (isMachineRoot()) throw usage(tried, 'it is for containers of ordinary users; root has --userns auto, --uidmap', 'EOPNOTSUPP')
  const asked = { uid: outside('uid_map'), gid: outside('gid_map') }
  for (const option of text.split(':').slice(1).join(':').split(',')) {
    if (option === '') continue
    const [, key, digits] = /^([ug]id)=(\d{1,9})$/.exec(option) ?? []
    if (key === undefined) throw usage(tried, `invalid option '${option}'; there are uid=N and gid=N`)
    asked[key as 'uid' | 'gid'] = Number(digits)
  }
  const [uids, gids] = [ownIdCount('uids'), ownIdCount('gids')]
  if (uids < 2 || gids < 2) throw usage(tried, 'it takes subordinate ids; there are none for you in /etc/subuid and /etc/subgid', 'ENOENT')
  return { maps: { uids: keeping(asked.uid, uids), gids: keeping(asked.gid, gids) }, user: `${asked.uid}:${asked.gid}` }
}

/** The id of the machine that root of this namespace is. */
function outside(file: 'uid_map' | 'gid_map'): number {
  return idMap(file).find(([inside]) => inside === 0)?.[1] ?? 0
}

/** How many ids there are in this user namespace, from 0 on. */
export function ownIdCount(kind: keyof IdMaps): number {
  return Math.max(0, ...idMap(kind === 'uids' ? 'uid_map' : 'gid_map').map(([inside = 0, , count = 0]) => inside + count))
}

/** `id` is our 0; those before it follow ours, those behind it stay. @param count of our ids */
export function keeping(id: number, count: number): OciIdMapping[] {
  const before = Math.min(id, count - 1)
  return [
    ...(before > 0 ? [{ containerID: 0, hostID: 1, size: before }] : []),
    { containerID: id, hostID: 0, size: 1 },
    ...(count - 1 > id ? [{ containerID: id + 1, hostID: id + 1, size: count - 1 - id }] : []),
  ]
}

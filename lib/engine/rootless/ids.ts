/**
 * The ids in containers of an ordinary user: root is he himself, the others are his subordinate ids, in order. Source: subuid(5),
 * newuidmap(1); podman has them so.
 */
import { userInfo } from 'node:os'
import { programFile } from '../network/usermode.js'
import { inARow, MAPPINGS_MAX, subordinateRanges, type SubordinateRange } from '../spec/userns.js'

/** `INSIDE:OUTSIDE:COUNT,...` of users and of groups, as tsaufs-init takes them. */
export interface OwnIds {
  /** Who writes the maps: newuidmap and newgidmap, or he himself, who may map nobody but himself. */
  readonly by: 'newidmap' | 'self'
  readonly uids: string
  readonly gids: string
  /** Why there are no more ids than one. */
  readonly lacking?: string
}

/** The other line is he himself. */
const RANGES_MAX = MAPPINGS_MAX - 1

/** Of the user who runs this process. */
export function ownIds(): OwnIds {
  const [uid, gid] = [process.geteuid!(), process.getegid!()]
  const names = [String(uid), ...loginName()]
  return chooseIds({ uid, gid }, {
    uids: names.flatMap((name) => subordinateRanges('uids', name)), gids: names.flatMap((name) => subordinateRanges('gids', name)),
    tools: ['newuidmap', 'newgidmap'].every((tool) => programFile(tool) !== undefined),
  })
}

/** @param found ranges of the user, and whether newuidmap and newgidmap are there */
export function chooseIds({ uid, gid }: { readonly uid: number, readonly gid: number }, found: {
  readonly uids: readonly SubordinateRange[], readonly gids: readonly SubordinateRange[], readonly tools: boolean,
}): OwnIds {
  const lacking = found.uids.length === 0 || found.gids.length === 0
    ? 'there are no subordinate ids for you in /etc/subuid and /etc/subgid (usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER)'
    : found.tools ? undefined : 'newuidmap and newgidmap are not there; install the package uidmap'
  if (lacking !== undefined) return { by: 'self', uids: `0:${uid}:1`, gids: `0:${gid}:1`, lacking }
  return { by: 'newidmap', uids: mapOf(uid, found.uids), gids: mapOf(gid, found.gids) }
}

function mapOf(own: number, ranges: readonly SubordinateRange[]): string {
  const others = inARow(ranges.slice(0, RANGES_MAX), 1)
  return [`0:${own}:1`, ...others.map(({ containerID, hostID, size }) => `${containerID}:${hostID}:${size}`)].join(',')
}

/** Nothing for a user without an entry in passwd(5). */
function loginName(): string[] {
  try {
    return [userInfo().username]
  } catch {
    return []
  }
}

/** Options that change whom objects belong to; names and values are fuse-overlayfs's. Source: fuse-overlayfs(1). */
import { parseId, parseIdMap } from './id-map.js'
import { usage } from './mount-error.js'
import type { OptionRow } from './options.js'

/** Why they stay. */
const OWNERS = 'what processes were told and have open would belong to others'

function mapping(name: string, key: 'uidMap' | 'gidMap', ids: string): OptionRow {
  return {
    name, argument: 'value', status: 'implemented', live: OWNERS,
    help: `DISK:SHOWN:COUNT[:DISK:SHOWN:COUNT...], ${ids} as the branches have them and as the mount shows them`,
    apply: ({ settings }, value) => { settings[key] = parseIdMap(value, `option '${name}=${value}'`) },
  }
}

function squash(name: string, key: 'squashUid' | 'squashGid', what: string): OptionRow {
  return {
    name, argument: 'value', status: 'implemented', live: OWNERS, help: `show every object as this ${what}'s`,
    apply: ({ settings }, value) => { settings[key] = parseId(value, `option '${name}=${value}'`) },
  }
}

/** Rows of the option table. */
export const OWNER_ROWS: readonly OptionRow[] = [
  mapping('uidmapping', 'uidMap', 'user ids'),
  mapping('gidmapping', 'gidMap', 'group ids'),
  {
    name: 'squash_to_root', argument: 'none', status: 'implemented', live: OWNERS, help: "show every object as root's",
    apply: ({ settings }) => { settings.squashToRoot = true },
  },
  {
    name: 'xattr_permissions', argument: 'value', fallback: '0', status: 'implemented', live: OWNERS,
    help: 'keep owners, modes and devices in extended attributes: 0 not, 1 in security.* (for root), 2 in user.*; implies noacl',
    apply: ({ settings }, value) => {
      if (!['0', '1', '2'].includes(value)) throw usage(`option 'xattr_permissions=${value}'`, 'give 0, 1 or 2')
      delete settings.xattrPermissions
      if (value === '0') return
      settings.xattrPermissions = value === '1' ? 1 : 2
      // An ACL changes the real mode, and its ids are real ones.
      settings.acl = false
    },
  },
  squash('squash_to_uid', 'squashUid', 'user'),
  squash('squash_to_gid', 'squashGid', 'group'),
]

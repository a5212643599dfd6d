/** Options that change whom objects belong to; names and values are fuse-overlayfs's. Source: fuse-overlayfs(1). */
import { parseId, parseIdMap } from './id-map.js'
import type { OptionRow } from './options.js'

function mapping(name: string, key: 'uidMap' | 'gidMap', ids: string): OptionRow {
  return {
    name, argument: 'value', status: 'implemented',
    help: `DISK:SHOWN:COUNT[:DISK:SHOWN:COUNT...], ${ids} as the branches have them and as the mount shows them`,
    apply: ({ settings }, value) => { settings[key] = parseIdMap(value, `option '${name}=${value}'`) },
  }
}

function squash(name: string, key: 'squashUid' | 'squashGid', what: string): OptionRow {
  return {
    name, argument: 'value', status: 'implemented', help: `show every object as this ${what}'s`,
    apply: ({ settings }, value) => { settings[key] = parseId(value, `option '${name}=${value}'`) },
  }
}

/** Rows of the option table. */
export const OWNER_ROWS: readonly OptionRow[] = [
  mapping('uidmapping', 'uidMap', 'user ids'),
  mapping('gidmapping', 'gidMap', 'group ids'),
  {
    name: 'squash_to_root', argument: 'none', status: 'implemented', help: "show every object as root's",
    apply: ({ settings }) => { settings.squashToRoot = true },
  },
  squash('squash_to_uid', 'squashUid', 'user'),
  squash('squash_to_gid', 'squashGid', 'group'),
]

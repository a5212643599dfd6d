/** What the control object `.tsaufs` tells of a mount, as extended attributes. */
import { formatBranch } from '../config/branches.js'
import type { Bytes } from '../os/native.js'
import type { Union } from '../union/union.js'

/** Values by key, as of now. */
export function controlValues(union: Union): Readonly<Record<string, Bytes>> {
  const { config } = union
  return {
    'user.tsaufs.branches': union.branches.map(({ spec }) => formatBranch(spec)).join(':'),
    'user.tsaufs.mountpoint': config.mountpoint,
    'user.tsaufs.pid': String(process.pid),
    'user.tsaufs.io': config.io,
    'user.tsaufs.udba': config.udba,
  }
}

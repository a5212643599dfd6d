/**
 * A configuration as JSON, for handing it to the daemon. Sets become arrays on the way; bytes stay latin1 characters.
 */
import type { BranchSpec, MountConfig, XattrClass } from './config.js'

/** JSON text of a configuration. */
export function encodeConfig(config: MountConfig): string {
  return JSON.stringify(config, (_key, value: unknown) => (value instanceof Set ? [...value] : value))
}

/** The inverse of encodeConfig; only for text that it made. */
export function decodeConfig(text: string): MountConfig {
  type Plain = Omit<MountConfig, 'flags' | 'branches'> & {
    flags: string[]
    branches: (Omit<BranchSpec, 'icex'> & { icex: XattrClass[] })[]
  }
  const plain = JSON.parse(text) as Plain
  return {
    ...plain,
    flags: new Set(plain.flags),
    branches: plain.branches.map((branch) => ({ ...branch, icex: new Set(branch.icex) })),
  }
}

/** Which devices a group may use: the controller of v1, or a program of v2. */
import { MountError } from '../../config/mount-error.js'
import { Errno } from '../../os/errno.js'
import type { OciDeviceRule } from '../oci.js'
import type { GroupPlaces } from './places.js'
import { setLimits } from './set-limits.js'
import type { Tree } from './tree.js'
import { attachDeviceRules } from './v2/devices.js'

/**
 * Set the rules. It is no error when they cannot be: who may make no nodes needs no rules, and the caller can see to that.
 * @returns undefined when they hold, else the reason
 */
export function confineDevices(places: GroupPlaces, rules: readonly OciDeviceRule[], tree: Tree): string | undefined {
  if (rules.length === 0) return undefined
  try {
    if (places.version === 1) setLimits(places, { devices: [...rules] }, tree)
    else if (places.dirs['unified'] === undefined) return 'devices: EOPNOTSUPP: no group, no rules'
    else attachDeviceRules(places.dirs['unified'], rules)
    return undefined
  } catch (error) {
    if (error instanceof MountError) return error.message
    if (error instanceof Errno) return `devices: ${error.code}: the rules cannot be set on ${error.path}`
    throw error
  }
}

/**
 * cgroups, v1 and v2 behind one interface. A container has a group in every hierarchy where we may make one
 * (`GroupPlaces`, plain JSON, kept with the container); everything else takes those places.
 */
export { changeLimits } from './change-limits.js'
export { checkLimits } from './check-limits.js'
export { describeLimits } from './describe-limits.js'
export { ALL_DEVICES, DEFAULT_DEVICE_RULES, deviceRule, parseDeviceRule } from './device-rules.js'
export { freeze, isFrozen, thaw } from './freeze.js'
export { readHierarchies, type Hierarchies } from './hierarchies.js'
export { groupPids, killGroup } from './kill-group.js'
export { LIMIT_FLAGS, limitsOf, optionKey } from './limit-flags.js'
export type { Limits } from './limits.js'
export { machine } from './machine.js'
export { groupExists, removeStray, strayGroups } from './leftovers.js'
export { makeGroup, type GroupRequest, type MadeGroup } from './make-group.js'
export { containerHierarchies, oomCounter, procsFiles, type GroupPlaces } from './places.js'
export { removeGroup } from './remove-group.js'
export { setLimits } from './set-limits.js'
export { resourcesOf } from './to-resources.js'
export { usage, type Usage } from './usage.js'

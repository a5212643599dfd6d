/**
 * What the life cycle asks of cgroups and seccomp: the record in their words.
 */
import { statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isMachineRoot } from '../daemon/process-id.js'
import { STARTER, type Bytes } from '../os/native.js'
import {
  ALL_DEVICES, containerHierarchies, DEFAULT_DEVICE_RULES, deviceRule, makeGroup, oomCounter, parseDeviceRule, procsFiles, readHierarchies,
  resourcesOf, type GroupPlaces,
} from './cgroup/index.js'
import type { CgroupHierarchy, ContainerPlanInput, OciDeviceRule } from './oci.js'
import { seccompFilter } from './seccomp/seccomp.js'
import { capabilities } from './spec/capabilities.js'
import { major, minor } from './spec/numbers.js'
import { parseSecurity } from './spec/words.js'
import type { ContainerRecord } from './store/record.js'
import { fsPath } from './text.js'

/** The static program that becomes monitors and containers (native/init). */
export const INIT: Bytes = join(dirname(STARTER), 'tsaufs-init')

/** A container's groups, made. */
export interface Group {
  readonly places: GroupPlaces
  /** What was not asked for and could not be set. */
  readonly notes: readonly string[]
  /** cgroup.procs files. */
  readonly procs: readonly string[]
  readonly oomFile: string | undefined
  readonly hierarchies: readonly CgroupHierarchy[]
}

/** Make the groups of a container with its limits. @throws MountError for a limit that was asked for and cannot be set */
export function groupOf({ id, host, limits }: ContainerRecord): Group {
  const { resources, unasked } = resourcesOf(limits)
  const hierarchies = readHierarchies()
  // Who cannot make device nodes needs no rules for them.
  const devices = isMachineRoot() ? deviceRules(host) : []
  const { places, notes } = makeGroup({
    id, ...(host.cgroupParent === '' ? {} : { parent: host.cgroupParent }), resources: { ...resources, devices }, unasked,
  }, hierarchies)
  return {
    places, notes, procs: procsFiles(places), oomFile: oomCounter(places), hierarchies: containerHierarchies(places, hierarchies),
  }
}

function deviceRules(host: ContainerRecord['host']): OciDeviceRule[] {
  if (host.privileged) return [...ALL_DEVICES]
  const given = host.devices.map(({ pathOnHost, permissions }) => {
    const stat = statSync(fsPath(pathOnHost))
    return deviceRule(stat.isBlockDevice() ? 'b' : 'c', major(stat.rdev), minor(stat.rdev), permissions)
  })
  return [...DEFAULT_DEVICE_RULES, ...given, ...host.deviceCgroupRules.map(parseDeviceRule)]
}

/** The filter for a container's programs. @param note gets what a profile says and the kernel does not know */
export function seccompOf({ host }: ContainerRecord, note: (line: string) => void): Pick<ContainerPlanInput, 'seccompFilter' | 'seccompFlags'> {
  const { seccomp = 'builtin' } = parseSecurity(host.securityOpt, host.privileged)
  const filter = seccompFilter(seccomp, capabilities(host.capAdd, host.capDrop, host.privileged))
  if (filter === undefined) return {}
  filter.notes.forEach(note)
  return { seccompFilter: filter.program, seccompFlags: filter.flags }
}

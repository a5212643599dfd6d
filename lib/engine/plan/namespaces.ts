/** Namespaces of a configuration: which are made, which are joined, and the maps of a user namespace. */
import type { ContainerPlanInput, NamespaceType, OciIdMapping } from '../oci.js'
import { Op, PlanError, record, text, u32, u64, type Field, type PlanRecord } from './wire.js'

/** CLONE_NEW* of linux/sched.h. */
export const CloneFlag: Readonly<Record<NamespaceType, number>> = {
  time: 0x80,
  mount: 0x20000,
  cgroup: 0x02000000,
  uts: 0x04000000,
  ipc: 0x08000000,
  user: 0x10000000,
  pid: 0x20000000,
  network: 0x40000000,
}

/** Which namespaces are the container's own, and which it shares by path. Others are the host's. */
export interface NamespacePlan {
  made: ReadonlySet<NamespaceType>
  joined: ReadonlyMap<NamespaceType, string>
}

/**
 * Sort the namespaces of a configuration.
 * @throws PlanError when a type is unknown or given twice, or when there is no mount namespace of its own: the root of
 *   the host would be replaced.
 */
export function sortNamespaces({ config }: ContainerPlanInput): NamespacePlan {
  const made = new Set<NamespaceType>()
  const joined = new Map<NamespaceType, string>()
  for (const { type, path } of config.linux.namespaces ?? []) {
    if (!Object.hasOwn(CloneFlag, type)) throw new PlanError(`unknown namespace ${type}`)
    if (made.has(type) || joined.has(type)) throw new PlanError(`namespace ${type} is given twice`)
    if (path === undefined || path === '') made.add(type)
    else if (path.startsWith('/')) joined.set(type, path)
    else throw new PlanError(`namespace ${type}: ${path} is not an absolute path`)
  }
  if (!made.has('mount')) throw new PlanError('a container needs a mount namespace of its own')
  return { made, joined }
}

function mapFields(maps: readonly OciIdMapping[]): Field[] {
  return [u32(maps.length), ...maps.flatMap(({ containerID, hostID, size }) => [u32(containerID), u32(hostID), u32(size)])]
}

function mapRecords({ config: { linux }, idMapper }: ContainerPlanInput): PlanRecord[] {
  const uids = linux.uidMappings ?? []
  const gids = linux.gidMappings ?? []
  if (uids.length === 0 || gids.length === 0) throw new PlanError('a user namespace needs uidMappings and gidMappings')
  const byTool = idMapper === 'newidmap'
  return [record(Op.ID_MAPS, u32(Number(byTool)), u32(Number(idMapper === 'self')), ...mapFields(uids), ...mapFields(gids))]
}

/**
 * Settings that make and join namespaces. Not among those made at once: the cgroup namespace, whose root is where its
 * first process is, and a late mount namespace; they are steps.
 */
export function namespaceSettings(input: ContainerPlanInput, { made, joined }: NamespacePlan): PlanRecord[] {
  let flags = 0
  for (const type of made) {
    if (type === 'cgroup' || (type === 'mount' && input.lateMountNamespace)) continue
    flags |= CloneFlag[type]
  }
  const list = [...joined].flatMap(([type, path]) => [u32(CloneFlag[type]), text(path)])
  const records = [record(Op.NAMESPACES, u32(flags), u32(joined.size), ...list)]
  if (made.has('user')) records.push(...mapRecords(input))
  const offsets = input.config.linux.timeOffsets
  if (offsets !== undefined) {
    if (!made.has('time')) throw new PlanError('timeOffsets need a time namespace of the container')
    const clock = (of: { secs?: number, nanosecs?: number } = {}): Field[] => [u64(of.secs ?? 0), u32(of.nanosecs ?? 0)]
    records.push(record(Op.TIME_OFFSETS, ...clock(offsets.monotonic), ...clock(offsets.boottime)))
  }
  return records
}

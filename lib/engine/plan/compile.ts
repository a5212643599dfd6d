/** A configuration becomes a plan: pure functions, nothing is looked at or changed. */
import type { ContainerPlanInput, ExecPlanInput } from '../oci.js'
import { deviceSteps } from './devices.js'
import { Attribute, Propagation, propagationOf } from './mount-options.js'
import { cleanPath, MountPlanner } from './mounts.js'
import { CloneFlag, namespaceSettings, sortNamespaces, type NamespacePlan } from './namespaces.js'
import { consoleSteps, programSettings, programSteps } from './program.js'
import { sysctlSteps } from './sysctls.js'
import { encodePlan, Op, PlanError, record, text, u32, u64, type PlanRecord } from './wire.js'

/** How the host's mounts look on the container's side before anything is mounted: never shared. */
function cutOff(rootfsPropagation: string | undefined): PlanRecord {
  const isPrivate = rootfsPropagation !== undefined && propagationOf(rootfsPropagation)?.kind === Propagation.PRIVATE
  return record(Op.PROPAGATION, u32(Number(Propagation.REC | (isPrivate ? Propagation.PRIVATE : Propagation.SLAVE))))
}

/** The root as it is afterwards: read-only, and with the propagation asked for. */
function finishRoot({ config, rootNodev }: ContainerPlanInput): { before: PlanRecord[], after: PlanRecord[] } {
  const attributes = (set: bigint, recursive: boolean, propagation: bigint): PlanRecord =>
    record(Op.ATTRIBUTES, text('/'), u64(set), u64(0), u32(Number(recursive)), u64(propagation))
  const flags = (config.root.readonly === true ? Attribute.RDONLY : 0n) | (rootNodev === true ? Attribute.NODEV : 0n)
  const before = flags === 0n ? [] : [attributes(flags, false, 0n)]
  const word = config.linux.rootfsPropagation
  if (word === undefined || word === '') return { before, after: [] }
  const propagation = propagationOf(word)
  if (propagation === undefined) throw new PlanError(`unknown propagation of the root: ${word}`)
  return { before, after: [attributes(0n, propagation.all, propagation.kind)] }
}

/** Up to the root descriptor: namespaces that come late, the go, and everything that is opened by the host's paths. */
function openSteps(input: ContainerPlanInput, { made }: NamespacePlan, planner: MountPlanner): PlanRecord[] {
  const { config, lateMountNamespace, waitForGo } = input
  const cut = [...planner.steps.tied, cutOff(config.linux.rootfsPropagation)]
  const go = waitForGo === true ? [record(Op.GO)] : []
  const root = cleanPath(config.root.path, 'the path of the root')
  if (!config.root.path.startsWith('/')) throw new PlanError(`the root is not an absolute path: ${config.root.path}`)
  return [
    ...(made.has('cgroup') ? [record(Op.UNSHARE, u32(CloneFlag.cgroup))] : []),
    ...(lateMountNamespace === true ? [...go, record(Op.UNSHARE, u32(CloneFlag.mount)), ...cut] : [...cut, ...go]),
    ...planner.steps.sources,
    record(Op.ROOT, text(root)),
  ]
}

/**
 * Compile a container.
 * @returns the plan's bytes, for descriptor 3 of `tsaufs-init monitor`
 * @throws PlanError when the configuration asks for what cannot be had; the message is for people.
 */
export function compileContainer(input: ContainerPlanInput): Buffer {
  const { config } = input
  const { linux } = config
  const namespaces = sortNamespaces(input)
  const { made, joined } = namespaces
  const planner = new MountPlanner(input.cgroupHierarchies, made.has('cgroup') || joined.has('cgroup'))
  for (const mount of config.mounts ?? []) planner.add(mount)
  const inUserNamespace = made.has('user') || joined.has('user')
  if (config.hostname !== undefined && !made.has('uts') && !joined.has('uts')) throw new PlanError('a host name needs a uts namespace of the container')
  const root = finishRoot(input)
  return encodePlan([
    ...namespaceSettings(input, namespaces),
    ...programSettings(config.process, input),
    ...openSteps(input, namespaces, planner),
    ...(inUserNamespace ? [record(Op.BECOME_ROOT)] : []),
    ...(made.has('network') ? [record(Op.LOOPBACK)] : []),
    ...planner.steps.mounts,
    ...deviceSteps(config, inUserNamespace || input.bindDevices === true),
    ...consoleSteps(input, config.process, true),
    record(Op.MKDIR, text(cleanPath(config.process.cwd, 'the working directory'))),
    ...(config.hostname === undefined ? [] : [record(Op.HOSTNAME, text(config.hostname))]),
    ...(config.domainname === undefined ? [] : [record(Op.DOMAINNAME, text(config.domainname))]),
    ...sysctlSteps(linux.sysctl, namespaces),
    ...(linux.readonlyPaths ?? []).map(path => record(Op.READONLY_PATH, text(cleanPath(path, 'a read-only path')))),
    ...(linux.maskedPaths ?? []).map(path => record(Op.MASK, text(cleanPath(path, 'a masked path')))),
    ...root.before,
    record(Op.PIVOT),
    ...root.after,
    ...programSteps(config.process, input, input.init === true),
  ])
}

/**
 * Compile one more program in a container that runs.
 * @returns the plan's bytes, for descriptor 3 of `tsaufs-init exec`
 * @throws PlanError as `compileContainer`.
 */
export function compileExec(input: ExecPlanInput): Buffer {
  return encodePlan([
    record(Op.NAMESPACES, u32(0), u32(0)),
    record(Op.TARGET, u32(input.target.pid), u64(input.target.start)),
    ...programSettings(input.process, input),
    ...(input.waitForGo === true ? [record(Op.GO)] : []),
    ...consoleSteps(input, input.process, false),
    ...programSteps(input.process, input, false),
  ])
}

/** Mounts of a configuration as steps: sources first, while the host's paths are there, then each at its place. */
import { posix } from 'node:path'
import type { CgroupHierarchy, OciMount } from '../oci.js'
import { Attribute, readMountOptions, type MountOptions } from './mount-options.js'
import { Op, PlanError, record, text, u32, u64, type PlanRecord } from './wire.js'

const SOURCES_MAX = 512
/** Bits of OP_MOUNT's flags, native/init/step-mounts.c. */
const MOUNT_ON_PROC = 1
const MOUNT_STRICT = 2
/** Files of procfs that may be covered, as runc has them (lxcfs does that); nothing else on procfs is a place to mount. */
const PROC_PLACES = new Set(['cpuinfo', 'diskstats', 'meminfo', 'stat', 'swaps', 'uptime', 'loadavg', 'slabinfo'].map(name => `/proc/${name}`))
const OPTION_FLAG = 0
const OPTION_STRING = 1

/** Steps of all mounts, in the three places of a plan where they stand. */
export interface MountSteps {
  /** Sources that keep their ties to the host (`shared`): before the mounts of the host are cut off. */
  tied: PlanRecord[]
  sources: PlanRecord[]
  mounts: PlanRecord[]
}

/** An absolute path of the container without `.`, `..` and doubled slashes. */
export function cleanPath(path: string, what: string): string {
  if (path === '') throw new PlanError(`${what} is empty`)
  return posix.normalize(`/${path}`).replace(/(?<=.)\/$/, '')
}

interface Order {
  type: string
  source: string
  target: string
  tree: number
  options: MountOptions
}

function mountRecord({ type, source, target, tree, options }: Order): PlanRecord {
  let flags = 0
  if (PROC_PLACES.has(target)) flags |= MOUNT_ON_PROC
  if (type === 'proc' || type === 'sysfs') flags |= MOUNT_STRICT
  const data = options.data.flatMap(({ key, value }) => [u32(value === null ? OPTION_FLAG : OPTION_STRING), text(key), text(value ?? '')])
  return record(
    Op.MOUNT, text(type), text(source), text(target), u32(tree), u32(flags),
    u64(options.set), u64(options.clear), u64(options.setAll), u64(options.clearAll),
    u64(options.propagation), u32(Number(options.propagationAll)), u32(options.data.length), ...data,
  )
}

/** Turns mounts into steps, one after the other. */
export class MountPlanner {
  readonly steps: MountSteps = { tied: [], sources: [], mounts: [] }
  #sources = 0
  readonly #hierarchies: readonly CgroupHierarchy[] | undefined
  readonly #ownCgroups: boolean

  /**
   * @param hierarchies  what a mount of type `cgroup` consists of
   * @param ownCgroups   the container has a cgroup namespace; else its directories are bind-mounted
   */
  constructor(hierarchies: readonly CgroupHierarchy[] | undefined, ownCgroups: boolean) {
    this.#hierarchies = hierarchies
    this.#ownCgroups = ownCgroups
  }

  /** @throws PlanError when the mount cannot be had as it is written. */
  add(mount: OciMount): void {
    const target = cleanPath(mount.destination, 'the destination of a mount')
    if (target === '/') throw new PlanError('nothing can be mounted on /')
    const options = readMountOptions(mount.options ?? [])
    if (mount.type === 'cgroup') this.#addCgroups(target, options)
    else if (options.bind !== 'none' || mount.type === 'bind') this.#addBind(mount.source ?? '', target, options)
    else this.#addFileSystem(mount.type ?? '', mount.source ?? '', target, options)
  }

  #addFileSystem(type: string, source: string, target: string, options: MountOptions): void {
    if (type === '') throw new PlanError(`the mount on ${target} has no type`)
    this.steps.mounts.push(mountRecord({ type, source, target, tree: -1, options }))
  }

  #addBind(source: string, target: string, options: MountOptions): void {
    if (!source.startsWith('/')) throw new PlanError(`the source of the mount on ${target} is not an absolute path: ${source}`)
    if (this.#sources === SOURCES_MAX) throw new PlanError(`more than ${SOURCES_MAX} bind mounts`)
    if (options.data.length > 0) throw new PlanError(`the mount on ${target}: option ${options.data[0]!.key} is none of a bind mount`)
    const tree = this.#sources++
    const open = record(Op.SOURCE, u32(tree), text(source), u32(Number(options.bind !== 'bind')))
    const isTied = options.propagation === 1n << 20n
    this.steps[isTied ? 'tied' : 'sources'].push(open)
    this.steps.mounts.push(mountRecord({ type: '', source: '', target, tree, options }))
  }

  /** cgroup v2 is one mount; v1 a directory of them, closed once all is in it. */
  #addCgroups(target: string, options: MountOptions): void {
    const hierarchies = this.#hierarchies
    if (hierarchies === undefined || hierarchies.length === 0) throw new PlanError(`the mount on ${target}: no cgroup hierarchies are known`)
    const only = hierarchies.length === 1 && hierarchies[0]!.name === '' ? hierarchies[0]! : undefined
    if (only !== undefined) return this.#addHierarchy(only, target, options)
    const frame = { ...options, set: options.set & ~Attribute.RDONLY, data: [{ key: 'mode', value: '755' }] }
    this.steps.mounts.push(mountRecord({ type: 'tmpfs', source: 'tmpfs', target, tree: -1, options: frame }))
    for (const hierarchy of hierarchies) {
      this.#addHierarchy(hierarchy, `${target}/${cleanPath(hierarchy.name, 'the name of a hierarchy').slice(1)}`, options)
      for (const link of hierarchy.links) {
        if (link === hierarchy.name) continue
        this.steps.mounts.push(record(Op.SYMLINK, text(hierarchy.name), text(`${target}/${link}`)))
      }
    }
    if ((options.set & Attribute.RDONLY) === 0n) return
    this.steps.mounts.push(record(Op.ATTRIBUTES, text(target), u64(Attribute.RDONLY), u64(0), u32(0), u64(0)))
  }

  #addHierarchy({ options: words, path }: CgroupHierarchy, target: string, options: MountOptions): void {
    if (!this.#ownCgroups) return this.#addBind(path, target, { ...options, bind: 'bind', data: [] })
    const data = words.map(word => {
      const [, key, value] = /^([^=]*)(?:=(.*))?$/s.exec(word) ?? []
      return { key: key!, value: value ?? null }
    })
    this.#addFileSystem(words.length === 0 ? 'cgroup2' : 'cgroup', 'cgroup', target, { ...options, data })
  }
}

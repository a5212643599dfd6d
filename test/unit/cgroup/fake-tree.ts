/** A cgroup file system in memory: groups with files, that knows permissions, processes and the order of writes. */
import { dirname } from 'node:path'
import type { Tree } from '../../../lib/engine/cgroup/tree.js'

function failure(code: string): Error {
  return Object.assign(new Error(code), { code })
}

export class FakeTree implements Tree {
  /** Every write, `FILE=VALUE`. */
  readonly writes: string[] = []
  readonly files = new Map<string, string>()
  readonly dirs = new Set<string>()
  /** Path → errno name of a write or mkdir there. */
  readonly refused = new Map<string, string>()
  readonly readOnly = new Set<string>()
  readonly filesOf: (dir: string) => Readonly<Record<string, string>>

  /** @param filesOf names of the files that a new group in `dir` gets, with their text */
  constructor(filesOf: (dir: string) => Readonly<Record<string, string>>) {
    this.filesOf = filesOf
  }

  /** A group that is there from the start. */
  group(dir: string, files: Readonly<Record<string, string>> = {}): this {
    this.dirs.add(dir)
    for (const [name, text] of Object.entries({ ...this.filesOf(dir), ...files })) this.files.set(`${dir}/${name}`, text)
    return this
  }

  mkdir(dir: string): void {
    this.#refuse(dir)
    if (this.dirs.has(dir)) throw failure('EEXIST')
    if (!this.dirs.has(dirname(dir))) throw failure('ENOENT')
    this.group(dir)
  }
  rmdir(dir: string): void {
    if (!this.dirs.has(dir)) throw failure('ENOENT')
    if (this.groups(dir).length > 0) throw failure('ENOTEMPTY')
    if ((this.files.get(`${dir}/cgroup.procs`) ?? '') !== '') throw failure('EBUSY')
    this.dirs.delete(dir)
    for (const file of this.files.keys()) if (dirname(file) === dir) this.files.delete(file)
  }
  write(file: string, value: string): void {
    this.#refuse(file)
    if (!this.files.has(file)) throw failure('ENOENT')
    this.writes.push(`${file}=${value}`)
    if (file.endsWith('cgroup.subtree_control')) value = `${this.files.get(file)} ${value.slice(1)}`.trim()
    this.files.set(file, value)
  }
  read(file: string): string {
    const text = this.files.get(file)
    if (text === undefined) throw failure('ENOENT')
    return text
  }
  exists(path: string): boolean {
    return this.files.has(path) || this.dirs.has(path)
  }
  writable(path: string): boolean {
    return this.exists(path) && !this.readOnly.has(path)
  }
  groups(dir: string): string[] {
    if (!this.dirs.has(dir)) throw failure('ENOENT')
    return [...this.dirs].filter((each) => dirname(each) === dir).map((each) => each.slice(dir.length + 1))
  }
  #refuse(path: string): void {
    const code = this.refused.get(path)
    if (code !== undefined) throw failure(code)
  }
}

const V1_FILES: Readonly<Record<string, readonly string[]>> = {
  memory: ['memory.limit_in_bytes', 'memory.memsw.limit_in_bytes', 'memory.soft_limit_in_bytes', 'memory.swappiness', 'memory.oom_control'],
  cpu: ['cpu.shares', 'cpu.cfs_period_us', 'cpu.cfs_quota_us'],
  cpuset: ['cpuset.cpus', 'cpuset.mems'],
  pids: ['pids.max'],
  blkio: ['blkio.throttle.read_bps_device', 'blkio.throttle.write_bps_device'],
  devices: ['devices.allow', 'devices.deny'],
  freezer: ['freezer.state'],
}

/** A machine with every controller in a v1 hierarchy of its own below /cg; our processes are in memory's /ours. */
export function v1Machine(): { tree: FakeTree, memberships: string, mountinfo: string } {
  const tree = new FakeTree((dir) => {
    const names = V1_FILES[dir.split('/')[2]!] ?? []
    return Object.fromEntries(['cgroup.procs', ...names].map((name) => [name, '']))
  })
  const names = Object.keys(V1_FILES)
  for (const name of names) tree.group(`/cg/${name}`, name === 'cpuset' ? { 'cpuset.cpus': '0-3\n', 'cpuset.mems': '0\n' } : {})
  tree.group('/cg/memory/ours')
  return {
    tree,
    memberships: names.map((name, i) => `${i + 1}:${name}:${name === 'memory' ? '/ours' : '/'}`).join('\n'),
    mountinfo: names.map((name, i) => `${30 + i} 23 0:${30 + i} / /cg/${name} rw - cgroup cgroup rw,${name}`).join('\n'),
  }
}

const V2_FILES: Readonly<Record<string, readonly string[]>> = {
  memory: ['memory.max', 'memory.swap.max', 'memory.low'],
  cpu: ['cpu.weight', 'cpu.max'],
  cpuset: ['cpuset.cpus', 'cpuset.mems'],
  io: ['io.weight', 'io.max'],
  pids: ['pids.max'],
}

/** A machine with cgroup v2 at /cg; we are in `own`. A group has the files of the controllers its parent gives. */
export function v2Machine(own: string): { tree: FakeTree, memberships: string, mountinfo: string } {
  const tree: FakeTree = new FakeTree((dir) => {
    const given = (tree.files.get(`${dirname(dir)}/cgroup.subtree_control`) ?? '').split(' ').filter((name) => name !== '')
    const names = ['cgroup.procs', 'cgroup.subtree_control', 'cgroup.events', ...given.flatMap((name) => V2_FILES[name] ?? [])]
    return { ...Object.fromEntries(names.map((name) => [name, ''])), 'cgroup.controllers': given.join(' ') }
  })
  tree.group('/cg', { 'cgroup.controllers': 'cpuset cpu io memory pids' })
  tree.files.delete('/cg/cgroup.events')
  return { tree, memberships: `0::${own}\n`, mountinfo: '30 23 0:30 / /cg rw - cgroup2 cgroup2 rw\n' }
}

/**
 * The OCI runtime configuration, as much of it as the launcher uses, and what the launcher adds to it. Names are those
 * of the specification, so that a config.json can be written and read as it is.
 *
 * Source: opencontainers/runtime-spec, config.md and config-linux.md (1.2).
 */

export type NamespaceType = 'pid' | 'network' | 'mount' | 'ipc' | 'uts' | 'user' | 'cgroup' | 'time'

/** Without `path` a new namespace; with it (`/proc/PID/ns/net`) one that exists. A type that is not listed: the host's. */
export interface OciNamespace {
  type: NamespaceType
  path?: string
}

export interface OciIdMapping {
  containerID: number
  hostID: number
  size: number
}

export interface OciUser {
  uid: number
  gid: number
  umask?: number
  additionalGids?: number[]
}

/** Names as `CAP_CHOWN`. A set that is missing is empty. */
export interface OciCapabilities {
  bounding?: string[]
  effective?: string[]
  inheritable?: string[]
  permitted?: string[]
  ambient?: string[]
}

/** `type` as `RLIMIT_NOFILE`; RLIM_INFINITY is 2^64-1 in the file, `-1` and `Infinity` are taken for it as well. */
export interface OciRlimit {
  type: string
  soft: number
  hard: number
}

export interface OciProcess {
  terminal?: boolean
  consoleSize?: { height: number, width: number }
  cwd: string
  env?: string[]
  args: string[]
  user: OciUser
  capabilities?: OciCapabilities
  rlimits?: OciRlimit[]
  noNewPrivileges?: boolean
  oomScoreAdj?: number
}

export interface OciRoot {
  path: string
  readonly?: boolean
}

/** Options as mount(8) has them, and those of the spec: `bind`, `rbind`, `ro`, `rro`, `rprivate`, ... */
export interface OciMount {
  destination: string
  type?: string
  source?: string
  options?: string[]
}

/** A device node. `type` is `c`, `u` (as c), `b` or `p`; `fileMode` without the type bits. */
export interface OciDevice {
  path: string
  type: string
  major?: number
  minor?: number
  fileMode?: number
  uid?: number
  gid?: number
}

/** A rule of the device controller; a missing number is "any". */
export interface OciDeviceRule {
  allow: boolean
  type?: string
  major?: number
  minor?: number
  access?: string
}

export interface OciResources {
  devices?: OciDeviceRule[]
  memory?: {
    limit?: number
    reservation?: number
    swap?: number
    kernel?: number
    swappiness?: number
    disableOOMKiller?: boolean
  }
  cpu?: {
    shares?: number
    quota?: number
    period?: number
    burst?: number
    realtimeRuntime?: number
    realtimePeriod?: number
    cpus?: string
    mems?: string
    idle?: number
  }
  pids?: { limit: number }
  blockIO?: {
    weight?: number
    weightDevice?: { major: number, minor: number, weight?: number }[]
    throttleReadBpsDevice?: OciThrottle[]
    throttleWriteBpsDevice?: OciThrottle[]
    throttleReadIOPSDevice?: OciThrottle[]
    throttleWriteIOPSDevice?: OciThrottle[]
  }
  hugepageLimits?: { pageSize: string, limit: number }[]
  /** cgroup v2: file name -> what is written to it. */
  unified?: Record<string, string>
}

export interface OciThrottle {
  major: number
  minor: number
  rate: number
}

export interface OciSeccompArg {
  index: number
  value: number | bigint
  valueTwo?: number | bigint
  op: string
}

export interface OciSyscallRule {
  names: string[]
  action: string
  errnoRet?: number
  args?: OciSeccompArg[]
}

export interface OciSeccomp {
  defaultAction: string
  defaultErrnoRet?: number
  architectures?: string[]
  flags?: string[]
  syscalls?: OciSyscallRule[]
}

export interface OciLinux {
  namespaces?: OciNamespace[]
  uidMappings?: OciIdMapping[]
  gidMappings?: OciIdMapping[]
  timeOffsets?: { monotonic?: { secs?: number, nanosecs?: number }, boottime?: { secs?: number, nanosecs?: number } }
  devices?: OciDevice[]
  cgroupsPath?: string
  resources?: OciResources
  /** `shared`, `slave`, `private`, `unbindable`, each also with a leading `r`. */
  rootfsPropagation?: string
  seccomp?: OciSeccomp
  sysctl?: Record<string, string>
  maskedPaths?: string[]
  readonlyPaths?: string[]
}

/** Hooks are in the specification; the launcher runs none. */
export interface OciConfig {
  ociVersion: string
  process: OciProcess
  root: OciRoot
  hostname?: string
  domainname?: string
  mounts?: OciMount[]
  linux: OciLinux
  annotations?: Record<string, string>
}

/**
 * Where descriptors 0, 1 and 2 of the program lead. `pipes`: to the monitor (without `stdin`: /dev/null is 0); `tty`: a
 * pseudo terminal of the container's own devpts; `null`: /dev/null thrice.
 */
export type ProgramIo =
  | { kind: 'pipes', stdin: boolean }
  | { kind: 'tty', stdin: boolean, rows?: number, columns?: number }
  | { kind: 'null' }

/** One cgroup hierarchy of the host, for a mount of type `cgroup` in the container. */
export interface CgroupHierarchy {
  /** Name of its directory below /sys/fs/cgroup, `cpu,cpuacct`; empty for a host that has only cgroup v2. */
  name: string
  /** Options that mount it, `['cpu', 'cpuacct']`, `['none', 'name=systemd']`; empty for v2. */
  options: string[]
  /** Other names that are links to it, `['cpu', 'cpuacct']`. */
  links: string[]
  /** The container's directory in it on the host, bind-mounted when the container has no cgroup namespace of its own. */
  path: string
}

/** What the launcher says about a program beside its OCI process: the same for `run` and `exec`. */
export interface ProgramExtras {
  io: ProgramIo
  /** Ids of the host that the pipes belong to at first: those of a user namespace's root, who may then give them away. */
  ioOwner?: { uid: number, gid: number }
  /** `name`, `uid`, `name:group`, `uid:gid`: looked up in the container's own passwd and group; replaces `process.user`. */
  user?: string
  /** More groups, by name in the container's own group file or as numbers (`--group-add`). */
  groups?: string[]
  /** Write log.json. */
  log: boolean
  /** Descriptor 6 is the stream of a client that is attached from the start (frames of ENGINE's attach.sock). */
  attached?: boolean
  /** cgroup.procs files that the parent writes the program's pid into before it goes on. */
  cgroupProcs: string[]
  /** memory.oom_control (v1) or memory.events (v2): its `oom_kill` count grows when the container was killed for memory. */
  oomFile?: string
  /** Print {"created":PID} on descriptor 4, then wait for one byte on descriptor 5 before the root is built. */
  waitForGo?: boolean
  /** argv that the monitor becomes when all is over. */
  exitCommand?: string[]
  /** Sent to the program when the monitor itself is asked to end (SIGTERM). Default 15. */
  stopSignal?: number
  /** A compiled seccomp program: struct sock_filter[], 8 bytes each. */
  seccompFilter?: Uint8Array
  /** Flags of seccomp(2), SECCOMP_FILTER_FLAG_*. */
  seccompFlags?: number
}

/** Everything `tsaufs-init monitor` is told. */
export interface ContainerPlanInput extends ProgramExtras {
  config: OciConfig
  /** A small init is process 1: it reaps and passes signals on (`--init`). */
  init?: boolean
  /** Device nodes on the root cannot be opened. */
  rootNodev?: boolean
  /** Make the mount namespace only after the go, so that what the host mounts until then is in it. */
  lateMountNamespace?: boolean
  /**
   * How the id maps are written: `direct` needs the privilege; `self` is a map of the caller's own uid and gid, for which
   * setgroups is given up; `newidmap` calls newuidmap and newgidmap.
   */
  idMapper?: 'direct' | 'self' | 'newidmap'
  /** The monitor is in a user namespace itself: devices of the host are mounted, for no nodes can be made. */
  bindDevices?: boolean
  /** For mounts of type `cgroup`. */
  cgroupHierarchies?: CgroupHierarchy[]
}

/** A process, named so that a number used twice is noticed: `start` is field 22 of /proc/PID/stat, in clock ticks. */
export interface ProcessName {
  pid: number
  start: number
}

/** Everything `tsaufs-init exec` is told: the process whose namespaces are joined, and the program. */
export interface ExecPlanInput extends ProgramExtras {
  target: ProcessName
  process: OciProcess
}

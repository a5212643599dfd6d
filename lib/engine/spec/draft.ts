/**
 * From the flags of `run` and `create` to a record. Everything that can be wrong with a command line is said here, before
 * anything is made.
 */
import { realpathSync, statSync } from 'node:fs'
import { hostname as ownHostname } from 'node:os'
import type { Bytes } from '../../os/native.js'
import { absolute } from '../../config/syntax.js'
import { seccompFilter } from '../seccomp/seccomp.js'
import { codeOf, failure, usage } from '../error.js'
import { newId, shortId } from '../store/ids.js'
import { now, type ContainerRecord, type HostConfig } from '../store/record.js'
import { checkLimits, limitsOf, machine, parseDeviceRule, readHierarchies } from '../cgroup/index.js'
import { networkRequest, type NetworkFlags } from '../network/index.js'
import { parseRam } from '../cgroup/size.js'
import { isMachineRoot } from '../../daemon/process-id.js'
import { bytesOf, fsPath } from '../text.js'
import { normalCapability } from './capabilities.js'
import { readEnv } from './env.js'
import { parseTimeOffset } from './time-offset.js'
import { parseUserns, type UserNamespaceFlags } from './userns.js'
import { checkMounts, parseMount, parseTmpfs, parseVolume, parseVolumesFrom } from './mounts.js'
import {
  checkDns, checkExtraHost, checkResolvWord, parseDevice, parseRestart, parseSecurity, parseUlimit, readPairs, signalNumber,
} from './words.js'

/** The flags by commander's names. Lists are empty, words empty when they were not given. */
export interface RunFlags extends NetworkFlags, UserNamespaceFlags {
  readonly rootfs: Bytes
  readonly name: string
  readonly env: readonly Bytes[]
  readonly envFile: readonly Bytes[]
  readonly workdir: Bytes
  readonly user: Bytes
  readonly volume: readonly Bytes[]
  readonly volumesFrom: readonly string[]
  readonly mount: readonly Bytes[]
  readonly tmpfs: readonly Bytes[]
  readonly readOnly?: true
  readonly hostname: Bytes
  readonly domainname: Bytes
  readonly addHost: readonly Bytes[]
  readonly dns: readonly string[]
  readonly dnsSearch: readonly string[]
  readonly dnsOption: readonly string[]
  readonly capAdd: readonly string[]
  readonly capDrop: readonly string[]
  readonly privileged?: true
  readonly device: readonly Bytes[]
  readonly deviceCgroupRule: readonly string[]
  readonly ulimit: readonly string[]
  readonly sysctl: readonly string[]
  readonly entrypoint?: Bytes
  readonly annotation: readonly string[]
  readonly label: readonly string[]
  readonly labelFile: readonly Bytes[]
  readonly rm?: true
  readonly shmSize: string
  readonly stopSignal: string
  readonly stopTimeout: string
  readonly timens: string
  readonly timeOffset: string
  readonly pid: string
  readonly ipc: string
  readonly uts: string
  readonly cgroupns: string
  readonly cgroupParent: string
  readonly groupAdd: readonly string[]
  readonly init?: true
  readonly interactive?: true
  readonly tty?: true
  readonly securityOpt: readonly Bytes[]
  readonly oomScoreAdj: string
  readonly restart: string
  readonly logDriver: string
}

const SHM_SIZE = 64 << 20
const STOP_TIMEOUT_S = 10
const CONTAINER = /^container:(.+)$/

/** The directories of `--rootfs DIR[:DIR...]`, top first, links followed. @throws MountError for one that is none */
export function rootfsLayers(text: Bytes, cwd: Bytes): Bytes[] {
  return text.split(':').map((dir) => {
    try {
      if (dir === '') throw usage(`--rootfs ${text}`, 'a directory between two colons is missing')
      const real = realpathSync.native(fsPath(absolute(dir, cwd)), { encoding: 'latin1' })
      if (!statSync(fsPath(real)).isDirectory()) throw failure(`--rootfs ${dir}`, 'ENOTDIR', 'it is no directory', 125)
      return real
    } catch (error) {
      const code = codeOf(error)
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error
      throw failure(`--rootfs ${dir}`, code ?? 'EIO', 'the directory cannot be used', 125)
    }
  })
}

/** The record of a new container. @param words the command and its arguments @param note gets what is odd and no mistake */
export function draftRecord(flags: RunFlags, words: readonly Bytes[], cwd: Bytes, note: (line: string) => void): ContainerRecord {
  const id = newId()
  const host = hostConfig(flags, cwd)
  const entrypoint = flags.entrypoint === undefined ? null : flags.entrypoint === '' ? [] : [flags.entrypoint]
  if (words.length === 0 && (entrypoint ?? []).length === 0) throw usage('run', 'No command specified')
  if (words.concat(entrypoint ?? []).some((word) => word.includes('\0'))) throw usage('run', 'an argument cannot hold a NUL byte')
  if (flags.workdir !== '' && !flags.workdir.startsWith('/')) {
    throw usage(`--workdir ${flags.workdir}`, `the working directory '${flags.workdir}' is invalid, it needs to be an absolute path`)
  }
  const stopTimeout = flags.stopTimeout === '' ? STOP_TIMEOUT_S : wholeNumber('--stop-timeout', flags.stopTimeout, -1)
  if (flags.stopSignal !== '') signalNumber(`--stop-signal ${flags.stopSignal}`, flags.stopSignal)
  return {
    id, name: flags.name, created: now(), image: flags.rootfs, layers: rootfsLayers(flags.rootfs, cwd),
    config: {
      hostname: hostname(flags, id), domainname: flags.domainname, user: flags.user === '' && flags.userns.startsWith('keep-id') ? parseUserns(flags).user ?? '' : flags.user, tty: flags.tty === true,
      openStdin: flags.interactive === true, env: readEnv(flags.envFile, flags.env), entrypoint, cmd: words,
      workingDir: flags.workdir === '' ? '' : absolute(flags.workdir, '/'),
      labels: readPairs('--label', flags.label, flags.labelFile),
      stopSignal: flags.stopSignal === '' ? 'SIGTERM' : flags.stopSignal, stopTimeout,
    },
    host, network: networkRequest(flags, isMachineRoot()), limits: limits(flags, note),
  }
}

function hostname({ hostname, uts, network }: RunFlags, id: string): Bytes {
  if (hostname !== '' && uts !== '' && uts !== 'private') throw usage(`--hostname ${hostname}`, 'conflicting options: hostname and the UTS mode')
  if (hostname !== '' && !/^[a-zA-Z0-9_.-]{1,64}$/.test(hostname)) throw usage(`--hostname ${hostname}`, `invalid hostname format: ${hostname}`)
  if (hostname !== '' && network?.startsWith('container:') === true) throw usage(`--hostname ${hostname}`, 'conflicting options: hostname and the network mode')
  if (hostname !== '') return hostname
  return uts === 'host' || network === 'host' ? bytesOf(ownHostname()) : shortId(id)
}

/** `seccomp=FILE` with a file that will be found from everywhere. @throws MountError when it is no profile */
function profileInPlace(option: Bytes, cwd: Bytes): Bytes {
  const [, file] = /^seccomp[=:](.+)$/s.exec(option) ?? []
  if (file === undefined || file === 'unconfined' || file === 'builtin') return option
  seccompFilter(absolute(file, cwd), [])
  return `seccomp=${absolute(file, cwd)}`
}

function hostConfig(flags: RunFlags, cwd: Bytes): HostConfig {
  const mounts = [
    ...flags.volume.map((each) => parseVolume(each, cwd)), ...flags.mount.map((each) => parseMount(each, cwd)),
    ...flags.tmpfs.map((each) => parseTmpfs(each)),
  ]
  checkMounts(mounts)
  flags.volumesFrom.forEach(parseVolumesFrom)
  const privileged = flags.privileged === true
  parseSecurity(flags.securityOpt, privileged)
  const restartPolicy = parseRestart(flags.restart)
  if (flags.rm === true && restartPolicy.name !== 'no') throw usage('--rm', 'Conflicting options: cannot specify both --restart and --rm')
  return {
    mounts, ...(flags.volumesFrom.length === 0 ? {} : { volumesFrom: flags.volumesFrom }), readonlyRootfs: flags.readOnly === true,
    capAdd: flags.capAdd.map((each) => normalCapability('--cap-add', each)),
    capDrop: flags.capDrop.map((each) => normalCapability('--cap-drop', each)),
    privileged,
    devices: flags.device.map(parseDevice), deviceCgroupRules: flags.deviceCgroupRule.map(checkRule),
    ...(flags.annotation.length === 0 ? {} : { annotations: readPairs('--annotation', flags.annotation) }),
    ulimits: flags.ulimit.map(parseUlimit), sysctls: sysctls(flags.sysctl),
    groupAdd: flags.groupAdd,
    extraHosts: flags.addHost.map(checkExtraHost),
    dns: flags.dns.map(checkDns),
    dnsSearch: flags.dnsSearch.map((each) => checkResolvWord('--dns-search', each)),
    dnsOptions: flags.dnsOption.map((each) => checkResolvWord('--dns-option', each)),
    pidMode: mode('--pid', flags.pid, ['host', 'private'], true).replace('private', ''),
    ipcMode: mode('--ipc', flags.ipc, ['host', 'private', 'shareable', 'none'], true),
    utsMode: mode('--uts', flags.uts, ['host', 'private'], true).replace('private', ''),
    cgroupnsMode: mode('--cgroupns', flags.cgroupns, ['host', 'private'], true),
    ...userNamespace(flags), ...timeNamespace(flags),
    cgroupParent: flags.cgroupParent,
    shmSize: shmSize(flags.shmSize), securityOpt: flags.securityOpt.map((each) => profileInPlace(each, cwd)), autoRemove: flags.rm === true, restartPolicy,
    init: flags.init === true, oomScoreAdj: flags.oomScoreAdj === '' ? 0 : wholeNumber('--oom-score-adj', flags.oomScoreAdj, -1000, 1000),
    logDriver: mode('--log-driver', flags.logDriver, ['json-file', 'none'], false) || 'json-file',
  }
}

/** A user namespace, and what cannot be had with one. The words of the refusals are docker's. */
function userNamespace(flags: RunFlags): Pick<HostConfig, 'usernsMode' | 'usernsSize' | 'idMaps'> {
  const { mode: usernsMode, maps, size } = parseUserns(flags)
  if (usernsMode === '' || usernsMode === 'host') return { usernsMode }
  const tried = `--userns ${usernsMode}`
  if (flags.privileged === true) throw usage(tried, 'privileged mode is incompatible with user namespaces')
  if (flags.network === 'host') throw usage(tried, "cannot share the host's network namespace when user namespaces are enabled")
  if (flags.pid === 'host') throw usage(tried, 'cannot share the host PID namespace when user namespaces are enabled')
  return { usernsMode, ...(maps === undefined ? {} : { idMaps: maps }), ...(size === undefined ? {} : { usernsSize: size }) }
}

function timeNamespace(flags: RunFlags): Pick<HostConfig, 'timensMode' | 'timeOffsets'> {
  const timensMode = mode('--timens', flags.timens, ['host', 'private'], true)
  const timeOffsets = parseTimeOffset(flags.timeOffset)
  if (timeOffsets === undefined) return timensMode === '' ? {} : { timensMode }
  if (timensMode !== '' && timensMode !== 'private') {
    throw usage(`--time-offset ${flags.timeOffset}`, `conflicting options: clocks are set for a time namespace of its own, and --timens is ${timensMode}`)
  }
  return { timensMode: 'private', timeOffsets }
}

function mode(flag: string, text: string, words: readonly string[], joins: boolean): string {
  if (text === '' || words.includes(text) || (joins && CONTAINER.test(text))) return text
  const forms = [...words, ...(joins ? ['container:NAME'] : [])].join(', ')
  throw usage(`${flag} ${text}`, `invalid mode; there ${words.length > 1 || joins ? 'are' : 'is'} ${forms}`)
}

function wholeNumber(flag: string, text: string, lowest: number, highest = 2 ** 31 - 1): number {
  const value = /^-?\d{1,10}$/.test(text) ? Number(text) : NaN
  if (value >= lowest && value <= highest) return value
  throw usage(`${flag} ${text}`, `invalid value: it must be a whole number from ${lowest} to ${highest}`)
}

function shmSize(text: string): number {
  if (text === '') return SHM_SIZE
  const bytes = parseRam(text)
  if (!(bytes > 0)) throw usage(`--shm-size ${text}`, `invalid size: '${text}'; give a number with b, k, m or g behind it`)
  return bytes
}

/** Limits as they are kept. */
function limits(flags: RunFlags, note: (line: string) => void): ContainerRecord['limits'] {
  const asked = limitsOf({ ...flags })
  checkLimits(asked, machine(readHierarchies())).forEach(note)
  return asked
}

function checkRule(text: string): string {
  parseDeviceRule(text)
  if (!isMachineRoot()) throw usage(`--device-cgroup-rule ${text}`, 'only root can give rules for devices; an ordinary user has those that are open to him, by --device', 'EPERM')
  return text
}

/** Those that belong to a namespace of the container's. Source: docker-run(1), --sysctl; namespaces(7). */
const SYSCTL = /^(net\.[\w.\-/]+|fs\.mqueue\.\w+|kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced|domainname))$/

function sysctls(entries: readonly string[]): Record<string, string> {
  const pairs = readPairs('--sysctl', entries)
  for (const [name, value] of Object.entries(pairs)) {
    if (!SYSCTL.test(name) || name.includes('..') || value === '') {
      throw usage(`--sysctl ${name}=${value}`, `sysctl '${name}=${value}' is not allowed; there are net.*, fs.mqueue.* and those of System V ipc`)
    }
  }
  return pairs
}

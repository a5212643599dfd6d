/**
 * Small words of docker's flags: signals, limits, devices, hosts, labels, restart policies, security options.
 */
import { constants } from 'node:os'
import { readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import type { Bytes } from '../../os/native.js'
import { codeOf, usage } from '../error.js'
import { fsPath } from '../text.js'
import type { DeviceSpec, RestartPolicy, UlimitSpec } from '../store/record.js'

const NUMBERS: Readonly<Record<string, number>> = constants.signals
const SIGNAL_MAX = 64

/** `TERM`, `SIGTERM`, `15`, `RTMIN+1` as a number. @throws MountError for one that is none */
export function signalNumber(tried: string, text: string): number {
  const name = text.toUpperCase().replace(/^SIG/, '')
  const real = /^RT(MIN|MAX)([+-]\d+)?$/.exec(name)
  const number = /^\d+$/.test(text) ? Number(text)
    : real !== null ? (real[1] === 'MIN' ? 34 : SIGNAL_MAX) + Number(real[2] ?? 0)
    : NUMBERS[`SIG${name}`]
  if (number === undefined || number < 1 || number > SIGNAL_MAX) throw usage(tried, `Invalid signal: ${text}; signal(7) lists them`)
  return number
}

/** Source: setrlimit(2). */
const ULIMITS = new Set([
  'core', 'cpu', 'data', 'fsize', 'locks', 'memlock', 'msgqueue', 'nice', 'nofile', 'nproc', 'rss', 'rtprio', 'rttime', 'sigpending', 'stack',
])

/** `nofile=1024:2048`. */
export function parseUlimit(text: string): UlimitSpec {
  const [, name = '', soft = '', hard] = /^([^=]*)=(-?\d+)(?::(-?\d+))?$/.exec(text) ?? []
  if (!ULIMITS.has(name)) throw usage(`--ulimit ${text}`, `invalid ulimit argument: ${text}; write NAME=SOFT[:HARD], NAME one of ${[...ULIMITS].join(', ')}`)
  const limit = { name, soft: Number(soft), hard: Number(hard ?? soft) }
  const infinite = (value: number): number => (value === -1 ? Infinity : value)
  if (limit.soft < -1 || limit.hard < -1 || infinite(limit.soft) > infinite(limit.hard)) {
    throw usage(`--ulimit ${text}`, 'ulimit soft limit must be less than or equal to hard limit')
  }
  return limit
}

/** `HOST-PATH[:CONTAINER-PATH[:rwm]]`. */
export function parseDevice(text: Bytes): DeviceSpec {
  const [host = '', second, third, more] = text.split(':')
  const isMode = (word: string | undefined): word is string => word !== undefined && /^[rwm]+$/.test(word)
  const permissions = third ?? (isMode(second) ? second : 'rwm')
  const inside = second === undefined || isMode(second) ? host : second
  if (more !== undefined || !host.startsWith('/') || !inside.startsWith('/') || !isMode(permissions) || inside.split('/').includes('..')) {
    throw usage(`--device ${text}`, `bad format for device: ${text}; write HOST-PATH[:CONTAINER-PATH[:rwm]]`)
  }
  try {
    const stat = statSync(fsPath(host))
    if (!stat.isCharacterDevice() && !stat.isBlockDevice()) throw usage(`--device ${text}`, `${host} is no device`, 'ENODEV')
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENODEV') throw error
    throw usage(`--device ${text}`, `error gathering device information: ${host} cannot be looked at`, code)
  }
  return { pathOnHost: host, pathInContainer: inside, permissions }
}

/** `no`, `always`, `unless-stopped`, `on-failure[:N]`. */
export function parseRestart(text: string): RestartPolicy {
  const [, name = '', count] = /^(no|always|unless-stopped|on-failure)?(?::(\d{1,9}))?$/.exec(text) ?? ['', '?']
  if (name === '?') throw usage(`--restart ${text}`, `invalid restart policy '${text}'; there are no, always, unless-stopped, on-failure[:N]`)
  if (count !== undefined && name !== 'on-failure') {
    throw usage(`--restart ${text}`, `invalid restart policy: maximum retry count can only be used with 'on-failure'`)
  }
  return { name: (name === '' ? 'no' : name) as RestartPolicy['name'], maximumRetryCount: Number(count ?? 0) }
}

/** `host:ip` of --add-host; `host-gateway` stays what it is. */
export function checkExtraHost(text: Bytes): Bytes {
  const at = text.search(/[:=]/)
  const ip = text.slice(at + 1).replace(/^\[(.*)\]$/, '$1')
  if (at < 1 || /[\s\x00-\x1f]/.test(text) || (isIP(ip) === 0 && ip !== 'host-gateway')) {
    throw usage(`--add-host ${text}`, `bad format for add-host: "${text}"; write HOST:IP`)
  }
  return `${text.slice(0, at)}:${ip}`
}

/** An address of --dns. */
export function checkDns(text: string): string {
  if (isIP(text) === 0) throw usage(`--dns ${text}`, `${text} is not an ip address`)
  return text
}

/** A word of resolv.conf. */
export function checkResolvWord(flag: string, text: string): string {
  if (text === '' || /[\s\x00-\x1f]/.test(text)) throw usage(`${flag} ${text}`, 'it must be one word')
  return text
}

/** `NAME=value` lists as an object. @param files lines of NAME=value, as --label-file has them */
export function readPairs(flag: string, entries: readonly string[], files: readonly Bytes[] = []): Record<string, string> {
  const all = files.flatMap((file) => {
    try {
      return readFileSync(fsPath(file), 'latin1').split('\n').map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'))
    } catch (error) {
      throw usage(`${flag}-file ${file}`, 'it cannot be read', codeOf(error))
    }
  })
  return Object.fromEntries([...all, ...entries].map((entry) => {
    const at = entry.indexOf('=')
    if (at === 0 || entry === '') throw usage(`${flag} ${entry}`, 'write NAME=value')
    return at < 0 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)]
  }))
}

/** What --security-opt decides. */
export interface SecurityOptions {
  /** Path of a profile, `unconfined`, or undefined for the default. */
  readonly seccomp: Bytes | undefined
  readonly noNewPrivileges: boolean
  readonly masks: boolean
}

/** @throws MountError for a word that means nothing, or asks for a security module this engine does not drive */
export function parseSecurity(entries: readonly Bytes[], privileged: boolean): SecurityOptions {
  let seccomp: Bytes | undefined = privileged ? 'unconfined' : undefined
  let noNewPrivileges = !privileged
  let masks = !privileged
  for (const entry of entries) {
    const [, key = entry, value = ''] = /^([^=:]*)[=:](.*)$/.exec(entry) ?? []
    if (key === 'seccomp' && value !== '') seccomp = value === 'builtin' ? undefined : value
    else if (key === 'no-new-privileges' && /^(|true|false)$/.test(value)) noNewPrivileges = value !== 'false'
    else if (key === 'systempaths' && value === 'unconfined') masks = false
    // Confinement that is not asked for is what a host without the module gives.
    else if ((key === 'apparmor' && value === 'unconfined') || (key === 'label' && value === 'disable')) continue
    else if (key === 'apparmor' || key === 'label') {
      throw usage(`--security-opt ${entry}`, `this engine sets no ${key === 'label' ? 'SELinux labels' : 'AppArmor profiles'}`, 'EOPNOTSUPP')
    } else {
      throw usage(`--security-opt ${entry}`, `invalid --security-opt: "${entry}"; there are seccomp=FILE|unconfined, no-new-privileges[=false], systempaths=unconfined`)
    }
  }
  return { seccomp, noNewPrivileges, masks }
}

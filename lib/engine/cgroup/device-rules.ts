/** Rules for devices: docker's defaults, the flag's syntax, and what a list of rules comes to. */
import { usage } from '../../config/mount-error.js'
import type { OciDeviceRule } from '../oci.js'

/** A rule that allows something: `deviceRule('c', 1, 3)`; -1 is any number. `access` has letters of `rwm`. */
export function deviceRule(type: 'b' | 'c', major: number, minor: number, access = 'rwm'): OciDeviceRule {
  return { allow: true, type, major, minor, access }
}

/**
 * Every node may be made, and only these opened: null, zero, full, random, urandom, tty, console, ptmx, pts.
 * Source: the defaults of docker and of runc.
 */
export const DEFAULT_DEVICE_RULES: readonly OciDeviceRule[] = [
  { allow: false, access: 'rwm' },
  deviceRule('c', -1, -1, 'm'), deviceRule('b', -1, -1, 'm'),
  deviceRule('c', 1, 3), deviceRule('c', 1, 5), deviceRule('c', 1, 7), deviceRule('c', 1, 8), deviceRule('c', 1, 9),
  deviceRule('c', 5, 0), deviceRule('c', 5, 1), deviceRule('c', 5, 2), deviceRule('c', 136, -1),
]

/** `--privileged`: all of them. */
export const ALL_DEVICES: readonly OciDeviceRule[] = [{ allow: true, access: 'rwm' }]

/** `--device-cgroup-rule`: `c 42:* rwm`, `a *:* rwm`. @throws MountError (usage) */
export function parseDeviceRule(text: string): OciDeviceRule {
  const [, type, major, minor, access] = /^([abc]) (\d{1,8}|\*):(\d{1,8}|\*) ([rwm]{1,3})$/.exec(text) ?? []
  if (type === undefined || access === undefined) {
    throw usage(`--device-cgroup-rule ${text}`, `invalid device cgroup format '${text}'; write it as 'c 42:* rwm'`)
  }
  const number = (word: string | undefined): number => word === '*' ? -1 : Number(word)
  return { allow: true, type, major: number(major), minor: number(minor), access }
}

/** What a list of rules comes to: what holds for all, and the exceptions, which hold for the opposite. */
export interface DeviceTable {
  readonly allow: boolean
  readonly exceptions: readonly DeviceException[]
}

/** -1: any number. `access`: bits of `Access`. */
export interface DeviceException {
  readonly type: 'b' | 'c'
  readonly major: number
  readonly minor: number
  readonly access: number
}

/** Bits of an access, as the kernel has them. Source: linux/bpf.h, BPF_DEVCG_ACC_*. */
export const Access = { m: 1, r: 2, w: 4 } as const
export const ALL_ACCESS = 7

/**
 * Rules in order → table, as the controller of v1 keeps it: a rule for everything begins anew; a rule of the kind that
 * holds for all takes exactly that exception away; another adds one.
 * Source: security/device_cgroup.c, described in Documentation/admin-guide/cgroup-v1/devices.rst.
 */
export function deviceTable(rules: readonly OciDeviceRule[]): DeviceTable {
  let allow = false
  let exceptions = new Map<string, DeviceException>()
  for (const { allow: allowed, type = 'a', major = -1, minor = -1, access = 'rwm' } of rules) {
    if (type === 'a') {
      allow = allowed
      exceptions = new Map()
      continue
    }
    const kind = type === 'u' ? 'c' : type
    if (kind !== 'b' && kind !== 'c') throw usage(`device rule ${type}`, 'the type must be a, b or c')
    const key = `${kind} ${major}:${minor}`
    const before = exceptions.get(key)?.access ?? 0
    const bits = accessBits(access)
    const after = allowed === allow ? before & ~bits : before | bits
    if (after === 0) exceptions.delete(key)
    else exceptions.set(key, { type: kind, major, minor, access: after })
  }
  return { allow, exceptions: [...exceptions.values()] }
}

function accessBits(letters: string): number {
  let bits = 0
  for (const letter of letters) {
    if (letter !== 'm' && letter !== 'r' && letter !== 'w') throw usage(`device access ${letters}`, 'only letters of rwm')
    bits |= Access[letter]
  }
  return bits
}

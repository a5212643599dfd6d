/** The device controller, cgroup v1. Source: Documentation/admin-guide/cgroup-v1/devices.rst. */
import type { OciDeviceRule, OciResources } from '../../oci.js'
import { settings, type Setting } from '../setting.js'

/** One write for each rule, in order. */
export function devices({ devices }: OciResources): Setting[] {
  return settings('devices', (devices ?? []).map((rule) => ['devices', rule.allow ? 'devices.allow' : 'devices.deny', line(rule)]))
}

/** `c 1:3 rwm`; everything at once is `a`. */
function line({ type = 'a', major = -1, minor = -1, access = 'rwm' }: OciDeviceRule): string {
  if (type === 'a') return 'a'
  const number = (n: number): string => n < 0 ? '*' : String(n)
  return `${type === 'u' ? 'c' : type} ${number(major)}:${number(minor)} ${access}`
}

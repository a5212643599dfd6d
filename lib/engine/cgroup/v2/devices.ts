/** Device rules of cgroup v2: a BPF program attached to the group. */
import { closeSync, constants, openSync } from 'node:fs'
import { sys } from '../../../os/native.js'
import { must } from '../../../os/errno.js'
import type { OciDeviceRule } from '../../oci.js'
import { deviceTable } from '../device-rules.js'
import { deviceProgram } from './device-program.js'

/** Confine the group, which lives on with the program when we have ended. @throws Errno; EPERM without CAP_BPF or CAP_SYS_ADMIN */
export function attachDeviceRules(dir: string, rules: readonly OciDeviceRule[]): void {
  const group = openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    must(sys.confineDevices(group, deviceProgram(deviceTable(rules))), 'bpf', dir)
  } finally {
    closeSync(group)
  }
}

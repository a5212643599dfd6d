/**
 * What idle processors do while a mount is busy: whether they halt, or look for work (native/addon/awake.h).
 */
import { availableParallelism } from 'node:os'
import { readFileSync } from 'node:fs'
import type { MountConfig } from '../config/config.js'
import { sys } from '../os/native.js'

const C = sys.constants
/** Without being asked we do not keep more processors than these busy with looking. */
const FEW_PROCESSORS = 8

/** Is a halted processor slow to wake here? In a virtual machine it is: the kernel then uses this driver. */
function halts(): boolean {
  try {
    return readFileSync('/sys/devices/system/cpu/cpuidle/current_driver', 'utf8').trim() === 'haltpoll'
  } catch {
    return false
  }
}

/**
 * Let the turn demand that idle processors do not halt while requests come in quick succession, if the mount's `idle=`
 * wants that and we may; else, no more. Source: Documentation/power/pm_qos_interface.rst.
 */
export function demandAwake(idle: MountConfig['idle']): void {
  const wanted = idle === 'poll' || (idle === 'auto' && availableParallelism() <= FEW_PROCESSORS && halts())
  // Not root, or no such device (a container): processors halt.
  const fd = wanted ? sys.openat(C['AT_FDCWD']!, '/dev/cpu_dma_latency', C['O_RDWR']!, 0) : -1
  sys.fuseAwake(Math.max(fd, -1))
}

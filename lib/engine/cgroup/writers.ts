/** Which controllers write what. A new one is a file and a line here. */
import type { OciResources } from '../oci.js'
import { cpuset } from './cpuset.js'
import { pids } from './pids.js'
import type { Setting } from './setting.js'
import * as v1 from './v1/index.js'
import * as v2 from './v2/index.js'

const WRITERS: Readonly<Record<1 | 2, readonly ((resources: OciResources) => Setting[])[]>> = {
  1: [v1.memory, v1.cpu, cpuset, pids, v1.blkio, v1.devices],
  2: [v2.memory, v2.cpu, cpuset, pids, v2.io, v2.unified],
}

/** What resources come to, file by file. Devices of v2 are no file: see `v2/devices.ts`. */
export function settingsOf(version: 1 | 2, resources: OciResources): Setting[] {
  return WRITERS[version].flatMap((write) => write(resources))
}

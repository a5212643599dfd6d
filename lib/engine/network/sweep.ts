/**
 * What dead containers have left of the network: ports in the table, devices that something else keeps alive, and when nobody
 * is there any more the table and the bridge.
 */
import { isMachineRoot } from '../../daemon/process-id.js'
import { BRIDGE, errnoOf, readBridge, readPorts } from './bridge.js'
import { removeVeth } from './bridged.js'
import { formatIpv4 } from './ipv4.js'
import { outside } from './ports.js'
import { changeElements, readTable, removeTable } from './table.js'
import { firstLine, hasTools, networkError, runTool } from './tools.js'

/** How to sweep. */
export interface SweepOptions {
  /** Take it away; otherwise only say what there is. */
  readonly remove: boolean
  /** The bridge and the table too, when no container is on it. */
  readonly all: boolean
}

/**
 * Find what no container needs any more.
 *
 * @param isAlive by id; undefined for a container of another state root, which may be alive
 * @returns a line for each thing: `port 0.0.0.0:8080/tcp`
 */
export async function sweepNetwork(isAlive: (id: string) => boolean | undefined, { remove, all }: SweepOptions): Promise<string[]> {
  if (!isMachineRoot() || !hasTools()) return []
  // A device is there before its ports, and so it is asked for after them.
  const table = await readTable()
  const bridge = await readBridge()
  const ports = bridge === undefined ? [] : await readPorts()
  const dead = ports.filter(({ id }) => isAlive(id) === false)
  const addresses = new Set(ports.filter(port => !dead.includes(port)).map(({ address }) => formatIpv4(address)))
  const stale = (table?.elements ?? []).filter(({ to }) => !addresses.has(to))
  const lines = [...stale.map(each => `port ${outside(each)}/${each.protocol}`), ...dead.map(({ device }) => `device ${device}`)]
  if (remove) {
    await changeElements(stale, [])
    for (const { device, id } of dead) await removeVeth(device, id)
  }
  if (!all || addresses.size > 0) return lines
  if (table !== undefined) lines.push('nft table ip tsaufs')
  if (bridge !== undefined) lines.push(`bridge ${BRIDGE}`)
  if (remove && table !== undefined) await removeTable()
  if (remove && bridge !== undefined) await removeBridge()
  return lines
}

async function removeBridge(): Promise<void> {
  const outcome = await runTool('ip', ['link', 'del', BRIDGE])
  if (outcome.code !== 0 && !/Cannot find device/.test(outcome.stderr)) throw networkError(`bridge ${BRIDGE}`, errnoOf(outcome.stderr), firstLine(outcome))
}

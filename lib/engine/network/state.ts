/**
 * What a connected container has of the network, in `network.json` of its directory while it runs.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProcessId } from '../store/status.js'
import type { NetworkRequest } from './request.js'
import type { PublishedPort } from './ports.js'

/** As much of a container as the network has to know. */
export interface Networked {
  /** Its directory below the state root. */
  readonly dir: string
  readonly record: { readonly id: string, readonly network: NetworkRequest }
}

export interface NetworkState {
  readonly mode: string
  /** '' without one. */
  readonly address: string
  readonly prefix: number
  readonly gateway: string
  readonly mac: string
  readonly ports: readonly PublishedPort[]
  /** Our end of a veth on the bridge. */
  readonly device?: string
  /** slirp4netns or pasta. */
  readonly helper?: ProcessId
  /** Of the boot all this was in. */
  readonly boot: string
}

const file = (dir: string): string => join(dir, 'network.json')

/** The state in a container's directory; undefined without one. */
export function readState(dir: string): NetworkState | undefined {
  try {
    return JSON.parse(readFileSync(file(dir), 'latin1')) as NetworkState
  } catch (error) {
    // A crash of the machine may have left it empty; what was in it is gone with the boot.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Keep it: readers see the old one or the new one. */
export function writeState(dir: string, state: NetworkState): void {
  const draft = `${file(dir)}.${process.pid}`
  writeFileSync(draft, `${JSON.stringify(state)}\n`, { encoding: 'latin1', mode: 0o600 })
  renameSync(draft, file(dir))
}

/** Forget it. Idempotent. */
export function removeState(dir: string): void {
  rmSync(file(dir), { force: true })
}

/**
 * Flags of `docker run` that change nothing here, and those that are refused, each with the reason: who types them is told, and what stands in scripts for
 * what is so anyway goes through. docs/containers.md has them as a table.
 */
import { usage } from '../error.js'

/** A flag as commander wants it, and why. */
export interface OtherFlag {
  readonly flags: string
  readonly why: string
  /** Values that are what is so anyway; all others are refused. */
  readonly same?: readonly string[]
}

/** What docker calls this processor. Source: Go's GOARCH. */
const ARCH: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', arm: 'arm', ia32: '386', ppc64: 'ppc64le', s390x: 's390x', riscv64: 'riscv64' }

/** Accepted; with `same` only with these values. */
export const IDLE_FLAGS: readonly OtherFlag[] = [
  { flags: '--pull <policy>', why: 'directories are not pulled', same: ['always', 'missing', 'never'] },
  { flags: '-q, --quiet', why: 'directories are not pulled' },
  { flags: '--disable-content-trust [value]', why: 'directories have no signatures' },
  { flags: '--platform <platform>', why: 'programs run on this processor only', same: ['linux', `linux/${ARCH[process.arch] ?? process.arch}`] },
  { flags: '--runtime <name>', why: 'tsaufs-init runs all containers', same: ['tsaufs', 'runc', 'io.containerd.runc.v2'] },
  { flags: '--volume-driver <driver>', why: 'volumes are directories', same: ['local'] },
  { flags: '--isolation <technology>', why: 'for Windows', same: ['default'] },
  { flags: '--no-healthcheck', why: 'nobody asks programs for their health' },
]

const WINDOWS = 'it is for Windows'
const HEALTH = 'there is no daemon that would ask programs for their health; let a timer of the host run tsaufs exec'

/** Refused. */
export const REFUSED_FLAGS: readonly OtherFlag[] = [
  ...['cmd', 'interval', 'retries', 'start-interval', 'start-period', 'timeout'].map((what) => ({ flags: `--health-${what} <value>`, why: HEALTH })),
  ...['--cpu-count', '--cpu-percent', '--io-maxbandwidth', '--io-maxiops'].map((flag) => ({ flags: `${flag} <value>`, why: WINDOWS })),
  { flags: '--link <container>', why: 'containers find each other by address; give --add-host NAME:IP, or share a network with --network container:NAME' },
  { flags: '--link-local-ip <address>', why: 'the bridge has one subnet of IPv4' },
  { flags: '--ip6 <address>', why: 'the bridge has one subnet of IPv4' },
  { flags: '--network-alias <name>', why: 'the bridge has no name server; give --add-host NAME:IP' },
  { flags: '--gpus <devices>', why: 'give the devices, --device /dev/dri/renderD128, and the directories of their drivers, -v' },
  { flags: '--storage-opt <option>', why: 'a root has no size of its own; put the state root on a file system with quotas' },
  { flags: '--log-opt <option>', why: 'log.json is neither cut nor given options; take --log-driver none and write to a volume' },
  { flags: '--kernel-memory <bytes>', why: 'the kernel has given it up' },
  { flags: '--cpu-rt-period <n>', why: 'groups without a share of real time cannot give one away' },
  { flags: '--cpu-rt-runtime <n>', why: 'groups without a share of real time cannot give one away' },
  { flags: '--use-api-socket', why: 'there is no daemon, and no socket' },
]

/** @param given by commander's names @param nameOf what commander calls a flag @throws MountError for one that is refused */
export function checkOtherFlags(given: Readonly<Record<string, unknown>>, nameOf: (flags: string) => string): void {
  for (const { flags, why, same } of [...IDLE_FLAGS, ...REFUSED_FLAGS.map((each) => ({ ...each, same: [] as readonly string[] }))]) {
    const value = given[nameOf(flags)]
    if (value === undefined || same === undefined || same.includes(value as string)) continue
    const long = /--[a-z0-9-]+/.exec(flags)![0]
    throw usage(typeof value === 'string' ? `${long} ${value}` : long, why + (same.length > 0 ? `; there is ${same.join(', ')}` : ''), 'EOPNOTSUPP')
  }
}

/**
 * Which capabilities a container has. Source: capabilities(7); docker's oci/caps and docs, "Runtime privilege and Linux capabilities".
 */
import { readFileSync } from 'node:fs'
import { usage } from '../error.js'

/** By number. */
const ALL = [
  'CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP', 'LINUX_IMMUTABLE',
  'NET_BIND_SERVICE', 'NET_BROADCAST', 'NET_ADMIN', 'NET_RAW', 'IPC_LOCK', 'IPC_OWNER', 'SYS_MODULE', 'SYS_RAWIO', 'SYS_CHROOT',
  'SYS_PTRACE', 'SYS_PACCT', 'SYS_ADMIN', 'SYS_BOOT', 'SYS_NICE', 'SYS_RESOURCE', 'SYS_TIME', 'SYS_TTY_CONFIG', 'MKNOD', 'LEASE',
  'AUDIT_WRITE', 'AUDIT_CONTROL', 'SETFCAP', 'MAC_OVERRIDE', 'MAC_ADMIN', 'SYSLOG', 'WAKE_ALARM', 'BLOCK_SUSPEND', 'AUDIT_READ',
  'PERFMON', 'BPF', 'CHECKPOINT_RESTORE',
].map((name) => `CAP_${name}`)

/** docker's fourteen: CapEff 00000000a80425fb. */
const DEFAULT = [
  'CHOWN', 'DAC_OVERRIDE', 'FSETID', 'FOWNER', 'MKNOD', 'NET_RAW', 'SETGID', 'SETUID', 'SETFCAP', 'SETPCAP', 'NET_BIND_SERVICE',
  'SYS_CHROOT', 'KILL', 'AUDIT_WRITE',
].map((name) => `CAP_${name}`)

/** The capabilities this process could give away. Source: proc_pid_status(5), CapBnd. */
function available(): string[] {
  const mask = BigInt(`0x${/^CapBnd:\s+([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0'}`)
  return ALL.filter((_, bit) => (mask >> BigInt(bit)) & 1n)
}

/** `net_admin`, `CAP_NET_ADMIN`, `all` as CAP_NET_ADMIN, ALL. @throws MountError for one that is none */
export function normalCapability(flag: string, text: string): string {
  const name = text.toUpperCase()
  if (name === 'ALL') return name
  const full = name.startsWith('CAP_') ? name : `CAP_${name}`
  if (!ALL.includes(full)) throw usage(`${flag} ${text}`, `invalid capability: "${text}"; capabilities(7) lists them`)
  return full
}

/**
 * The set for a container, as docker decides: what is added wins over `drop all`, what is dropped over `add all`. All
 * means all that we have; one asked for by name that we have not makes the start fail, which is the monitor's to say.
 * @param add names as normalCapability() gives them
 */
export function capabilities(add: readonly string[], drop: readonly string[], privileged: boolean): string[] {
  if (privileged) return available()
  const base = add.includes('ALL') ? available() : drop.includes('ALL') ? [] : DEFAULT
  const kept = base.filter((name) => !drop.includes(name))
  return [...new Set([...kept, ...add.filter((name) => name !== 'ALL')])]
}

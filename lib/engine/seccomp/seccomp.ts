/**
 * `--security-opt seccomp=`: from the option to what prctl(2) is given.
 */
import { readFileSync, statSync } from 'node:fs'
import { release } from 'node:os'
import { usage } from '../../config/mount-error.js'
import { syscallNumbers, ARCHES } from './arch.js'
import type { ArchName } from './arch.js'
import { INSTRUCTIONS_MAX } from './bpf.js'
import { compile } from './compile.js'
import { defaultProfile } from './default-profile.js'
import { archFilters } from './outcomes.js'
import type { Holder } from './outcomes.js'
import { BYTES_MAX, parseProfile, ProfileError } from './parse-profile.js'
import type { Profile } from './profile.js'

/** What the process installs, last of all before its program. */
export interface SeccompFilter {
  /** struct sock_filter[], at most 4096 of 8 bytes. */
  readonly program: Buffer
  /** SECCOMP_FILTER_FLAG_* for seccomp(2). */
  readonly flags: number
  /** Lines for people: nothing that stops the container. */
  readonly notes: readonly string[]
}

/** Source: linux/seccomp.h. */
const FLAGS: Readonly<Record<string, number>> = { TSYNC: 1, LOG: 2, SPEC_ALLOW: 4 }

/** Names that stand in profiles of docker and podman for processors of which there is no table. */
const ELSEWHERE = /^(s390_|riscv_|ppc_|sys_debug_setcontext|swapcontext|sync_file_range2|spu_|subpage_prot|rtas|switch_endian|multiplexer|or1k_|sparc_|sh_|breakpoint|cacheflush|usr26|usr32|set_tls|get_tls)/

/** `6.18.44-fc` as [6, 18]. */
export function kernelVersion(text: string = release()): readonly [number, number] {
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(text) ?? []
  return [Number(major), Number(minor)]
}

/** Names of a profile that are a system call nowhere: a rule for them does nothing. */
function unknownNames(profile: Profile): string[] {
  const tables = (Object.keys(ARCHES) as ArchName[]).map(syscallNumbers)
  const names = new Set(profile.rules.flatMap(rule => rule.names))
  return [...names].filter(name => !ELSEWHERE.test(name) && !tables.some(table => table.has(name)))
}

/** The program for a profile. Throws ProfileError when the kernel would not take it. */
export function programOf(profile: Profile, holder: Holder): Buffer {
  const filters = archFilters(profile, holder)
  if (filters === undefined) throw new ProfileError('', `there is no table of system calls for ${holder.nodeArch}; seccomp=unconfined goes without a filter`)
  const program = compile(filters)
  if (program.length > INSTRUCTIONS_MAX) throw new ProfileError('', `needs ${program.length} instructions; the kernel takes ${INSTRUCTIONS_MAX}`)
  return program.encode()
}

/** @param name bytes as latin1 */
function read(name: string): Profile {
  const file = Buffer.from(name, 'latin1')
  const { size } = statSync(file)
  if (size > BYTES_MAX) throw new ProfileError('', `has ${size} bytes; ${BYTES_MAX} are the most`)
  return parseProfile(readFileSync(file, 'utf8'))
}

/**
 * The filter that `--security-opt seccomp=OPTION` asks for; undefined for `unconfined`.
 *
 * @param option a file (bytes as latin1), `unconfined`, or `builtin`, docker's default
 * @param capabilities of the bounding set of the container, CAP_ names: they decide which rules of a profile hold
 * @throws MountError EINVAL or the errno of reading the file, exit code 2
 */
export function seccompFilter(option: string, capabilities: readonly string[]): SeccompFilter | undefined {
  if (option === 'unconfined') return undefined
  if (option !== '' && option !== 'builtin' && option !== 'default') return makeFilter(option, false, capabilities)
  const key = capabilities.join()
  if (builtinFilter?.key !== key) builtinFilter = { key, filter: makeFilter('builtin', true, capabilities) }
  return builtinFilter.filter
}

/** The last one that was made: a process that waits for a command has made that of most containers before (cli/warm). */
let builtinFilter: { readonly key: string, readonly filter: SeccompFilter } | undefined

function makeFilter(option: string, builtin: boolean, capabilities: readonly string[]): SeccompFilter {
  try {
    const profile = builtin ? defaultProfile() : read(option)
    const program = programOf(profile, { nodeArch: process.arch, capabilities, kernel: kernelVersion() })
    const unknown = builtin ? [] : unknownNames(profile)
    const notes = unknown.length === 0 ? []
      : [`seccomp profile ${option}: no such system call: ${unknown.slice(0, 8).join(', ')}${unknown.length > 8 ? ` and ${unknown.length - 8} more` : ''}`]
    return { program, flags: profile.flags.reduce((sum, flag) => sum | FLAGS[flag]!, 0), notes }
  } catch (error) {
    const code = error instanceof ProfileError ? 'EINVAL' : (error as NodeJS.ErrnoException).code
    if (code === undefined) throw error
    throw usage(`seccomp profile ${option}`, error instanceof ProfileError ? error.message : 'the file cannot be read', code)
  }
}

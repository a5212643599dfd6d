/**
 * Makes lib/engine/seccomp/syscall-tables.ts, the numbers of the system calls for the seccomp compiler, from the kernel's
 * headers. Run by hand when the kernel has got new calls; its result is in the repository.
 *
 * usage: node scripts/syscall-tables.mjs X86_INCLUDE ARM_INCLUDE > lib/engine/seccomp/syscall-tables.ts
 *        (/usr/include of linux-libc-dev on amd64, and usr/arm-linux-gnueabihf/include of linux-libc-dev-armhf-cross)
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/** From here on a call has the same number everywhere. */
const COMMON_FROM = 424
/** Calls younger than the headers of Debian 12. */
const YOUNGER = {
  451: 'cachestat', 452: 'fchmodat2', 453: 'map_shadow_stack', 454: 'futex_wake', 455: 'futex_wait', 456: 'futex_requeue',
  457: 'statmount', 458: 'listmount', 459: 'lsm_get_self_attr', 460: 'lsm_set_self_attr', 461: 'lsm_list_modules', 462: 'mseal',
  463: 'setxattrat', 464: 'getxattrat', 465: 'listxattrat', 466: 'removexattrat', 467: 'open_tree_attr', 468: 'file_getattr',
  469: 'file_setattr', 470: 'listns', 471: 'rseq_slice_yield',
}
const YOUNGER_X86_64 = { 335: 'uretprobe', 336: 'uprobe' }
/** What arch/arm64/include/uapi/asm/unistd.h asks of the generic list. */
const ARM64 = ['RENAMEAT', 'NEW_STAT', 'SET_GET_RLIMIT', 'TIME32_SYSCALLS', 'SYS_CLONE3', 'MEMFD_SECRET'].map((word) => `-D__ARCH_WANT_${word}`)

/** Macros that are no call, or a second name of one. */
const NOT_CALLS = /^(syscalls|BASE|SYSCALL_BASE|OABI_SYSCALL_BASE|SYSCALL_MASK|arch_specific_syscall|sync_file_range2)$/

/** Number -> name of all __NR_ and __ARM_NR_ macros of a header. */
function numbers(header, flags) {
  const macros = execFileSync('cc', ['-E', '-dM', '-x', 'c', ...flags, header], { encoding: 'utf8' })
  const names = [...macros.matchAll(/^#define __(?:ARM_)?NR_(\w+) /gm)].map(([, name]) => name)
  const program = `#include "${header}"\n${[...macros.matchAll(/^#define (__(?:ARM_)?NR_\w+) /gm)].map(([, macro]) => `=${macro}`).join('\n')}\n`
  const values = execFileSync('cc', ['-E', '-P', '-x', 'c', ...flags, '-'], { input: program, encoding: 'utf8' })
    .split('=').slice(1).map((text) => Number(eval(text)))
  const table = new Map()
  names.forEach((name, i) => { if (!NOT_CALLS.test(name)) table.set(values[i], name) })
  return table
}

/** A table as words: a number says where the names after it begin to count. */
function words(table) {
  const out = []
  let next = -1
  for (const number of [...table.keys()].sort((a, b) => a - b)) {
    if (number !== next) out.push(String(number))
    out.push(table.get(number))
    next = number + 1
  }
  return out
}

/** Words in lines, as the inside of a template. */
function lines(list) {
  const out = ['']
  for (const word of list) {
    if (out.at(-1).length + word.length > 112) out.push('')
    out[out.length - 1] += `${out.at(-1) === '' ? '' : ' '}${word}`
  }
  return `\`\n${out.map((line) => `    ${line}`).join('\n')}\``
}

const [x86Include, armInclude] = process.argv.slice(2)
if (armInclude === undefined) throw new Error('usage: syscall-tables.mjs X86_INCLUDE ARM_INCLUDE')
const x86 = (name) => join(x86Include, 'x86_64-linux-gnu/asm', name)
const X32_BIT = 0x40000000
const all = {
  x86_64: numbers(x86('unistd_64.h'), []),
  x86: numbers(x86('unistd_32.h'), []),
  x32: new Map([...numbers(x86('unistd_x32.h'), [`-D__X32_SYSCALL_BIT=${X32_BIT}`])].map(([number, name]) => [number - X32_BIT, name])),
  arm64: numbers(join(x86Include, 'asm-generic/unistd.h'), ['-I', x86Include, ...ARM64]),
  arm: numbers(join(armInclude, 'asm/unistd.h'), ['-I', armInclude, '-D__ARM_EABI__', '-U__x86_64__']),
}
for (const [number, name] of Object.entries(YOUNGER_X86_64)) all.x86_64.set(Number(number), name)

const common = new Map(Object.entries(YOUNGER).map(([number, name]) => [Number(number), name]))
for (const table of Object.values(all)) {
  for (const [number, name] of table) {
    if (number < COMMON_FROM || number > 511) continue
    if (common.has(number) && common.get(number) !== name) throw new Error(`${number} is ${name} and ${common.get(number)}`)
    common.set(number, name)
    table.delete(number)
  }
}
const own = { x86_64: words(all.x86_64), x86: words(all.x86), arm64: words(all.arm64), arm: words(all.arm) }
const x32Only = new Map([...all.x32].filter(([number]) => number >= 512))
const notX32 = [...all.x86_64].filter(([number]) => !all.x32.has(number) && number !== 335 && number !== 336).map(([, name]) => name).sort()

console.log(`/**
 * Numbers of the system calls, made by scripts/syscall-tables.mjs from the kernel's headers. Words: a number says where the
 * names after it begin to count.
 */

/** Per architecture, without the calls of COMMON. */
export const TABLES = {
${Object.entries({ ...own, x32: words(x32Only) }).map(([name, list]) => `  ${name}: ${lines(list)}`).join(',\n')},
} as const

/** Calls that have one number on all architectures. */
export const COMMON = ${lines(words(common))}

/** Calls of x86_64 that x32 does not have; those in its own table take the place of some. */
export const NOT_X32 = ${lines(notX32)}`)

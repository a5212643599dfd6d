/**
 * Errors of system calls: numbers below `lib/os`, one exception above it.
 */
import { sys } from './native.js'

/** errno numbers by name, as the addon was compiled with: `E.ENOENT`. */
export const E = sys.constants as Readonly<Record<string, number>> & {
  readonly [K in
    | 'EPERM' | 'ENOENT' | 'EINTR' | 'EIO' | 'EBADF' | 'EAGAIN' | 'ENOMEM' | 'EACCES' | 'EBUSY' | 'EEXIST' | 'EXDEV' | 'ENODEV'
    | 'ENOTDIR' | 'EISDIR' | 'EINVAL' | 'ENFILE' | 'EMFILE' | 'ENOTTY' | 'EFBIG' | 'ENOSPC' | 'EROFS' | 'EMLINK' | 'ERANGE'
    | 'ENAMETOOLONG' | 'ENOSYS' | 'ENOTEMPTY' | 'ELOOP' | 'ENODATA' | 'EOVERFLOW' | 'EOPNOTSUPP' | 'ESTALE' | 'EDQUOT' | 'ENOTCONN' | 'EILSEQ']: number
}

const names = new Map<number, string>()
for (const [name, value] of Object.entries(sys.constants)) {
  if (/^E[A-Z0-9]+$/.test(name) && !names.has(value)) names.set(value, name)
}

/** `2` → `'ENOENT'`; unknown numbers give `'E2000'`. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `E${errno}`
}

/**
 * A failed system call or a refusal that is answered with an errno.
 * `errno` is positive; a zero or negative one cannot be built.
 */
export class Errno extends Error {
  readonly errno: number
  readonly code: string
  readonly syscall: string
  readonly path: string
  constructor(errno: number, syscall = '', path = '', options?: ErrorOptions) {
    if (!(errno > 0)) throw new RangeError(`not an errno: ${errno}`)
    const code = errnoName(errno)
    super(`${code}: ${syscall}${path === '' ? '' : ` '${path}'`}`, options)
    this.name = 'Errno'
    this.errno = errno
    this.code = code
    this.syscall = syscall
    this.path = path
  }
}

/** The result of a call that is expected to succeed; throws Errno when it is negative. */
export function must(rc: number, syscall: string, path = ''): number {
  if (rc < 0) throw new Errno(-rc, syscall, path)
  return rc
}

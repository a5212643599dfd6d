/**
 * Paths inside a root that somebody else controls. Each component is looked up by itself and no link is ever followed by the
 * kernel: where one leads is read and looked up from the root. `..` goes back to the directory we came from. So nothing outside the
 * root is reached, whatever is renamed or replaced meanwhile; the links of /proc, which lead anywhere, lead nowhere.
 */
import { E, Errno, must } from '../../os/errno.js'
import { sys, type Bytes } from '../../os/native.js'
import { S_IFDIR, S_IFLNK, st } from '../../os/stat.js'

const C = sys.constants
const O_PATH_DIR = C['O_PATH']! | C['O_DIRECTORY']! | C['O_NOFOLLOW']!
const AT_FDCWD = -100
const PATH_MAX = 4096
/** As the kernel has it. Source: path_resolution(7). */
const LINKS_MAX = 40

/** Where a path leads: an entry of a directory, there or not. */
export interface Place {
  /** O_PATH; the caller closes it. */
  readonly dirfd: number
  /** '' when the path leads to the directory itself. */
  readonly name: Bytes
  /** S_IFMT bits; undefined when there is nothing. */
  readonly kind: number | undefined
}

/** A root directory. */
export class Inside {
  readonly #root: number

  /** @param path of the root, which is the host's and trusted; a last `/proc/PID/root` is followed. @throws Errno */
  constructor(path: Bytes) {
    this.#root = must(sys.openat(AT_FDCWD, `${path}/.`, C['O_PATH']! | C['O_DIRECTORY']!, 0), 'open', path)
  }

  /** Where `path` leads. @param follow a link at its end. @throws Errno ENOENT, ENOTDIR, ELOOP, EACCES on the way */
  locate(path: Bytes, follow: boolean): Place {
    if (path.length > PATH_MAX) throw new Errno(E.ENAMETOOLONG, 'open', `${path.slice(0, 64)}...`)
    const way = [this.#root]
    const rest = parts(path)
    let links = 0
    try {
      for (;;) {
        const name = rest.shift()
        const dirfd = way.at(-1)!
        if (name === undefined) return this.#keep(way, dirfd, '', S_IFDIR)
        if (name === '..') {
          if (way.length > 1) sys.close(way.pop()!)
          continue
        }
        const rc = sys.statx(dirfd, name)
        if (rc === -E.ENOENT && rest.length === 0) return this.#keep(way, dirfd, name, undefined)
        must(rc, 'stat', path)
        const { kind } = st
        if (kind === S_IFLNK && (rest.length > 0 || follow)) {
          if (++links > LINKS_MAX) throw new Errno(E.ELOOP, 'open', path)
          const target = readLink(dirfd, name, path)
          if (target.startsWith('/')) while (way.length > 1) sys.close(way.pop()!)
          rest.unshift(...parts(target))
        } else if (rest.length === 0 && kind !== S_IFDIR) {
          return this.#keep(way, dirfd, name, kind)
        } else {
          way.push(must(sys.openat(dirfd, name, O_PATH_DIR, 0), 'open', path))
        }
      }
    } finally {
      for (const fd of way.splice(1)) sys.close(fd)
    }
  }

  /** No more. */
  close(): void {
    sys.close(this.#root)
  }

  /** The way's last directory becomes the caller's. */
  #keep(way: number[], dirfd: number, name: Bytes, kind: number | undefined): Place {
    const own = way.length > 1 ? way.pop()! : must(sys.openat(dirfd, '.', O_PATH_DIR, 0), 'open', '/')
    return { dirfd: own, name, kind }
  }
}

const parts = (path: Bytes): Bytes[] => path.split('/').filter((part) => part !== '' && part !== '.')

/** @param path for the message */
export function readLink(dirfd: number, name: Bytes, path: Bytes): Bytes {
  const buffer = Buffer.alloc(PATH_MAX)
  const length = must(sys.readlinkat(dirfd, name, buffer), 'readlink', path)
  return buffer.toString('latin1', 0, length)
}

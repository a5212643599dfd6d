/** tsaufs over the npm package fuse-native, on the rows that it can express. */
import { createRequire } from 'node:module'
import { existsSync } from 'node:fs'
import { identity } from '../../helpers/identity.js'
import type { Subject } from './subject.js'
import { mountUnion } from './tsaufs.js'

/** Rows that are left out, by reason. */
const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  'every call walks its path again, and every listing is made whole: minutes': ['vector 21: remove 100,000 lower names while listing them'],
  'rename flags do not reach it': [
    'vector 8: rename NOREPLACE onto a removed lower file',
    'exchange two lower files',
    'exchange a lower file and a lower directory',
    'exchange two lower directories',
    'exchange keeps times of what is moved',
    'exchange keeps the times of an empty directory that comes to lie over a lower one',
    'RENAME_WHITEOUT leaves a character device 0:0',
    'NOREPLACE onto a free name, of a file and a lower directory',
    'a name that was missing is there, whatever made it',
    'exchange what is known: types, lists, and names that were missing below',
    'names looked for often enough to read the whole directory, then changed',
    'a name with cached pages becomes another file',
    'a writable branch that fuse-overlayfs has written to',
  ],
  'mtime cannot be set: the package hands the access time over as both': [
    'symbolic links: made, read, not followed by their operations',
    'copying a file with its attributes over and over (cp -a, tar)',
    'attributes set through one name are seen through the other',
    'a file capability is kept by copy-up through chmod, utimes, link and rename, lost by chown and truncate',
    'a user changes attributes of own lower files',
    'copy-up of special objects and symbolic links through chown and utimes',
    'a lower file open for writing, removed, then written',
    'utimes: exact to the nanosecond, before 1970, after 2106',
    'utimes right after a write stays as set',
  ],
  'no O_TMPFILE, fallocate, SEEK_DATA, inode flags: libfuse 2 has no such calls, or the package none': [
    'O_TMPFILE: nameless, then linked',
    'rr: an unnamed file takes a turn too, and gets its name where it is',
    'inode flags: asked of lower and top files, set after copy-up',
    'a new file open and removed',
    'fallocate: grow, keep size, punch, zero',
    'SEEK_HOLE and SEEK_DATA in a lower file and its copy',
    'mtime after a mapped write, with attributes known, of a file that was there and of new ones',
  ],
  'a removed open file has a name as long as it is open, .fuse_hidden*: its directory is not empty, links are counted too many': [
    'a whole tree renamed while something in it is open and removed',
    'a file open by a name that is gone, seen by its other one',
    'a group whose members were opened before the copy-up',
    'a lower file open, removed with its whole tree, then written',
    'what is written to a file whose one lower name is gone is seen by the other, also after a remount',
    'inode numbers come again: what is made anew is new, what is open stays',
  ],
  'calls come by path: a removed open directory has none': [
    'an open directory that is removed lists nothing and cannot be written',
    'a working directory that is removed',
    'an open directory: attributes after its removal',
    'times and links of directories known before something in them changes',
  ],
  'two names of a file are two files for the kernel\'s page cache': [
    'mapped while it is copied up: by a change of attributes, by another process, by another name',
  ],
  'no ACLs': [
    'an ACL on a lower file lets a user in, before and after copy-up',
    'chmod changes the mask of an ACL',
    'to remove an ACL where there is none is no error, and copies nothing up',
    'default ACLs are inherited, the umask is not applied',
    'setfacl and getfacl',
  ],
  'nobody says who asks: what is made belongs to who mounted, trusted.* is listed for nobody': [
    'xattrs of lower files: read, set, replaced, removed',
    'xattrs on symbolic links and directories',
    'marks of other formats cannot be seen or forged; an overlayfs above has its own',
    'trusted xattrs are listed for root only',
    "what a user creates is the user's",
    'the sticky bit of the root directory of a row is honoured for whiteouts',
    'supplementary groups count',
    'setgid is dropped where the user is not of the group',
    'suid and sgid go when a user writes, truncates or changes the owner',
    'setgid without the right to execute goes when somebody of another group changes the file',
    'who is not the owner cannot take suid away by chown with neither id',
  ],
  'names are UTF-8': [
    'names of all bytes',
  ],
}

/** Why the package cannot be used here, or null. */
export function fuseNativeMissing(): string | null {
  if (!existsSync('/dev/fuse')) return 'no /dev/fuse'
  try {
    createRequire(import.meta.url)('fuse-native')
    return null
  } catch (error) {
    return `fuse-native does not load: ${(error as Error).message.split('\n')[0]}`
  }
}

export const fuseNative: Subject = {
  name: 'tsaufs-fuse-native',
  format: 'aufs',
  weak: {},
  leftOut: new Map(Object.entries(LEFT_OUT).flatMap(([reason, rows]) => rows.map((row) => [row, reason]))),
  unavailable: async () => (identity === 'root' ? fuseNativeMissing() : 'run as root only'),
  mount: (setup) => mountUnion({ ...setup, options: ['transport=fuse-native', ...setup.options] }),
}

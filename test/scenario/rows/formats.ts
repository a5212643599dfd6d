/** Branches as other programs write them: overlayfs, fuse-overlayfs, container engines. Only tsaufs reads them all. */
import { dir, file, special, type Attributes, type Tree } from '../../helpers/tree.js'
import type { Row } from '../row.js'

const device = special('char:0:0', { mode: 0 })
const marked = (children: Tree, xattrs: NonNullable<Attributes['xattrs']>) => dir(children, { xattrs })
const overlay = (key: string, value: string) => ({ [`trusted.overlay.${key}`]: value })
const NEEDS_TRUSTED = 'trusted attributes, and devices, are for root'
const limits = { user: NEEDS_TRUSTED, userns: NEEDS_TRUSTED }

const LAYER: Tree = { f: 'F', gone: 'G', d: { x: 'X', y: 'Y' }, o: { low: 'L' }, old: { deep: { z: 'Z' } }, p: { n1: { r: 'R' } }, w: { a: 'A', b: 'B' } }

/** A layer in overlayfs's form: every mark it has. */
const OVERLAY: Tree = {
  gone: device,
  d: { x: device, k: 'K' },
  o: marked({ top: 'T' }, overlay('opaque', 'y')),
  old: device,
  new: marked({}, overlay('redirect', 'old')),
  p: { n1: device, n2: marked({ s: 'S' }, overlay('redirect', 'n1')) },
  w: marked({ a: file('', { xattrs: overlay('whiteout', 'y') }), e: '' }, overlay('opaque', 'x')),
}
const MERGED: Tree = { f: 'F', d: { y: 'Y', k: 'K' }, o: { top: 'T' }, new: { deep: { z: 'Z' } }, p: { n2: { r: 'R', s: 'S' } }, w: { b: 'B', e: '' } }

export const formatRows: readonly Row[] = [
  ...['', '+fmt=overlay', '+fmt=fuse-overlayfs'].map((fmt): Row => ({
    name: `a layer in overlayfs's form is read as overlayfs reads it${fmt}`,
    given: { L1: OVERLAY, L2: LAYER },
    mount: `R=rw:L1=ro+wh${fmt}:L2=ro+wh`,
    only: 'tsaufs', limits,
    steps: [['readdir', '.', ['d', 'f', 'new', 'o', 'p', 'w']], ['stat', 'gone', 'ENOENT'], ['stat', 'd/x', 'ENOENT'], ['stat', 'o/low', 'ENOENT'], ['stat', 'old', 'ENOENT'], ['read', 'new/deep/z', 'Z'], ['readdir', 'p', ['n2']], ['read', 'p/n2/r', 'R'], ['stat', 'w/a', 'ENOENT'], ['stat', 'w/e', { size: 0 }], ['readdir', 'w', ['b', 'e']]],
    merged: MERGED,
    top: { aufs: [] },
  })),
  {
    name: 'what overlayfs has removed can be made again above it, and its renamed directories be renamed on',
    given: { L1: OVERLAY, L2: LAYER },
    mount: 'R=rw:L1=ro+wh:L2=ro+wh',
    only: 'tsaufs', limits,
    steps: [['write', 'gone', 'new'], ['mkdir', 'old'], ['readdir', 'old', []], ['rename', 'new', 'newer'], ['read', 'newer/deep/z', 'Z'], ['rename', 'p/n2', 'n3'], ['append', 'n3/r', '!'], ['exec', 'rm', '-r', 'w', 'd'], ['mkdir', 'd'], ['readdir', 'd', []]],
    merged: { f: 'F', gone: 'new', d: {}, o: { top: 'T' }, old: {}, newer: { deep: { z: 'Z' } }, p: {}, n3: { r: 'R!', s: 'S' } },
  },
  {
    name: 'a layer with every mark of fuse-overlayfs at once',
    given: {
      L1: {
        gone: device, '.wh.f': '', d: { '.wh.x': '', y: device },
        o: marked({ top: 'T', '.wh..wh..opq': '', '.wh..opq': device }, overlay('opaque', 'y')),
        w: marked({ c: 'C' }, { 'user.fuseoverlayfs.opaque': 'y' }), p: marked({ q: 'Q' }, { 'user.overlay.opaque': 'y' }),
      },
      L2: LAYER,
    },
    mount: 'R=rw:L1=ro+wh:L2=ro+wh',
    only: 'tsaufs', limits,
    steps: [['readdir', '.', ['d', 'o', 'old', 'p', 'w']], ['readdir', 'd', []], ['readdir', 'o', ['top']], ['readdir', 'w', ['c']], ['readdir', 'p', ['q']], ['stat', 'f', 'ENOENT'], ['stat', 'o/low', 'ENOENT'], ['listxattr', 'o', []], ['listxattr', 'w', []]],
    merged: { d: {}, o: { top: 'T' }, old: { deep: { z: 'Z' } }, w: { c: 'C' }, p: { q: 'Q' } },
  },
  {
    name: 'a writable branch that fuse-overlayfs has written to',
    given: { R: { f: device, d: { x: device }, o: marked({}, overlay('opaque', 'y')), old: device, p: device, w: device, '.wh.gone': '' }, L1: LAYER },
    mount: 'R=rw+fmt=fuse-overlayfs:L1=ro+wh:L2=ro+wh',
    only: 'tsaufs', limits,
    steps: [['readdir', '.', ['d', 'o']], ['write', 'f', 'new'], ['mkdir', 'old'], ['readdir', 'old', []], ['symlink', 'f', 'd/x'], ['mkdir', 'n', 0o700], ['write', 'n/c', 'C'], ['rename', 'n', 'w'], ['readdir', 'w', ['c']], ['link', 'f', 'p'], ['write', 'gone', 'g'], ['mknod', 'q', 'char:0:0', 'EPERM'], ['rename2', 'gone', 'q', 'WHITEOUT', 'EPERM'], ['unlink', 'd/y'], ['mknod', 'q', 'fifo']],
    merged: { f: 'new', old: {}, d: { x: { type: 'symlink', target: 'f' } }, w: { c: 'C' }, p: 'new', gone: 'g', o: {}, q: { type: 'fifo' } },
    top: { aufs: ['d', 'd/.wh.y', 'd/x', 'f', 'gone', 'old', 'old/.wh..wh..opq', 'opaque o', 'p', 'q', 'w', 'w/.wh..wh..opq', 'w/c'] },
  },
  {
    name: 'devices 0:0 are devices on a plain ro branch and with +fmt=aufs, and copied up as such',
    given: { L1: { a: device, d: marked({ x: 'X' }, overlay('opaque', 'y')) }, L2: { b: device, a: 'A', d: { y: 'Y' } } },
    mount: 'R=rw:L1=ro:L2=ro+wh+fmt=aufs',
    only: 'tsaufs', limits,
    steps: [['stat', 'a', { type: 'char', rdev: '0:0' }], ['stat', 'b', { type: 'char', rdev: '0:0' }], ['readdir', 'd', ['x', 'y']], ['chmod', 'b', 0o600], ['stat', 'b', { type: 'char', rdev: '0:0', mode: 0o600 }], ['readdir', '.', ['a', 'b', 'd']]],
  },
  {
    name: 'a copy without data (metacopy) is an error, not a hole',
    given: { L1: { d: marked({ f: file('', { size: 100, xattrs: overlay('metacopy', '') }), g: 'G' }, overlay('impure', 'y')) }, L2: { d: { f: 'data' } } },
    mount: 'R=rw:L1=ro+wh:L2=ro',
    only: 'tsaufs', limits,
    steps: [['stat', 'd/f', { size: 100 }], ['read', 'd/f', 'EIO'], ['append', 'd/f', 'x', 'EIO'], ['chmod', 'd/f', 0o600, 'EIO'], ['unlink', 'd/f'], ['append', 'd/g', '!'], ['read', 'd/g', 'G!']],
    merged: { d: { g: 'G!' } },
  },
  {
    name: 'marks of other formats cannot be seen or forged; an overlayfs above has its own',
    given: { R: { d: marked({ x: 'X' }, { ...overlay('opaque', 'y'), 'user.containers.override_stat': '0:0:755' }) }, L1: { d: { y: 'Y' }, e: { z: 'Z' } } },
    only: 'tsaufs', limits,
    steps: [['listxattr', 'd', []], ['getxattr', 'd', 'trusted.overlay.opaque', 'ENODATA'], ['setxattr', 'd', 'user.fuseoverlayfs.opaque', 'y', 'EPERM'], ['setxattr', 'd', 'user.containers.override_stat', 'x', 'EPERM'], ['setxattr', 'd', 'security.fuseoverlayfs.override_stat', 'x', 'EPERM'],
      ['setxattr', 'e', 'trusted.overlay.opaque', 'y'], ['getxattr', 'e', 'trusted.overlay.opaque', 'y'], ['listxattr', 'e', ['trusted.overlay.opaque']], ['getxattr', '@R/e', 'trusted.overlay.overlay.opaque', 'y'], ['readdir', 'e', ['z']], ['append', 'e/z', '!'], ['removexattr', 'e', 'trusted.overlay.opaque'], ['listxattr', 'e', []], ['dropcaches'], ['readdir', 'd', ['x']]],
    merged: { d: { x: 'X' }, e: { z: 'Z!' } },
  },
]

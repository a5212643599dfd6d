import t from 'tap'
import { BranchList, formatBranch, MAX_BRANCHES, parseBranch, parseBranchList, type Defaults } from '../../../lib/config/branches.js'
import type { BranchSpec } from '../../../lib/config/config.js'

const none: Defaults = { readOnly: false, nativelyReadOnly: () => false }

/** Parse a list and show what it becomes: branches as they would be written out, and the warnings. */
function list(text: string, defaults = none): { shown: string[], warnings: string[], specs: BranchSpec[] } {
  const warnings: string[] = []
  const branches = new BranchList()
  for (const branch of parseBranchList(text, '/cwd', (line) => warnings.push(line))) branches.insert(branch, -1)
  const specs = branches.finish(defaults)
  return { shown: specs.map(formatBranch), warnings, specs }
}

const GOOD: readonly (readonly [text: string, shown: readonly string[]])[] = [
  ['/a', ['/a=rw']],
  ['/a:/b:/c', ['/a=rw', '/b=ro', '/c=ro']],
  ['./a:b', ['/cwd/a=rw', '/cwd/b=ro']],
  ['/a=ro:/b=rw:/c=rr', ['/a=ro', '/b=rw', '/c=rr']],
  ['/a=rw:/b=ro+wh:/c=rr+wh', ['/a=rw', '/b=ro+wh', '/c=rr+wh']],
  ['/a=rw+nolwh', ['/a=rw+nolwh']],
  ['/a=rw+unpin', ['/a=rw']],
  ['/a=rw+coo_reg+coo_all+moo', ['/a=rw+moo']],
  ['/a=rw+moo+coo_reg', ['/a=rw+coo_reg']],
  ['/a=rw+fhsm+nolwh', ['/a=rw+nolwh+fhsm']],
  ['/a:/b=ro+coo_all', ['/a=rw', '/b=ro+coo_all']],
  ['/a=rw+icex', ['/a=rw+icex']],
  ['/a=rw+icexsec+icexusr', ['/a=rw+icexsec+icexusr']],
  ['/a=rw+icexsec+icexsys+icextr+icexusr+icexoth', ['/a=rw+icex']],
  ['/a=rw+fmt=auto:/b=ro+fmt=overlay+wh:/c=rr+wh+fmt=fuse-overlayfs:/d=ro+fmt=oci', ['/a=rw', '/b=ro+wh+fmt=overlay', '/c=rr+wh+fmt=fuse-overlayfs', '/d=ro+fmt=aufs']],
  ['/a\\=rw+fmt\\=x=rw+fmt=aufs', ['/a\\=rw+fmt\\=x=rw+fmt=aufs']],
  ['/a\\:b=rw:/c\\,d:/e\\=ro=ro', ['/a\\:b=rw', '/c\\,d=ro', '/e\\=ro=ro']],
  ['/a\\xff', ['/a\\xff=rw']],
]

t.test('lists', async (t) => {
  for (const [text, shown] of GOOD) {
    const { shown: got, warnings } = list(text)
    t.same(got, shown, text)
    t.same(warnings, [], `${text}: no warning`)
  }
})

const WARNED: readonly (readonly [text: string, shown: readonly string[], warning: string])[] = [
  ['/a=', ['/a=ro'], "branch /a: '' is no permission (rw, ro, rr); taken as ro"],
  ['/a=wr', ['/a=ro'], "branch /a: 'wr' is no permission (rw, ro, rr); taken as ro"],
  ['/a=rw+wh', ['/a=rw'], 'branch /a: +wh means nothing on rw; dropped'],
  ['/a=ro+moo', ['/a=ro'], 'branch /a: +moo means nothing on ro; dropped'],
  ['/a=ro+nolwh+wh', ['/a=ro+wh'], 'branch /a: +nolwh means nothing on ro; dropped'],
  ['/a=ro+wh+what+coo_reg', ['/a=ro+wh'], "branch /a: unknown attribute 'what+coo_reg' dropped"],
  ['/a=rw+fmt=zfs+nolwh', ['/a=rw'], "branch /a: unknown attribute 'fmt=zfs+nolwh' dropped"],
  ['/a=ro+toString', ['/a=ro'], "branch /a: unknown attribute 'toString' dropped"],
]

t.test('what is dropped is said', async (t) => {
  for (const [text, shown, warning] of WARNED) {
    const { shown: got, warnings } = list(text)
    t.same(got, shown, text)
    t.same(warnings, [warning], text)
  }
})

t.test('whiteouts are honoured on rw always, on others with +wh', async (t) => {
  t.same(list('/a:/b:/c=rr+wh').specs.map((spec) => spec.wh), [true, false, true])
})

t.test('the permission that was not given', async (t) => {
  t.same(list('/a:/b', { ...none, readOnly: true }).shown, ['/a=ro', '/b=ro'], 'a read-only mount')
  t.same(list('/a:/b', { ...none, nativelyReadOnly: (path) => path === '/b' }).shown, ['/a=rw', '/b=rr'], 'squashfs and kin')
  t.same(list('/a', { ...none, nativelyReadOnly: () => true }).shown, ['/a=rr'], 'also on top')
  const branches = new BranchList()
  const add = (text: string, index: number): void => branches.insert(parseBranch(text, '/', () => t.fail('a warning')), index)
  add('/one', -1)
  add('/bottom', -1)
  add('/top', 0)
  t.same(branches.finish(none).map(formatBranch), ['/top=rw', '/one=rw', '/bottom=ro'], 'the requested place decides, not the final one')
})

t.test('places', async (t) => {
  const branches = new BranchList()
  const branch = (text: string) => parseBranch(text, '/', () => undefined)
  branches.insert(branch('/a'), 0)
  t.throws(() => branches.insert(branch('/b'), 2), { code: 'EDOM' })
  t.throws(() => branches.insert(branch('/a'), 0), { code: 'EINVAL' })
  branches.insert(branch('/b'), 1)
  branches.modify(branch('/b=ro+wh'))
  t.throws(() => branches.modify(branch('/c=ro')), { code: 'ENOENT' })
  t.throws(() => branches.remove('/c'), { code: 'ENOENT' })
  branches.remove('/a')
  t.same(branches.finish(none).map(formatBranch), ['/b=ro+wh'])
})

t.test(`${MAX_BRANCHES} branches and no more`, async (t) => {
  const paths = Array.from({ length: MAX_BRANCHES }, (_, i) => `/b${i}`)
  t.equal(list(paths.join(':')).specs.length, 127)
  t.throws(() => list([...paths, '/one-more'].join(':')), { code: 'ENOSPC', exit: 32, message: /^branch \/one-more: ENOSPC: .*127/ })
})

const BAD: readonly (readonly [text: string, message: string])[] = [
  ['', "option 'dirs': EINVAL: it is empty; give dirs=PATH[=PERM][:PATH[=PERM]]..."],
  ['/a::/b', "option 'dirs=/a::/b': EINVAL: an element between ':' is empty; a ':' in a path is written '\\:'"],
  ['/a:', "option 'dirs=/a:': EINVAL: an element between ':' is empty; a ':' in a path is written '\\:'"],
  ['=rw', "branch '=rw': EINVAL: a branch needs a path: PATH[=rw|ro|rr[+ATTRIBUTE]...]"],
  ['/a:/a', 'branch /a: EINVAL: it is there twice; name each branch once'],
  ['/a:/x/../a', ''],
  ['/a\\q', "path '/a\\q': EINVAL: '\\q' is no escape; write a backslash as '\\\\'"],
]

t.test('malformed lists', async (t) => {
  for (const [text, message] of BAD) {
    if (message === '') t.doesNotThrow(() => list(text), `${text}: only the disk can tell`)
    else t.throws(() => list(text), { message }, text)
  }
})

/** tsaufs convert: a branch with every mark, into each form and back; the union it makes stays what it was. */
import t from 'tap'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repositoryRoot, StepServer, type Step } from '../helpers/steps.js'
import { toEntries, type Tree } from '../helpers/tree.js'
import { compareViews, type View } from '../scenario/compare.js'
import { removeTree, runProgram, unmountAt } from '../scenario/subjects/subject.js'

const LOWER: Tree = {
  f: 'F', d: { g: 'G', e: { h: 'H' }, big: { type: 'file', content: '0123456789abcdef', times: 40_000 } }, o: { x: { y: 'Y' } }, gone: {}, s: {},
  l1: 'linked', l2: { type: 'file', link: 'l1' }, p: { type: 'fifo' },
}
const STEPS: readonly Step[] = [
  ['unlink', 'f'], ['mkdir', 'f'], ['rename', 'd', 'dd'], ['unlink', 'dd/g'], ['rename', 'dd/e', 'e'], ['exec', 'rm', '-r', 'o'], ['mkdir', 'o'], ['write', 'o/n', 'N'],
  ['append', 'l1', '!'], ['rmdir', 'gone'], ['rename', 'p', 'q'], ['symlink', 'q', 's/l'], ['setxattr', 's', 'user.k', 'v'],
]
const skip = process.getuid!() === 0 ? false : 'needs root'

t.test('there and back', { skip }, async (t) => {
  const work = mkdtempSync(join(tmpdir(), 'tsaufs-convert-'))
  const at = (name: string): string => join(work, name)
  const server = new StepServer()
  t.teardown(async () => {
    server.stop()
    await unmountAt(at('m'))
    await removeTree(work)
  })
  for (const name of ['R', 'L', 'm', 'run']) mkdirSync(at(name))
  await server.ask({ build: [[at('L'), [['', { type: 'dir', mode: 0o755, mtime: 1e9 }], ...toEntries(LOWER, 'aufs')]]] })
  const tsaufs = (...words: string[]) =>
    runProgram([process.execPath, join(repositoryRoot(), 'bin/tsaufs.js'), ...words], { TSAUFS_RUN_DIR: at('run'), TSAUFS_STRICT: '1' })
  const mounted = async <T>(upper: string, use: () => Promise<T>): Promise<T> => {
    const { code, err } = await tsaufs('mount', '-o', `dirs=${at(upper)}:${at('L')}=ro,udba=none`, 'none', at('m'))
    t.equal(code, 0, err)
    try {
      return await use()
    } finally {
      t.equal((await tsaufs('umount', at('m'))).code, 0, 'unmounted')
    }
  }
  const view = async (): Promise<View> => (await server.ask({ snapshot: at('m') }))['entries'] as View
  const before = await mounted('R=rw', async () => {
    for (const result of await server.run(at('m'), STEPS)) t.same([result.e, result.x], [undefined, undefined])
    return view()
  })
  const same = async (upper: string): Promise<void> => {
    t.same(compareViews(before, await mounted(upper, view), false, { ino: '' }), [], `${upper} shows the same`)
  }
  const convert = async (...words: string[]): Promise<void> => {
    const { code, err } = await tsaufs('convert', ...words)
    t.equal(code, 0, `${words.join(' ')}: ${err}`)
  }

  const refused = await tsaufs('convert', '--to', 'oci', at('R'))
  t.match(refused, { code: 1, err: /ENODATA: .* give --lower/ }, 'redirects cannot be written out without the lower branches')
  await same('R=rw')

  await convert('--to', 'oci', '--lower', at('L'), '--into', at('O'), at('R'))
  await same('O=rw')
  await same('R=rw')
  const { names } = await server.ask({ names: at('O') }) as { names: string[] }
  t.same(names.filter((name) => /\.wh\.\.wh\.(?!\.opq$)/.test(name)), [], 'a layer holds whiteouts and opaque marks only')
  const { out } = await runProgram(['getfattr', '-R', '-h', '-m', '-', '--absolute-names', at('O')])
  t.same(out.split('\n').filter((line) => /trusted/.test(line)), [], 'and no attributes of ours')

  await convert('--to', 'overlay', '--lower', at('L'), '--into', at('V'), at('R'))
  await same('V=rw+fmt=overlay')
  mkdirSync(at('W'))
  const kernel = `lowerdir=${at('L')},upperdir=${at('V')},workdir=${at('W')},redirect_dir=on`
  t.match(await runProgram(['mount', '-t', 'overlay', 'overlay', '-o', kernel, at('m')]), { code: 0 })
  t.same(compareViews(before, await view(), false, { ino: '', d_ino: '' }), [], 'overlayfs shows the same')
  await runProgram(['umount', at('m')])
  await convert('--to', 'overlay', '--lower', at('L'), at('V'))
  await same('V=rw+fmt=overlay')
  await convert('--to', 'aufs', '--lower', at('L'), at('V'))
  await same('V=rw+fmt=aufs')
  await convert('--to', 'aufs', at('V'))
  await same('V=rw+fmt=aufs')
})

t.test('what cannot be said in the other form changes nothing', { skip }, async (t) => {
  const work = mkdtempSync(join(tmpdir(), 'tsaufs-convert-'))
  t.teardown(() => rmSync(work, { recursive: true }))
  const branch = join(work, 'b')
  mkdirSync(branch)
  writeFileSync(join(branch, '.wh.x'), '')
  await runProgram(['mknod', join(branch, 'dev'), 'c', '0', '0'])
  const tsaufs = (...words: string[]) => runProgram([process.execPath, join(repositoryRoot(), 'bin/tsaufs.js'), 'convert', ...words])
  t.match(await tsaufs('--from', 'aufs', '--to', 'overlay', branch), { code: 1, err: /device 0:0 dev: EINVAL/ })
  t.match(await tsaufs('--from', 'overlay', '--to', 'aufs', branch), { code: 1, err: /reserved name \.wh\.x: EINVAL/ })
  t.same(readdirSync(branch).sort(), ['.wh.x', 'dev'])
  t.match(await tsaufs('--to', 'oci', '--into', branch, branch), { code: 1, err: /EEXIST/ })
  t.match(await tsaufs('--to', 'zfs', branch), { code: 2 })
  t.match(await tsaufs('--to', 'aufs', join(work, 'none')), { code: 1, err: /ENOENT/ })
  t.notOk(existsSync(join(work, 'none')))
  t.match(await tsaufs('--to', 'aufs', branch), { code: 0, out: /^1 whiteouts/ })
  t.same(readdirSync(branch).sort(), ['.wh.dev', '.wh.x'])
})

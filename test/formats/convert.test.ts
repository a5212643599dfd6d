/** tsaufs convert: a branch with every mark, into each form and back; the union it makes stays what it was. */
import t from 'tap'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repositoryRoot } from '../helpers/steps.js'
import { runProgram } from '../scenario/subjects/subject.js'
import { ConvertBed } from './convert-bed.js'

const skip = process.getuid!() === 0 ? false : 'needs root'

t.test('there and back', { skip }, async (t) => {
  const bed = new ConvertBed(t)
  const at = (name: string): string => bed.at(name)
  const same = (upper: string): Promise<void> => bed.same(upper)
  await bed.make()
  const convert = async (...words: string[]): Promise<void> => {
    const { code, err } = await bed.tsaufs(['convert', ...words])
    t.equal(code, 0, `${words.join(' ')}: ${err}`)
  }

  const refused = await bed.tsaufs(['convert', '--to', 'oci', at('R')])
  t.match(refused, { code: 1, err: /ENODATA: .* give --lower/ }, 'redirects cannot be written out without the lower branches')
  await same('R=rw')

  await convert('--to', 'oci', '--lower', at('L'), '--into', at('O'), at('R'))
  await same('O=rw')
  await same('R=rw')
  const { names } = await bed.server.ask({ names: at('O') }) as { names: string[] }
  t.same(names.filter((name) => /\.wh\.\.wh\.(?!\.opq$)/.test(name)), [], 'a layer holds whiteouts and opaque marks only')
  const { out } = await runProgram(['getfattr', '-R', '-h', '-m', '-', '--absolute-names', at('O')])
  t.same(out.split('\n').filter((line) => /trusted/.test(line)), [], 'and no attributes of ours')

  await convert('--to', 'overlay', '--lower', at('L'), '--into', at('V'), at('R'))
  await same('V=rw+fmt=overlay')
  mkdirSync(at('W'))
  const kernel = `lowerdir=${at('L')},upperdir=${at('V')},workdir=${at('W')},redirect_dir=on`
  t.match(await runProgram(['mount', '-t', 'overlay', 'overlay', '-o', kernel, at('m')]), { code: 0 })
  t.same(await bed.differences({ d_ino: '' }), [], 'overlayfs shows the same')
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

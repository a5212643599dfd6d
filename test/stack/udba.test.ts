/** `udba=` of a live mount: none and reval, and back; what the kernel kept of what was changed directly is forgotten. */
import t, { type Test } from 'tap'
import { linkSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { NEEDS_ROOT, Sandbox } from '../cli/sandbox.js'

/** What is seen: names and texts, and whether a name is not there. */
function look(box: Sandbox): string {
  const text = (name: string): string => {
    try {
      return readFileSync(box.at('mnt', name), 'utf8')
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? ''
    }
  }
  const names = ['same', 'replaced', 'gone', 'new', 'd/inner', 'd/new', 'l1', 'l2'].map((name) => `${name}:${text(name)}`)
  return [readdirSync(box.at('mnt')).sort().join(' '), readdirSync(box.at('mnt/d')).sort().join(' '), ...names].join('; ')
}

/** Direct changes of every kind; `word` tells one time from another. */
function changeDirectly(box: Sandbox, word: string): void {
  writeFileSync(box.at('b/same'), word)
  writeFileSync(box.at('b/tmp'), `replaced ${word}`)
  renameSync(box.at('b/tmp'), box.at('b/replaced'))
  rmSync(box.at('b/gone'), { force: true })
  rmSync(box.at('b/d'), { recursive: true })
  box.files({ 'a/new': word, 'b/d/inner': `inner ${word}`, 'b/d/new': word, 'b/l1': word })
}

const change = (t: Test, box: Sandbox, udba: string): void => {
  t.same(box.run('remount', '-o', `udba=${udba}`, 'mnt'), { exit: 0, stdout: '', complaints: [] }, `udba=${udba}`)
}

t.test('none and reval', { skip: NEEDS_ROOT }, (t) => {
  const box = new Sandbox(t).files({ 'b/same': 'x', 'b/replaced': 'x', 'b/gone': 'x', 'b/d/inner': 'x', 'b/l1': 'x' })
  linkSync(box.at('b/l1'), box.at('b/l2'))
  box.mount(t, '-o', 'dirs=a=rw:b=ro', 'none', 'mnt')
  look(box)
  changeDirectly(box, 'first')
  // Not looked at since: what is known when caches are trusted from now on is what is there.
  change(t, box, 'none')
  const first = look(box)
  t.match(first, /^d l1 l2 new replaced same; inner new; same:first; replaced:replaced first; gone:ENOENT; new:first; d\/inner:inner first; d\/new:first; l1:first; l2:first/)
  rmSync(box.at('a/new'))
  changeDirectly(box, 'second time')
  rmSync(box.at('a/new'))
  t.equal(box.sh('cat mnt/d/inner').stdout, 'inner first', 'trusted: what is cached is shown')
  change(t, box, 'reval')
  const second = /^d l1 l2 replaced same; inner new; same:second time; replaced:replaced second time; gone:ENOENT; new:ENOENT; d\/inner:inner second time; d\/new:second time; l1:second time; l2:second time/
  t.match(look(box), second)
  changeDirectly(box, '3')
  t.match(look(box), /same:3; replaced:replaced 3; gone:ENOENT; new:3; d\/inner:inner 3; d\/new:3; l1:3; l2:3/, 'and goes on so')
  writeFileSync(box.at('b/gone'), 'back')
  t.match(look(box), /gone:back/, 'names that were missing too')
  t.equal(box.sh('echo own >mnt/same; cat a/same').stdout, 'own\n', 'it is written as ever')
  t.equal(box.exec('getfattr', '--only-values', '-n', 'user.tsaufs.udba', 'mnt/.tsaufs').stdout, 'reval')
  t.equal(box.run('umount', 'mnt').exit, 0)
  t.end()
})

t.test('what cannot change', { skip: NEEDS_ROOT }, (t) => {
  const box = new Sandbox(t)
  const refused = (udba: string, line: RegExp): void => {
    const { exit, complaints } = box.run('remount', '-o', `udba=${udba}`, 'mnt')
    t.match([exit, ...complaints], [2, line], udba)
  }
  box.mount(t, '-o', 'dirs=a:b,udba=none', 'mnt')
  t.equal(box.run('remount', '-o', 'udba=none', 'mnt').exit, 0, 'it is so already')
  refused('reval', /^option 'udba=reval': EOPNOTSUPP: the mount began with udba=none, .*; unmount, and mount anew with it$/)
  t.equal(box.run('umount', 'mnt').exit, 0)
  box.mount(t, '-o', 'dirs=a:b', 'mnt')
  refused('notify', /^option 'udba=notify': EOPNOTSUPP: branches are watched from the beginning or not at all;/)
  refused('never', /EINVAL/)
  t.equal(box.run('umount', 'mnt').exit, 0)
  t.end()
})

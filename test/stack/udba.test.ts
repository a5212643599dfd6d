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

/** Every change from one to another. */
const ROUND = ['none', 'reval', 'notify', 'none', 'notify', 'reval', 'none'] as const

for (const began of ['none', 'reval', 'notify'] as const) {
  t.test(`a mount that began with ${began}`, { skip: NEEDS_ROOT }, (t) => {
    const box = new Sandbox(t).files({ 'b/same': 'x', 'b/replaced': 'x', 'b/gone': 'x', 'b/d/inner': 'x', 'b/l1': 'x' })
    linkSync(box.at('b/l1'), box.at('b/l2'))
    box.mount(t, '-o', `dirs=a=rw:b=ro,udba=${began}`, 'none', 'mnt')
    let word = 0
    const isSeen = (udba: string): void => {
      if (udba === 'none') return void look(box)
      if (udba === 'notify') t.equal(box.run('settle', 'mnt').exit, 0)
      t.match(look(box), new RegExp(`^d l1 l2 new replaced same; inner new; same:${word}; replaced:replaced ${word}; gone:ENOENT; new:${word}; d/inner:inner ${word}; d/new:${word}; l1:${word}; l2:${word}`), `change ${word}, ${udba}`)
    }
    for (const udba of ROUND.slice(ROUND.indexOf(began))) {
      rmSync(box.at('a/new'), { force: true })
      if (word > 0) look(box)
      // Told only now, or not at all, of what has been changed just before.
      changeDirectly(box, String(++word))
      change(t, box, udba)
      if (udba !== 'none') isSeen(udba)
      changeDirectly(box, String(++word))
      isSeen(udba)
    }
    t.equal(box.sh('echo own >mnt/same; cat a/same').stdout, 'own\n', 'it is written as ever')
    t.equal(box.run('umount', 'mnt').exit, 0)
    t.end()
  })
}

t.test('what cannot change', { skip: NEEDS_ROOT }, (t) => {
  const box = new Sandbox(t)
  const refused = (options: string, line: RegExp): void => {
    const { exit, complaints } = box.run('remount', '-o', options, 'mnt')
    t.match([exit, ...complaints], [2, line], options)
  }
  box.mount(t, '-o', 'dirs=a:b', 'mnt')
  t.equal(box.run('remount', '-o', 'udba=reval', 'mnt').exit, 0, 'it is so already')
  refused('udba=never', /EINVAL/)
  refused('io=passthrough', /^option 'io=passthrough': EOPNOTSUPP: the mount began without it, /)
  refused('noacl', /^option 'noacl': EOPNOTSUPP: it cannot change while mounted: the kernel agrees on it when the mount begins;/)
  refused('squash_to_root', /^option 'squash_to_root': EOPNOTSUPP: it cannot change while mounted: what processes were told/)
  refused('noexec', /^option 'noexec': EOPNOTSUPP: it cannot change this way; use: mount -o remount,bind,noexec$/)
  change(t, box, 'notify')
  refused('watch=inotify', /^option 'watch=inotify': EOPNOTSUPP: the branches are being watched;/)
  t.same(box.run('remount', '-o', 'udba=reval,watch=inotify', 'mnt').exit, 0)
  change(t, box, 'notify')
  t.match(box.run('settle', '-v', 'mnt').stdout, /by inotify/, 'another kind of watches')
  t.equal(box.run('umount', 'mnt').exit, 0)
  t.end()
})

t.test('options of a live mount', { skip: NEEDS_ROOT }, (t) => {
  const box = new Sandbox(t).files({ 'a/.wh.gone': '', 'b/gone': 'g', 'b/d/x': 'x', 'a/d/y': 'y' })
  box.sh('chmod 755 a/d; chmod 700 b/d')
  box.mount(t, '-o', 'dirs=a=rw:b=ro,udba=none,io=passthrough', 'mnt')
  const list = (): string => readdirSync(box.at('mnt')).join(' ')
  const remount = (options: string): void => {
    t.same(box.run('remount', '-o', options, 'mnt'), { exit: 0, stdout: '', complaints: [] }, options)
  }
  const mode = (): string => box.sh('stat -c %a mnt/d').stdout
  t.equal(list(), 'd')
  remount('shwh')
  t.same([list(), box.sh('stat -c %s mnt/.wh.gone').stdout], ['.wh.gone d', '0\n'])
  remount('noshwh')
  t.same([list(), box.sh('stat mnt/.wh.gone 2>/dev/null || echo no').stdout], ['d', 'no\n'])
  t.equal(mode(), '755\n')
  remount('io=cached,nodirperm1,idle=halt,moveonenospc,fhsm_sec=5,watch_max=100,statfs_omit_ro')
  t.equal(mode(), '700\n')
  t.equal(box.sh('echo one >mnt/d/x; cat b/d/x a/d/x mnt/d/x').stdout, 'xone\none\n', 'served by us')
  remount('io=passthrough,dirperm1,udba=reval')
  t.equal(box.sh('exec 3<>mnt/d/x; echo two >a/d/x; cat <&3').stdout, 'two\n', 'passed through again')
  t.equal(box.run('umount', 'mnt').exit, 0)
  t.end()
})

/** `tsaufs settle`, and the options of udba=notify, as people meet them. */
import t from 'tap'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { NEEDS_ROOT, Sandbox } from './sandbox.js'

for (const watch of ['fanotify', 'inotify']) {
  t.test(`what was changed directly shows: ${watch}`, { skip: NEEDS_ROOT }, async (t) => {
    const box = new Sandbox(t).files({ 'b/f': 'old', 'b/d/x': 'X' })
    box.mount(t, '-o', `dirs=a=rw:b=ro,udba=fsnotify,watch=${watch}`, 'none', 'mnt')
    t.equal(box.exec('cat', 'mnt/f', 'mnt/d/x').stdout, 'oldX')
    t.notOk(existsSync(box.at('mnt/n')))
    writeFileSync(box.at('a/n'), 'new')
    writeFileSync(box.at('b/f'), 'changed')
    rmSync(box.at('b/d'), { recursive: true })
    t.same(box.run('settle', '-v', 'mnt'), { exit: 0, stdout: `2 directories watched by ${watch}, events lost 0 times\n`, complaints: [] })
    t.equal(box.exec('cat', 'mnt/n', 'mnt/f').stdout, 'newchanged')
    t.notOk(existsSync(box.at('mnt/d')))
    t.match(JSON.parse(box.run('settle', '--json', 'mnt').stdout), { by: watch, watched: 2, overflows: 0 })
    t.equal(box.run('umount', 'mnt').exit, 0)
    t.same(box.remains(), [])
  })
}

t.test('without watches it comes back at once', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t).files({ 'b/f': 'old' })
  box.mount(t)
  t.same(box.run('settle', '-v', 'mnt'), { exit: 0, stdout: 'not watched\n', complaints: [] })
  t.equal(box.run('settle', '--json', 'mnt').stdout, 'null\n')
  t.same(box.run('settle', 'a'), { exit: 1, stdout: '', complaints: ["settle a: EINVAL: no union is mounted there; 'tsaufs list' shows them"] })
  t.equal(box.run('umount', 'mnt').exit, 0)
})

t.test('more directories than may be watched are looked at each time', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t).files({ 'b/d/x': 'X', 'b/e/x': 'X' })
  box.mount(t, '-o', 'dirs=a=rw:b=ro,udba=notify,watch_max=3', 'none', 'mnt')
  t.equal(box.exec('cat', 'mnt/d/x', 'mnt/e/x').stdout, 'XX')
  writeFileSync(box.at('b/d/x'), 'Y1')
  writeFileSync(box.at('b/e/x'), 'Y2')
  t.match(box.run('settle', '-v', 'mnt').stdout, /^3 directories/)
  t.equal(readFileSync(box.at('mnt/d/x'), 'utf8') + readFileSync(box.at('mnt/e/x'), 'utf8'), 'Y1Y2')
  t.equal(box.run('umount', 'mnt').exit, 0)
})

/** `tsaufs check` of branches straight from use: there is nothing to be found, whatever was done and however they are written. */
import t from 'tap'
import { NEEDS_ROOT, Sandbox } from '../cli/sandbox.js'

/** What marks, whiteouts, link groups, redirects and opaque directories come from. */
const USE = `
  cd mnt
  mv old new; mkdir old; echo x >old/n; rm new/gone; mv new/sub moved; rmdir empty
  rm -r cache; mkdir -p cache/a; mv cache elsewhere; mkdir -p elsewhere/deep; mv elsewhere/deep top
  echo more >>l1; ln l2 l4; rm l3; mv l4 moved/l; touch moved/own; chmod 700 kept; mv kept/f kept/g; mv kept/g f; ln f kept/h
  mkdir -p p/q/r; mv p/q q; mv q p/q; mkdir w; mv w old/w; rm -r old/w; mkdir old/w; rm -r new; mknod fifo p; mv fifo top/fifo
`
const LOWER = `
  for d in old/sub cache/a kept empty p; do mkdir -p b/$d; done
  for f in old/f old/gone old/sub/f cache/a/f kept/f p/f l1; do echo $f >b/$f; done; ln b/l1 b/l2; ln b/l1 b/l3
`

for (const [name, top, options] of [
  ['one writable branch', 'a=rw:b=ro', ''],
  ['diropq=always', 'a=rw:b=ro', ',diropq=always'],
  ["overlayfs's form", 'a=rw+fmt=overlay:b=ro', ''],
  ['two writable branches', 'a=rw:c=rw:b=ro', ',create=rr'],
] as const) {
  t.test(name, { skip: NEEDS_ROOT }, (t) => {
    const box = new Sandbox(t)
    t.same(box.sh(`mkdir c; ${LOWER}`).complaints, [])
    box.mount(t, '-o', `dirs=${top}${options}`, 'none', 'mnt')
    t.same(box.sh(`set -e; ${USE}`).complaints, [])
    t.equal(box.run('umount', 'mnt').exit, 0)
    const branches = top.split(':').map((branch) => branch.replace(/[=+].*/, ''))
    for (const words of [branches, ['a'], ['--repair', ...branches]]) {
      const { exit, stdout } = box.run('check', ...words)
      const lines = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('note '))
      t.same([exit, lines], [0, ['0 found, 0 repaired']], words.join(' '))
    }
    t.end()
  })
}

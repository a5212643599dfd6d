/**
 * Redirects that lead through each other, branch after branch: followed to the end they would take years.
 */
import t from 'tap'
import { mkdirSync } from 'node:fs'
import { sys } from '../../lib/os/native.js'
import { NEEDS_ROOT, Sandbox } from '../cli/sandbox.js'
import { StepServer } from '../helpers/steps.js'

const BRANCHES = 6
const DEPTH = 30
const AT_FDCWD = -100

t.test('redirects that multiply lead nowhere', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t)
  const names = Array.from({ length: BRANCHES }, (_, i) => `l${i}`)
  for (const [i, name] of names.entries()) {
    let path = box.at(name)
    mkdirSync(path)
    for (let k = 0; k < DEPTH; k++) {
      path += '/a'
      mkdirSync(path)
      if (i < BRANCHES - 1) sys.setxattr(AT_FDCWD, path, 'trusted.tsaufs.redirect', Buffer.from('a/'.repeat(DEPTH)), 0)
    }
  }
  box.mount(t, '-o', `dirs=${names.map((name, i) => `${name}=${i === 0 ? 'rw' : 'ro+wh'}`).join(':')}`, 'mnt')
  const server = new StepServer()
  t.teardown(() => server.stop())
  t.same(await server.run(box.at('mnt'), [['readdir', 'a'], ['write', 'a/new', 'text'], ['read', 'a/new']]), [{ v: ['a'] }, { v: null }, { v: 'text' }])
  t.equal(box.run('umount', 'mnt').exit, 0)
  t.equal(box.run('check', ...names).exit, 1, 'and are found')
})

/**
 * udba=notify, a directory that could not be watched and now can be: what is known of what lies in it is from before, and is
 * looked at again before it is trusted.
 */
import t from 'tap'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmdirSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mountUnion } from '../scenario/subjects/tsaufs.js'
import { removeTree, unmountAt } from '../scenario/subjects/subject.js'
import { askDaemon } from './ask.js'

const reason = process.getuid?.() !== 0 ? 'needs root' : existsSync('/dev/fuse') ? false : 'no /dev/fuse'

for (const watch of ['fanotify', 'inotify']) {
  await t.test(watch, { skip: reason }, async (t) => {
    const work = mkdtempSync(join(tmpdir(), 'tsaufs-trust-'))
    const at = (name: string): string => join(work, name)
    for (const name of ['R/d/n', 'L/d/n', 'L/full', 'm']) mkdirSync(at(name), { recursive: true })
    writeFileSync(at('L/d/n/x'), 'x')
    try {
      // The roots, `full` and one part of `d`: there is no room for the other.
      const mounted = await mountUnion({
        branches: [{ name: 'R', path: at('R'), perm: 'rw' }, { name: 'L', path: at('L'), perm: 'ro' }],
        options: ['udba=notify', `watch=${watch}`, 'watch_max=4'], mountpoint: at('m'), scratch: at('s'),
      })
      const settle = (): Promise<unknown> => askDaemon(join(at('s'), 'run'), 'settle')
      t.same(readdirSync(at('m/full')), [])
      t.same(readdirSync(at('m/d/n')), ['x'], 'known, and not watched')
      rmdirSync(at('L/full'))
      await settle()
      readdirSync(at('m'))
      renameSync(at('L/d/n'), at('L/d/gone'))
      // Twice, as the kernel may have kept the removed directory for a moment.
      for (const mode of [0o750, 0o755]) {
        chmodSync(at('R/d'), mode)
        await settle()
      }
      t.same(readdirSync(at('m/d/n')), [], 'the lower part is gone')
      t.same(readdirSync(at('m/d')).sort(), ['gone', 'n'])
      t.equal(statSync(at('m/d/n')).nlink, 2, 'of one part')
      t.same(await mounted.unmount(), [], 'unmounted')
    } finally {
      await unmountAt(at('m'))
      await removeTree(work)
    }
  })
}

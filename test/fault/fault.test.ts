/** Every system call of every operation fails once: as if nothing had happened. TSAUFS_FULL=1 leaves no call out. */
import t from 'tap'
import { existsSync } from 'node:fs'
import { rows } from './ops.js'
import { Sweep, type FaultMode } from './sweep.js'

t.setTimeout(1_800_000)
const full = process.env['TSAUFS_FULL'] !== undefined
const reason = process.getuid?.() !== 0 ? 'needs root' : existsSync('/dev/fuse') ? false : 'no /dev/fuse'

const modes: (FaultMode & { readonly limit: number })[] = [
  { name: 'one call gives EIO', errno: 'EIO', which: 'all', once: true, cold: false, options: ['udba=none'], limit: 12 },
  {
    name: 'no space from some call on', errno: 'ENOSPC', which: 'space', once: false, cold: false,
    options: ['udba=reval'], limit: 8,
  },
  {
    name: 'no descriptors from some call on', errno: 'EMFILE', which: 'fds', once: false, cold: true,
    options: ['udba=reval'], limit: 5,
  },
]
const more: FaultMode[] = [
  { name: 'one call gives EIO, names unknown', errno: 'EIO', which: 'all', once: true, cold: true, options: ['udba=reval'] },
  { name: 'one call gives ENOSPC', errno: 'ENOSPC', which: 'mutating', once: true, cold: false, options: ['udba=none'] },
  { name: 'one call gives EMFILE', errno: 'EMFILE', which: 'all', once: true, cold: false, options: ['udba=reval'] },
]

for (const mode of [...modes, ...(full ? more : [])].map(each => ({ limit: 0, ...each }))) {
  for (const io of ['cached', 'passthrough']) {
    t.test(`${mode.name}, io=${io}`, { skip: reason }, async (t) => {
      const sweep = new Sweep({ ...mode, options: [...mode.options, `io=${io}`] }, full ? Infinity : mode.limit)
      const wanted = process.env['TSAUFS_ROW']
      await sweep.run(rows.filter(row => (row.io ?? 'cached') === io && (wanted === undefined || row.name.includes(wanted))))
      t.comment(`${sweep.trials} faults`)
      for (const problem of sweep.problems.slice(0, 500)) t.comment(problem)
      t.equal(sweep.problems.length, 0, 'as if nothing had happened')
    })
  }
}

/**
 * Random walks on an upper directory in overlayfs's form: ours alone, and by turns with the kernel's overlayfs, each going on
 * with what the other has written. Compared with a plain directory after every step, as test/walk does.
 *
 *   node dist/test/formats/walk.test.js [--seed N] [--steps N]
 */
import t from 'tap'
import { parseArgs } from 'node:util'
import { show } from '../helpers/steps.js'
import type { Subject } from '../scenario/subjects/subject.js'
import { flatten, toSpecial, type Entry, type Tree } from '../helpers/tree.js'
import { randomBranches, randomStep } from '../walk/generate.js'
import { Random } from '../walk/random.js'
import { shrink, trial, type Item } from '../walk/walk.js'
import { byTurns, kernel, tsaufsOn } from './subjects.js'

const { values } = parseArgs({ options: { seed: { type: 'string' }, steps: { type: 'string' }, shrink: { type: 'boolean' }, only: { type: 'string' } }, strict: false })
const seed = Number(values.seed ?? process.env['WALK_SEED'] ?? 1)
const count = Number(values.steps ?? process.env['WALK_STEPS'] ?? 400)
const STRIDE = 40

function items(r: Random): Item[] {
  const out: Item[] = []
  for (let i = 1; i <= count; i++) {
    out.push(randomStep(r))
    if (i % STRIDE === 0) out.push(r.pick(['compare', 'remount', 'remount']))
  }
  return out
}

/** Whiteouts where nothing merges are left out: overlayfs lists those as devices, whoever wrote them. */
function prune(tree: Tree, below: Tree | null): Tree {
  const out: Record<string, Entry> = {}
  for (const [name, entry] of Object.entries(tree)) {
    const e = toSpecial(entry)
    if (e.type === 'whiteout' && below === null) continue
    const lower = below?.[name] === undefined ? null : toSpecial(below[name])
    const merges = lower?.type === 'dir' && e.opaque !== true
    out[name] = e.type === 'dir' ? { ...e, children: prune(e.children ?? {}, merges ? lower.children ?? {} : null) } : entry
  }
  return out
}

/** Lower hard links are left out where the kernel writes: it keeps what it knows of them in its work directory. */
const CASES: readonly { name: string; subject: () => Subject; lowerLinks: boolean }[] = [
  { name: 'tsaufs alone', subject: () => tsaufsOn('+fmt=overlay'), lowerLinks: true },
  { name: 'tsaufs and the kernel, index=off', subject: () => byTurns(tsaufsOn('+fmt=overlay'), kernel('redirect_dir=on,index=off,xino=auto')), lowerLinks: false },
  { name: 'the kernel, index=on, and tsaufs', subject: () => byTurns(kernel('redirect_dir=on,index=on,xino=auto'), tsaufsOn('+fmt=overlay')), lowerLinks: false },
]

t.setTimeout(3600_000)
for (const { name, subject, lowerLinks } of CASES) {
  if (values.only !== undefined && !name.includes(String(values.only))) continue
  const skip = process.getuid!() === 0 ? false : 'needs root'
  await t.test(name, { skip }, async (test) => {
    test.setTimeout(1200_000)
    const r = new Random(seed)
    const [top, middle, { links, ...bottom }] = randomBranches(r) as [Tree, Tree, Tree]
    const trees = [prune(top, flatten([middle, bottom])), prune(middle, bottom), lowerLinks ? { ...bottom, links: links! } : bottom]
    const all = items(r)
    const found = await trial(subject(), trees, all)
    if (found === null) return void test.pass(`seed ${seed}, ${count} steps`)
    test.fail(`seed ${seed}, at ${found.at}: ${found.problem}`)
    if (values.shrink !== true) return
    const small = await shrink(subject(), trees, all.slice(0, found.at))
    for (const item of small?.items ?? []) test.comment(show(item))
    test.comment(small?.problem ?? '')
    test.comment(JSON.stringify(trees))
  })
}

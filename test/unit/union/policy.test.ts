/**
 * Every policy in every situation that tells it from another, as a pure function. A stack is written as a word per branch,
 * top first: `rw` or `ro`, a `*` if it has the parent, then the free megabytes. `used` is 100 minus that.
 */
import t from 'tap'
import { COPY_UP_POLICIES, CREATE_POLICIES, formatPolicy, parsePolicy } from '../../../lib/config/policies.js'
import { formatSize, parseSize } from '../../../lib/config/size.js'
import type { CreatePolicy, Situation } from '../../../lib/union/policy/policy.js'
import { copyUpPolicy, createPolicy } from '../../../lib/union/policy/registry.js'

const M = 2 ** 20

interface More { makesDir?: boolean; modified?: readonly number[]; random?: number }

function situation(stack: string, { makesDir = false, modified = [], random = 0 }: More = {}): Situation {
  const words = stack.split(' ').map(word => /^(rw|ro)(\*?)(\d*)$/.exec(word)!)
  const parts = words.flatMap(([, , part], i) => (part === '*' ? [i] : []))
  return {
    branches: words.map(([, perm, , free]) => ({
      writable: perm === 'rw',
      space: { freeBytes: () => Number(free) * M, usedBytes: () => (100 - Number(free)) * M },
    })),
    dir: { top: parts[0]!, branches: parts },
    makesDir, modified: b => modified[b] ?? 0, random: () => random,
  }
}

const policy = (text: string): CreatePolicy => createPolicy(parsePolicy(CREATE_POLICIES, 'create', text))

/** Policy, stack, the branch it answers; -1 is EROFS. */
const CREATE: readonly (readonly [policy: string, stack: string, answer: number, more?: More])[] = [
  ['tdp', 'rw*9 rw*50 ro', 0], ['tdp', 'rw9 rw*5 ro*', 1], ['tdp', 'rw9 rw5 ro*', 1], ['tdp', 'ro* rw*50', -1],
  ['tdp', 'rw1 ro* rw*50', 0],
  ['mfs', 'rw*9 rw50 ro99', 1], ['mfs', 'rw*50 rw50 rw50', 2], ['mfs', 'ro*9 ro9', -1], ['mfs', 'ro*9 rw1', 1],
  ['mfsrr:10M', 'rw*9 rw50', 1], ['mfsrr:60M', 'rw*9 rw50', 1], ['mfsrr:50M', 'rw*9 rw50', 1], ['mfsrr:1', 'ro* ro', -1],
  ['tdmfs:10M', 'rw*50 rw*90', 0], ['tdmfs:50M', 'rw*50 rw*90', 1], ['tdmfs:10M', 'rw*9 rw*50', 1],
  ['tdmfs:10M', 'rw*9 rw50', 1], ['tdmfs:10M', 'rw*9 rw11 rw*12 rw90', 1], ['tdmfs:95M', 'rw*9 rw*50', 1],
  ['tdmfs:1', 'rw50 ro* rw90', 0], ['tdmfs:1', 'ro*', -1],
  ['pmfs', 'rw*9 rw50', 0], ['pmfs', 'rw*9 rw*50 rw90', 1], ['pmfs', 'rw*50 rw*50', 0], ['pmfs', 'rw9 ro*50 rw*1', 2],
  ['pmfs', 'rw9 ro*50 ro*', 0], ['pmfs', 'ro* rw90', -1],
  ['pmfsrr:10M', 'rw*9 rw*50 rw90', 1], ['pmfsrr:51M', 'rw*9 rw*50 rw90', 2], ['pmfsrr:10M', 'ro* rw', -1],
  ['epmfs', 'rw*9 rw*50 rw90', 1], ['epmfs', 'rw*50 rw*50 rw90', 0], ['epmfs', 'rw9 ro*50', 0], ['epmfs', 'ro* rw9', -1],
  ['epmfs:60M', 'rw*9 rw*50 rw90', 0],
  ['ff', 'rw5 rw*50', 0], ['ff', 'ro* rw50', 1], ['ff:10M', 'rw5 rw*50', 1], ['ff:60M', 'rw5 rw*50', 1], ['ff', 'ro*', -1],
  ['lfs', 'rw*9 rw50 rw5', 2], ['lfs:6M', 'rw*9 rw50 rw5', 0], ['lfs:60M', 'rw*9 rw50 rw5', 1], ['lfs', 'rw*5 rw5', 0],
  ['lfs', 'ro*', -1],
  ['lus', 'rw*9 rw50 rw5', 1], ['lus:60M', 'rw*9 rw70 rw80', 2], ['lus', 'rw*5 rw5', 0], ['lus', 'ro*', -1],
  ['newest', 'rw*9 rw*9 rw9', 1, { modified: [10, 20, 30] }], ['newest', 'rw*9 rw*9', 0, { modified: [10, 10] }],
  ['newest:5M', 'rw*9 rw*1', 0, { modified: [10, 20] }], ['newest', 'rw9 ro*9', 0], ['newest', 'ro*', -1],
  ['rand', 'rw*9 ro rw9 rw9', 0, { random: 0 }], ['rand', 'rw*9 ro rw9 rw9', 2, { random: 0.34 }],
  ['rand', 'rw*9 ro rw9 rw9', 3, { random: 0.99 }], ['rand:10M', 'rw*9 ro rw99', 2, { random: 0 }], ['rand', 'ro*', -1],
  ['rr', 'ro*', -1], ['rr', 'ro* rw', 1],
]

t.test('create policies', async t => {
  for (const [text, stack, answer, more] of CREATE) t.equal(policy(text)(situation(stack, more)), answer, `${text} on ${stack}`)
  const tried = new Set(CREATE.map(([text]) => text.split(':')[0]))
  for (const name of Object.keys(CREATE_POLICIES)) t.ok(tried.has(name), `${name} is tried`)
})

t.test('rr starts at the bottom, goes up, and round; a directory takes no turn', async t => {
  const rr = policy('rr')
  const stack = 'rw* ro rw rw ro'
  const file = (): number => rr(situation(stack))
  const dir = (): number => rr(situation(stack, { makesDir: true }))
  t.same([file(), file(), file(), file()], [3, 2, 0, 3])
  t.same([dir(), dir(), file(), dir()], [2, 2, 2, 0])
  t.equal(policy('rr')(situation(stack)), 3, 'another mount has a round of its own')
})

t.test('a round goes on when the stack changes', async t => {
  const rr = policy('rr')
  t.same(['rw* rw', 'rw* rw', 'rw* rw rw', 'rw*', 'ro* rw'].map(stack => rr(situation(stack))), [1, 0, 0, 0, 1])
})

t.test('mfsrr and pmfsrr go round where mfs would go below the limit', async t => {
  const mfsrr = policy('mfsrr:60M')
  t.same([1, 2, 3, 4].map(() => mfsrr(situation('rw*9 rw50 rw40'))), [2, 1, 0, 2])
  t.equal(mfsrr(situation('rw*9 rw70 rw40')), 1, 'there is one with room again')
  const pmfsrr = policy('pmfsrr:60M')
  t.same([1, 2, 3].map(() => pmfsrr(situation('rw*9 rw*50 rw40'))), [2, 1, 0])
})

/** Policy, stack, index of the source, answer. */
const COPY_UP: readonly (readonly [policy: 'tdp' | 'bup' | 'bu', stack: string, from: number, answer: number])[] = [
  ['tdp', 'rw* rw* ro*', 2, 0], ['tdp', 'rw rw* ro*', 2, 1], ['tdp', 'rw rw ro*', 2, 1], ['tdp', 'ro rw ro*', 2, 1],
  ['tdp', 'rw ro* ro*', 2, 0], ['tdp', 'ro* rw*', 0, -1], ['tdp', 'ro ro*', 1, -1],
  ['bup', 'rw* rw* ro*', 2, 1], ['bup', 'rw* rw ro*', 2, 0], ['bup', 'rw rw ro*', 2, 1], ['bup', 'rw ro* rw ro*', 3, 0],
  ['bup', 'rw ro* rw* ro*', 3, 2], ['bup', 'ro ro*', 1, -1], ['bup', 'ro* rw*', 0, -1],
  ['bu', 'rw* rw ro*', 2, 1], ['bu', 'rw* ro ro*', 2, 0], ['bu', 'ro* ro*', 1, -1], ['bu', 'rw* ro* rw*', 1, 0],
]

t.test('copy-up policies', async t => {
  for (const [name, stack, from, answer] of COPY_UP) {
    const { branches, dir } = situation(stack)
    t.equal(copyUpPolicy(parsePolicy(COPY_UP_POLICIES, 'cpup', name))(branches, dir, from), answer, `${name} on ${stack} from ${from}`)
  }
})

t.test('a policy can be written as it was read', async t => {
  const same = ['tdp', 'rr', 'mfs', 'mfs:5', 'mfsrr:4294967296', 'tdmfs:1:0', 'lfs', 'lfs:1024', 'lfs:0:7', 'newest']
  for (const text of same) t.equal(formatPolicy(CREATE_POLICIES, parsePolicy(CREATE_POLICIES, 'create', text)), text)
  t.equal(formatPolicy(CREATE_POLICIES, parsePolicy(CREATE_POLICIES, 'create', 'most-free-space:30')), 'mfs')
})

t.test('sizes', async t => {
  const sizes: readonly (readonly [string, number])[] = [
    ['0', 0], ['4096', 4096], ['1K', 1024], ['10m', 10 * M], ['4G', 4 * 2 ** 30], ['1T', 2 ** 40], ['', NaN], ['K', NaN], ['-1', NaN],
    ['1.5G', NaN], ['1KB', NaN], ['1P', NaN], ['99999999999999T', NaN], ['1 K', NaN],
  ]
  for (const [text, bytes] of sizes) t.ok(Object.is(parseSize(text), bytes), `'${text}'`)
  t.same([0, 1023, 1024, 1536, 20 * M, 5 * 2 ** 40].map(formatSize), ['0', '1023', '1.0K', '1.5K', '20M', '5.0T'])
})

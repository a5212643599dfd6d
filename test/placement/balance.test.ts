/**
 * Files written to three disks of different size through one union: how many each policy puts where, as a model of it
 * says that begins with the free space the disks really have.
 */
import t, { type Test } from 'tap'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { NEEDS_ROOT, Sandbox } from '../cli/sandbox.js'
import { disk, freeBytes } from './disks.js'

const K = 1024
const M = 2 ** 20
const FILE = Buffer.alloc(512 * K, 'x')
const DISKS = ['small', 'big', 'middle'] as const
const SIZES_M = [14, 40, 24] as const
/** What a file takes beside its data, and rounding: so many files may lie elsewhere than the model says. */
const SLACK = 2

/** How many of `count` files go to each disk. */
type Model = (free: number[], count: number) => number[]

/** One file after the other to the disk that `choose` names. */
function stepwise(choose: (free: readonly number[], i: number) => number): Model {
  return (free, count) => {
    const files = free.map(() => 0)
    for (let i = 0; i < count; i++) {
      const to = choose(free, i)
      files[to]!++
      free[to]! -= FILE.length
    }
    return files
  }
}

const most = (free: readonly number[]): number => free.lastIndexOf(Math.max(...free))
const roomy = (free: readonly number[], low: number): number[] => free.flatMap((bytes, i) => (bytes >= low ? [i] : []))
const round = (i: number): number => DISKS.length - 1 - i % DISKS.length

interface Case {
  readonly policy: string
  readonly count: number
  readonly model: Model
}

const CASES: readonly Case[] = [
  { policy: 'rr', count: 30, model: stepwise((_free, i) => round(i)) },
  { policy: 'mfs:0', count: 60, model: stepwise(most) },
  { policy: 'mfs:3600', count: 20, model: (free, count) => free.map((_, i) => (i === most(free) ? count : 0)) },
  { policy: 'lfs:4M', count: 60, model: stepwise((free) => roomy(free, 4 * M).sort((a, b) => free[a]! - free[b]!)[0]!) },
  { policy: 'ff:4M', count: 60, model: stepwise((free) => roomy(free, 4 * M)[0]!) },
  { policy: 'tdmfs:6M:0', count: 40, model: stepwise((free) => roomy(free, 6 * M)[0]!) },
  { policy: 'tdp', count: 20, model: (_free, count) => [count, 0, 0] },
]

/** The disks and an empty union of them. */
function stack(t: Test, policy: string): Sandbox {
  const box = new Sandbox(t)
  DISKS.forEach((name, i) => disk(t, box, name, SIZES_M[i]!))
  box.mount(t, '-o', `dirs=${DISKS.map((name) => `${name}=rw`).join(':')},create=${policy},udba=none,nowarn_perm`, 'mnt')
  return box
}

const spread = (box: Sandbox, dir: string): number[] =>
  DISKS.map((name) => (existsSync(box.at(name, dir)) ? readdirSync(box.at(name, dir)).length : 0))

for (const { policy, count, model } of CASES) {
  t.test(`create=${policy}`, { skip: NEEDS_ROOT }, async (t) => {
    const box = stack(t, policy)
    mkdirSync(box.at('mnt/d'))
    const wanted = model(DISKS.map((name) => freeBytes(box.at(name))), count)
    for (let i = 0; i < count; i++) writeFileSync(box.at('mnt/d', `f${i}`), FILE)
    const found = spread(box, 'd')
    t.equal(found.reduce((a, b) => a + b), count, 'every file lies on one disk')
    for (const [i, name] of DISKS.entries()) {
      t.ok(Math.abs(found[i]! - wanted[i]!) <= SLACK, `${name}: ${found[i]} files, the model says ${wanted[i]}`)
    }
    t.equal(readdirSync(box.at('mnt/d')).length, count)
    t.equal(box.run('umount', 'mnt').exit, 0)
  })
}

t.test('create=mfsrr: most free space, then round', { skip: NEEDS_ROOT }, async (t) => {
  const box = stack(t, 'mfsrr:20M:0')
  for (let i = 0; i < 60; i++) writeFileSync(box.at('mnt', `f${i}`), FILE)
  const [small, big, middle] = spread(box, '.') as [number, number, number]
  t.ok(big > small + 20, `the big disk alone first: ${small}, ${big}, ${middle}`)
  t.ok(small >= 5 && middle >= 5, 'then all in turn')
  t.equal(box.run('umount', 'mnt').exit, 0)
})

t.test('create=pmfs and epmfs: of the disks that have the directory', { skip: NEEDS_ROOT }, async (t) => {
  for (const policy of ['pmfs:0', 'epmfs']) {
    const box = stack(t, policy)
    for (const name of ['small', 'middle']) mkdirSync(box.at(name, 'd'))
    // Made behind the union's back: it is mounted anew.
    t.equal(box.run('umount', 'mnt').exit, 0)
    box.mount(t, '-o', `dirs=${DISKS.map((name) => `${name}=rw`).join(':')},create=${policy},nowarn_perm`, 'mnt')
    for (let i = 0; i < 40; i++) writeFileSync(box.at('mnt/d', `f${i}`), FILE.subarray(0, 256 * K))
    const [small, big, middle] = spread(box, 'd') as [number, number, number]
    t.equal(big, 0, `${policy}: nothing where the directory is not`)
    t.ok(middle > small, `${policy}: ${small} and ${middle}`)
    t.equal(small + middle, 40)
    t.equal(box.run('umount', 'mnt').exit, 0)
  }
})

t.test('create=rand and lus', { skip: NEEDS_ROOT }, async (t) => {
  const random = stack(t, 'rand')
  for (let i = 0; i < 90; i++) writeFileSync(random.at('mnt', `f${i}`), '')
  t.ok(spread(random, '.').every((files) => files > 5), `rand: ${spread(random, '.').join(' ')}`)
  t.equal(random.run('umount', 'mnt').exit, 0)
  const even = stack(t, 'lus')
  for (let i = 0; i < 30; i++) writeFileSync(even.at('mnt', `f${i}`), FILE)
  t.ok(spread(even, '.').every((files) => files >= 7 && files <= 13), `lus: ${spread(even, '.').join(' ')}`)
  t.equal(even.run('umount', 'mnt').exit, 0)
})

t.test('df: the first writable branch, or all', { skip: NEEDS_ROOT }, async (t) => {
  const total = (box: Sandbox): number => Number(box.exec('df', '--output=size', '-B1', 'mnt').stdout.split('\n')[1])
  const box = new Sandbox(t)
  DISKS.forEach((name, i) => disk(t, box, name, SIZES_M[i]!))
  const sizes = DISKS.map((name) => Number(box.exec('df', '--output=size', '-B1', name).stdout.split('\n')[1]))
  for (const [options, wanted] of [['', [0]], ['sum', [0, 1, 2]], ['statfs_omit_ro', [0, 1]]] as const) {
    box.mount(t, '-o', `dirs=small=rw:big=rw:middle=ro,nowarn_perm,${options}`, 'mnt')
    t.equal(total(box), wanted.map((i) => sizes[i]!).reduce((a, b) => a + b), options)
    t.equal(box.run('umount', 'mnt').exit, 0)
  }
})

/** `tsaufs events`: what happens to a mount is told while somebody listens. */
import t from 'tap'
import { type ChildProcess } from 'node:child_process'
import { closeSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { NEEDS_ROOT, PROGRAM, Sandbox } from './sandbox.js'

/** Its next lines, until one that matches. @throws Error when it ends before */
async function linesUntil(child: ChildProcess, lines: AsyncIterator<string>, wanted: RegExp): Promise<string[]> {
  const all: string[] = []
  for (;;) {
    const { value, done } = await lines.next()
    if (done === true) throw new Error(`events ended (${String(child.exitCode)}) after: ${all.join(' | ')}`)
    all.push(value)
    if (wanted.test(value)) return all
  }
}

t.test('changes of the stack', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t).files({ 'b/f': 'x', 'c/g': 'x' })
  box.mount(t, '-o', 'dirs=a=rw:b=ro', 'none', 'mnt')
  const child = box.start([process.execPath, PROGRAM, 'events', 'mnt'])
  t.teardown(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  await linesUntil(child, lines, / listening$/)
  for (const options of ['add:1:c=ro', 'mod:c=rr+wh,del:b', 'create=rr', 'del:nowhere', 'prepend:b=rw,del:c']) {
    t.equal(box.run('remount', '-o', options, 'mnt').exit, 0, options)
  }
  t.equal(box.run('remount', '-o', 'del:a,append:nowhere', 'mnt').exit, 32, 'what was refused is not told')
  t.equal(box.run('remount', '-o', 'mod:a=ro', 'mnt').exit, 0)
  const told = (await linesUntil(child, lines, / mod \S*a=ro/)).map((line) => line.replace(/^\S+ /, '').replaceAll(`${box.path}/`, ''))
  t.same(told, ['add c=ro at 1', 'del b=ro at 2', 'mod c=rr+wh at 1, was c=ro', 'del c=rr+wh at 1', 'add b=rw at 0', 'mod a=ro at 1, was a=rw'])
})

t.test('direct changes and copy-ups', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t).files({ 'a/gone': 'x', 'a/over': 'old', 'b/up': 'lower', 'b/both': 'x', 'a/both': 'x' })
  box.mount(t, '-o', 'dirs=a=rw:b=ro,udba=notify', 'none', 'mnt')
  box.exec('cat', 'mnt/gone', 'mnt/over', 'mnt/both')
  // What the kernel has forgotten is not told: these it must not forget.
  const held = ['gone', 'over', 'both'].map((name) => openSync(box.at('mnt', name), 'r'))
  const child = box.start([process.execPath, PROGRAM, 'events', 'mnt'])
  const programs = box.start([process.execPath, PROGRAM, 'events', '--json', 'mnt'])
  t.teardown(() => [child, programs].forEach((each) => each.kill('SIGKILL')))
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  const objects = createInterface({ input: programs.stdout! })[Symbol.asyncIterator]()
  await linesUntil(child, lines, / listening$/)
  await linesUntil(programs, objects, /"listening"/)

  rmSync(box.at('a/gone'))
  t.equal(box.run('settle', 'mnt').exit, 0)
  writeFileSync(box.at('a/new'), 'new')
  renameSync(box.at('a/new'), box.at('a/over'))
  t.equal(box.run('settle', 'mnt').exit, 0)
  writeFileSync(box.at('a/.wh.both'), '')
  t.equal(box.run('settle', 'mnt').exit, 0)
  box.sh('echo more >> mnt/up')
  const told = (await linesUntil(child, lines, / copy-up /)).map((line) => line.replace(/^\S+ /, ''))
  t.match(told[0], new RegExp(`^gone /gone on ${box.at('a')}`))
  t.match(told[1], /^replaced \/over on \/.*\/a/)
  t.equal(told[2], `conflict /both on ${box.at('a')}`)
  t.equal(told[3], `copy-up /up ${box.at('b')} -> ${box.at('a')} 5 bytes, write`)
  const parsed = (await linesUntil(programs, objects, /"copy-up"/)).map((line) => JSON.parse(line) as { event: string, path: string })
  t.same(parsed.map(({ event, path }) => `${event} ${path}`), ['gone /gone', 'replaced /over', 'conflict /both', 'copy-up /up'])

  held.forEach((fd) => closeSync(fd))
  const ended = once(child, 'close')
  t.equal(box.run('umount', 'mnt').exit, 0)
  t.same((await ended)[0], 0, 'unmounted: nothing more to tell')
  t.same(box.run('events', 'a'), { exit: 1, stdout: '', complaints: ["events a: EINVAL: no union is mounted there; 'tsaufs list' shows them"] })
})

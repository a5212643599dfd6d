/** Watches on directories, by fanotify and by inotify. */
import fs from 'node:fs'
import t from 'tap'
import { spawnSync } from 'node:child_process'
import { Watch } from '../../lib/os/native.js'
import { E, flags, must, openFds, sandbox, sys, type Sandbox } from './sandbox.js'

const KINDS = { fanotify: 1, inotify: 2 } as const

/** What has happened, by name and directory. */
function events(): Record<string, number> {
  const all: Record<string, number> = {}
  for (let read = sys.watchRead(); read !== 0; read = sys.watchRead()) {
    if (typeof read === 'number') throw new Error(`watchRead: ${read}`)
    read.names.forEach((name, i) => {
      const key = `${read.numbers[i]}/${name}`
      all[key] = (all[key] ?? 0) | read.whats[i]!
    })
  }
  return all
}

const sh = (box: Sandbox, script: string): void => {
  const { status, stderr } = spawnSync('sh', ['-ec', script], { cwd: box.dir, encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
}

for (const [name, kind] of Object.entries(KINDS)) {
  t.test(name, async (t) => {
    const box = sandbox(t)
    const fds = openFds()
    let woken = 0
    const rc = sys.watchOpen(kind, () => {
      woken++
      events()
    })
    if (rc === -E.EPERM || rc === -E.EINVAL) return void t.comment('not for us on this kernel')
    t.equal(rc, 0)
    t.equal(sys.watchOpen(kind, () => undefined), -E.EBUSY)
    fs.mkdirSync(box.path('d'))
    const d = must(sys.openat(box.fd, 'd', flags('PATH', 'DIRECTORY'), 0), 'openat')
    const [top, sub] = [sys.watchAdd(box.fd), sys.watchAdd(d)]
    t.ok(top > 0 && sub > 0 && top !== sub)
    t.equal(sys.watchAdd(box.fd), top, 'the same directory, the same number')
    t.equal(sys.watchRead(), 0)

    sh(box, 'echo > f; mkdir e')
    const made = events()
    t.equal(made[`${top}/f`]! & Watch.NAME, Watch.NAME)
    t.equal(made[`${top}/f`]! & Watch.DATA, Watch.DATA)
    t.equal(made[`${top}/e`]! & Watch.NAME, Watch.NAME)
    sh(box, 'chmod 600 f; echo more >> d/g; mv f d/')
    const changed = events()
    t.equal(changed[`${top}/f`], Watch.ATTRIBUTES | Watch.NAME)
    t.equal(changed[`${sub}/f`], Watch.NAME)
    t.equal(changed[`${sub}/g`], Watch.NAME | Watch.DATA)
    sh(box, 'mv d x; rm -r x')
    const gone = events()
    t.equal(gone[`${top}/d`]! & Watch.NAME, Watch.NAME)
    t.equal(gone[`${sub}/`]! & Watch.GONE, Watch.GONE)

    fs.writeFileSync(box.path('ours'), 'x')
    if (kind === KINDS.fanotify) t.equal(sys.watchRead(), 0, 'our own changes are not told')
    else t.ok(events()[`${top}/ours`])

    sh(box, 'echo > woken')
    for (let i = 0; woken === 0 && i < 1000; i++) await new Promise(setImmediate)
    t.ok(woken > 0, 'the event loop is woken')

    t.equal(sys.watchRemove(top, box.fd), 0)
    t.ok(sys.watchRemove(top, box.fd) < 0)
    sh(box, 'echo > later')
    t.equal(sys.watchRead(), 0, 'no longer told')
    sys.close(d)
    t.equal(sys.watchClose(), 0)
    t.equal(sys.watchRead(), -E.EBADF)
    t.equal(openFds(), fds)
  })
}

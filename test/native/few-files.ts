/**
 * A process that serves four files through the addon, for fuse-dev.test.ts: `node few-files.js MOUNTPOINT BACKING`.
 *
 * `f` and `g` are the files of that name in BACKING, opened when first needed and put into the data table; `js` is read
 * by JavaScript only, and takes no writes; `big` has attributes and no data. The parent asks over IPC: `'seen'` answers
 * how often JavaScript saw each opcode, `'sweep'` what dataSweep() leaves, `'fds'` how many descriptors are open,
 * `'notify'` what two notifications gave,
 * `'ticks'` how often a timer came and how many requests JavaScript has seen.
 */
import { sys, constant, flags, must, openFds, AT_FDCWD, E } from './sandbox.js'

const NODES = ['', '', 'f', 'g', 'js', 'big']
const OP = (name: string) => constant(`FUSE_${name}`)
const [, , mountpoint = '', backing = ''] = process.argv
const dir = must(sys.openat(AT_FDCWD, backing, flags('PATH'), 0), 'openat')
const request = Buffer.alloc(64 * 1024)
const reply = Buffer.alloc(1024 * 1024 + 4096)
const out = reply.subarray(16)
let ticks = 0
let requests = 0
const seen: Record<string, number> = {}

function attr(node: number, at: number): number {
  must(sys.statx(dir, node === 1 ? '' : node === 5 ? 'f' : (NODES[node] ?? '')), 'statx')
  if (node === 5) sys.stat.writeBigUInt64LE(1n << 40n, 8)
  sys.stat.writeBigUInt64LE(BigInt(node), 0)
  sys.stat.copy(out, at, 0, 88)
  return at + 88
}

/** Payload length or -errno; undefined: no reply, or it is not ours to write. */
function answer(opcode: number, node: number, length: number): number | undefined {
  out.fill(0, 0, 256)
  switch (opcode) {
    case OP('INIT'):
      out.writeUInt32LE(7, 0)
      out.writeUInt32LE(38, 4)
      out.writeUInt32LE(1024 * 1024, 8)
      out.writeUInt32LE(OP('MAX_PAGES') | OP('BIG_WRITES') | OP('HANDLE_KILLPRIV_V2') | OP('ASYNC_READ'), 12)
      out.writeUInt16LE(16, 16)
      out.writeUInt16LE(12, 18)
      out.writeUInt32LE(1024 * 1024, 20)
      out.writeUInt32LE(1, 24)
      out.writeUInt16LE(256, 28)
      return 64
    case OP('LOOKUP'): {
      const child = NODES.indexOf(request.toString('latin1', 40, length - 1))
      if (child < 2) return -E.ENOENT
      out.writeBigUInt64LE(BigInt(child), 0)
      return attr(child, 40)
    }
    case OP('GETATTR'):
      return attr(node, 16)
    case OP('SETATTR'):
      if (request.readUInt32LE(40) & constant('FATTR_SIZE')) return -E.EINVAL
      return attr(node, 16)
    case OP('OPEN'):
      return 16
    case OP('FLUSH'):
    case OP('RELEASE'):
      return 0
    case OP('FORGET'):
    case OP('BATCH_FORGET'):
    case OP('INTERRUPT'):
      return undefined
    case OP('READ'):
      if (node === 4) return out.write('from JavaScript', 'latin1')
      return serve(node, length)
    case OP('WRITE'):
      return node === 4 ? -E.EPERM : serve(node, length)
    case OP('FSYNC'):
    case OP('LSEEK'):
    case OP('FALLOCATE'):
    case OP('COPY_FILE_RANGE'):
    case OP('COPY_FILE_RANGE_64'):
      return serve(node, length)
    default:
      return -E.ENOSYS
  }
}

function serve(node: number, length: number): number | undefined {
  for (const each of [node, request.readUInt32LE(0) >= 96 ? Number(request.readBigUInt64LE(56)) : 0]) {
    if (each !== 2 && each !== 3) continue
    if (sys.dataFd(each, 1) >= 0) continue
    sys.dataSet(each, must(sys.openat(dir, NODES[each] ?? '', flags('RDWR'), 0), 'openat'), 1, 0)
  }
  const rc = sys.fuseServe(request, length)
  return rc === 0 ? undefined : rc
}

function handle(length: number): number {
  const opcode = request.readUInt32LE(4)
  requests++
  seen[opcode] = (seen[opcode] ?? 0) + 1
  const rc = answer(opcode, Number(request.readBigUInt64LE(16)), length)
  if (rc === undefined) return 0
  reply.writeUInt32LE(16 + Math.max(rc, 0), 0)
  reply.writeInt32LE(Math.min(rc, 0), 4)
  request.copy(reply, 8, 8, 16)
  return 16 + Math.max(rc, 0)
}

let pending = 0
function turn(): void {
  for (;;) {
    const length = sys.fuseTurn(pending)
    pending = 0
    if (length === 0) {
      setImmediate(turn)
      return
    }
    if (length < 0) {
      process.send?.({ ended: length, again: sys.fuseTurn(0), left: sys.dataSweep() })
      process.disconnect()
      return
    }
    pending = handle(length)
  }
}

/** Two good notifications of things that are not cached in one buffer; then one that is cut short. */
function notify(): void {
  const message = Buffer.alloc(40)
  message.writeUInt32LE(40, 0)
  message.writeInt32LE(constant('FUSE_NOTIFY_INVAL_ENTRY'), 4)
  message.writeBigUInt64LE(1n, 16)
  message.writeUInt32LE(4, 24)
  message.write('none', 32)
  message.writeUInt32LE(37, 0)
  const one = message.subarray(0, 37)
  const answers: number[] = []
  const done = (rc: number): void => {
    if (answers.push(rc) === 2) process.send?.({ good: answers[0], cut: answers[1] })
  }
  must(sys.fuseNotify(Buffer.concat([one, one]), done), 'fuseNotify')
  must(sys.fuseNotify(one.subarray(0, 30), done), 'fuseNotify')
}

process.on('message', what => {
  if (what === 'seen') process.send?.(seen)
  if (what === 'sweep') process.send?.({ left: sys.dataSweep() })
  if (what === 'ticks') process.send?.({ ticks, requests })
  if (what === 'notify') notify()
  if (what === 'fds') process.send?.({ fds: openFds() })
})
const dev = must(sys.openat(AT_FDCWD, '/dev/fuse', flags('RDWR'), 0), 'openat')
const options = `fd=${dev},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions`
must(sys.mount('few', mountpoint, 'fuse', 0, options), 'mount')
must(sys.fuseAttach(dev, request, reply), 'fuseAttach')
if (sys.fuseAttach(dev, request, reply) !== -E.EBUSY) throw new Error('attached twice')
setImmediate(turn)
setInterval(() => ticks++, 50).unref()
process.send?.('mounted')

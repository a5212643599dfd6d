import t from 'tap'
import { Opcode } from '../../../lib/fuse/abi.js'
import { printReply, printRequest } from '../../../lib/fuse/print.js'
import { writeHeader } from '../../../lib/fuse/reply.js'
import type { Struct } from '../../../lib/fuse/struct.js'
import * as S from '../../../lib/fuse/structs.js'
import { buildRequest, encodeStruct, wireFixture } from '../../helpers/fake-kernel.js'
import { wordsOver } from '../../../lib/fuse/words.js'

function rx(request: Buffer, struct: Struct<unknown> | null, names: number, end = request.length): string {
  return printRequest(request.readUInt32LE(4), struct, names, wordsOver(request), request, end)
}

t.test('requests', async (t) => {
  t.equal(rx(wireFixture('lookup'), null, 1), 'rx 4: LOOKUP n1 u1000 "caf\ufffd.txt"')
  t.equal(
    rx(wireFixture('setxattr'), S.SetxattrIn, 1),
    'rx 18: SETXATTR n7 u1000 {size=3 flags=1 setxattr_flags=1} "user.k" +3 bytes',
  )
  t.match(rx(wireFixture('setattr'), S.SetattrIn, 0), /\{valid=MODE\|SIZE\|MTIME fh=0 size=5000000000 /)
  t.match(rx(wireFixture('rename2'), S.Rename2In, 2), /RENAME2 n1 u1000 \{newdir=5 flags=2\} "old" "new name"$/)
  t.equal(rx(buildRequest(77, { unique: 2 }), null, 0), 'rx 2: opcode 77 n1 u0')
  t.equal(
    rx(buildRequest(Opcode.INTERRUPT, { unique: 3, fixed: encodeStruct(S.InterruptIn, { unique: 2 }) }), null, 0),
    'rx 3: INTERRUPT n1 u0 {unique=2}',
  )
})

t.test('broken ones', async (t) => {
  t.equal(rx(wireFixture('setattr'), S.SetattrIn, 0, 60), 'rx 12: SETATTR n7 u1000 cut short: 60 bytes')
  t.equal(rx(wireFixture('lookup'), null, 1, 44), 'rx 4: LOOKUP n1 u1000 without NUL')
})

t.test('replies', async (t) => {
  const tx = (opcode: number, bytes: Buffer): string => printReply(opcode, wordsOver(bytes), bytes.length)
  t.match(
    tx(Opcode.LOOKUP, wireFixture('lookup.reply')),
    /^tx 4: OK 128 bytes \{nodeid=7 generation=0 entry_valid=9007199254740991 /,
  )
  t.match(tx(Opcode.CREATE, wireFixture('create.reply')), /\} \{fh=0 open_flags=KEEP_CACHE\|PASSTHROUGH backing_id=3\}$/)
  t.equal(tx(Opcode.READ, Buffer.concat([wireFixture('lookup.reply').subarray(0, 16), Buffer.alloc(5)])), 'tx 4: OK 5 bytes')
  const error = Buffer.alloc(16)
  writeHeader(wordsOver(error), 16, -39, 6, 0)
  t.equal(tx(Opcode.RMDIR, error), 'tx 6: ENOTEMPTY')
})

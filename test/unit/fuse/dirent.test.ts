import t from 'tap'
import { DirentPacker } from '../../../lib/fuse/dirent.js'
import { Dirent } from '../../../lib/fuse/structs.js'
import { wordsOver } from '../../../lib/fuse/words.js'

const START = 16

function packer(limit: number): { out: Buffer; words: Uint32Array; packer: DirentPacker } {
  const out = Buffer.alloc(4096, 0xee)
  const words = wordsOver(out)
  return { out, words, packer: new DirentPacker(out, words, START, START + limit) }
}

t.test('every length of name: aligned, zero padded', async (t) => {
  for (let length = 1; length <= 255; length++) {
    const { out, words, packer: dirs } = packer(4000)
    const name = '\xff'.repeat(length)
    t.equal(dirs.add(2 ** 53 - 1, 2 ** 52 + 1, 8, name), true)
    t.equal(dirs.size, Math.ceil((24 + length) / 8) * 8)
    t.same({ ...Dirent.decode(words, START) }, { ino: 2 ** 53 - 1, off: 2 ** 52 + 1, namelen: length, type: 8 })
    t.equal(out.toString('latin1', START + 24, START + 24 + length), name)
    t.equal(
      out.subarray(START + 24 + length, START + dirs.size).every((byte) => byte === 0),
      true,
      'padding',
    )
    t.equal(out[START + dirs.size], 0xee)
  }
})

t.test('what does not fit leaves no trace', async (t) => {
  for (const [limit, fits] of [
    [31, false],
    [32, true],
    [39, true],
  ] as const) {
    const { out, packer: dirs } = packer(limit)
    t.equal(dirs.add(1, 1, 4, 'a'), fits, `${limit} bytes`)
    t.equal(dirs.size, fits ? 32 : 0)
    if (!fits) t.ok(out.equals(Buffer.alloc(4096, 0xee)))
    t.equal(dirs.add(1, 1, 4, 'a'), false)
  }
  for (const [limit, offset] of [
    [159, -1],
    [160, START],
  ] as const) {
    const { out, packer: dirs } = packer(limit)
    t.equal(dirs.addPlus(1, 1, 4, 'a'), offset)
    t.equal(dirs.size, offset < 0 ? 0 : 160)
    if (offset < 0) t.ok(out.equals(Buffer.alloc(4096, 0xee)))
  }
})

t.test('never beyond the buffer, whatever the request asks for', async (t) => {
  const out = Buffer.alloc(64)
  const dirs = new DirentPacker(out, wordsOver(out), START, START + 0xffffffff)
  t.equal(dirs.add(1, 1, 4, 'a'), true)
  t.equal(dirs.add(1, 1, 4, 'a'), false)
})

t.test('plus: the entry is zero until written', async (t) => {
  const { out, words, packer: dirs } = packer(1000)
  const first = dirs.addPlus(1, 1, 4, '.')
  const second = dirs.addPlus(2, 2, 8, 'name')
  t.same([first, second], [START, START + 160])
  t.ok(out.subarray(first, first + 128).equals(Buffer.alloc(128)))
  t.same({ ...Dirent.decode(words, second + 128) }, { ino: 2, off: 2, namelen: 4, type: 8 })
  t.equal(dirs.size, 320)
})

import t from 'tap'
import { absolute, escapePath, indexOfUnescaped, splitEscaped, unescapePath } from '../../../lib/config/syntax.js'

/** Bytes of UTF-8 text as lib/ carries them. */
const bytes = (text: string): string => Buffer.from(text).toString('latin1')

t.test('cuts at what no backslash protects', async (t) => {
  t.same(splitEscaped('a,b', ','), ['a', 'b'])
  t.same(splitEscaped('a\\,b,c', ','), ['a\\,b', 'c'])
  t.same(splitEscaped('a\\\\,b', ','), ['a\\\\', 'b'], 'the backslash itself is escaped, so the comma cuts')
  t.same(splitEscaped('', ':'), [''])
  t.same(splitEscaped(':', ':'), ['', ''])
  t.equal(indexOfUnescaped('a\\=b=c', '='), 4)
  t.equal(indexOfUnescaped('a\\=b', '=:'), -1)
})

const PATHS: readonly (readonly [typed: string, path: string])[] = [
  ['/plain', '/plain'],
  ['/a\\,b', '/a,b'],
  ['/a\\:b', '/a:b'],
  ['/a\\=b', '/a=b'],
  ['/a\\\\b', '/a\\b'],
  ['/a\\xffb', '/a\xffb'],
  ['/a\\xFFb', '/a\xffb'],
  ['/a\\040b', '/a b'],
  ['/a\\054ro', '/a,ro'],
  ['/a\\377', '/a\xff'],
  ['/a\\ b', '/a b'],
  [bytes('/grün'), bytes('/grün')],
  ['/raw\xff\xfe', '/raw\xff\xfe'],
]

t.test('escapes are undone, and whatever is escaped comes back', async (t) => {
  for (const [typed, path] of PATHS) {
    t.equal(unescapePath(typed), path, typed)
    t.equal(unescapePath(escapePath(path)), path, `${typed}, there and back`)
  }
})

t.test('a shown path is one line and can be typed again', async (t) => {
  t.equal(escapePath('/a,b:c=d\\e'), '/a\\,b\\:c\\=d\\\\e')
  t.equal(escapePath('/a\nb'), '/a\\x0ab')
  t.equal(escapePath(bytes('/grün')), bytes('/grün'), 'UTF-8 stays readable')
  t.equal(escapePath('/raw\xff'), '/raw\\xff', 'what is not UTF-8 is spelled out')
})

t.test('what is no escape is refused', async (t) => {
  for (const typed of ['/a\\b', '/a\\', '/a\\x1', '/a\\9', '/a\\x00', '/a\\000']) {
    t.throws(() => unescapePath(typed), { name: 'MountError', code: 'EINVAL', exit: 2 }, typed)
  }
})

t.test('absolute paths', async (t) => {
  t.equal(absolute('./a', '/c'), '/c/a')
  t.equal(absolute('a/', '/'), '/a')
  t.equal(absolute('/x//y/./z/', '/c'), '/x/y/z')
  t.equal(absolute('../a', '/c/d'), '/c/d/../a', '.. is for the disk to decide')
  t.equal(absolute('.', '/'), '/')
})

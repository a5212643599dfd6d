/**
 * The house keeps its shape: who imports whom, how long files are, that every operation is listed, and what does not
 * belong into a repository.
 */
import t from 'tap'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

let repo = dirname(fileURLToPath(import.meta.url))
while (!existsSync(join(repo, 'package.json'))) repo = dirname(repo)

function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(join(repo, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith(ending)).map(name => join(folder, name))
}

const sources = filesBelow('lib', '.ts')
const text = (file: string): string => readFileSync(join(repo, file), 'utf8')
const folderOf = (file: string): string => file.split('/')[1]!

/** Folder: folders and single files it may import from. `util`, `os/errno` and its own folder are open to all. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  cli: ['engine', 'daemon', 'convert', 'check', 'config', 'os'],
  engine: ['daemon/client', 'daemon/mount', 'daemon/mountinfo', 'daemon/process-id', 'daemon/rundir', 'daemon/unmount', 'config', 'os'],
  convert: ['union', 'config', 'os'],
  check: ['union', 'config/config', 'os'],
  daemon: ['ops', 'fuse', 'union/union', 'union/ledger', 'union/explain', 'union/diff', 'union/move-down', 'union/stack', 'config', 'os'],
  ops: ['fuse', 'union', 'os'],
  fuse: ['os/native'],
  'fuse-native': ['fuse'],
  union: ['os', 'config/config'],
  config: ['os'],
  os: [],
  util: [],
}

t.test('imports go one way', t => {
  for (const file of sources) {
    const from = folderOf(file)
    t.ok(from in MAY_IMPORT, `${file}: folder ${from} is on the map`)
    for (const [, target] of text(file).matchAll(/from '(\.[^']+)\.js'/g)) {
      const path = relative(join(repo, 'lib'), join(repo, dirname(file), target!))
      const folder = path.split('/')[0]!
      const allowed = folder === from || folder === 'util' || path === 'os/errno'
        || MAY_IMPORT[from]!.some(each => each === folder || each === path || path.startsWith(`${each}/`))
      t.ok(allowed, `${file} imports ${path}; ${from} may import ${MAY_IMPORT[from]!.join(', ') || 'nothing'}`)
    }
  }
  t.end()
})

t.test('fuse and union meet in ops only; one file names the addon', t => {
  for (const file of sources) {
    const body = text(file)
    if (folderOf(file) === 'union') t.notMatch(body, /Opcode/, `${file} names no opcode`)
    if (file !== 'lib/os/native.ts') t.notMatch(body, /createRequire|tsaufs\.node/, `${file} does not load the addon`)
    if (file !== 'lib/union/whiteout/aufs.ts') {
      const code = body.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '')
      t.notMatch(code, /['"`]\.wh\./, `${file} spells no reserved name`)
    }
    if (folderOf(file) === 'union' || folderOf(file) === 'ops') t.notMatch(body, /node:path/, `${file} joins no paths`)
  }
  t.end()
})

t.test('every operation is in the list', t => {
  const index = text('lib/ops/index.ts')
  for (const name of readdirSync(join(repo, 'lib/ops'))) {
    if (!name.endsWith('.ts') || name === 'index.ts' || name === 'init.ts') continue
    t.match(index, new RegExp(`from './${name.replace('.ts', '')}\\.js'`), name)
  }
  t.end()
})

t.test('files are small and finished', t => {
  for (const file of [...sources, ...filesBelow('native', '.cc'), ...filesBelow('native', '.h'), ...filesBelow('test', '.ts'), ...filesBelow('bench', '.ts')]) {
    const body = text(file)
    if (file.startsWith('lib/')) t.ok(body.split('\n').length <= 401, `${file} has at most 400 lines`)
    if (file !== 'test/tidy/house.test.ts') t.notMatch(body, /\b(TODO|FIXME|XXX)\b/, `${file} leaves nothing open`)
  }
  for (const file of sources) {
    if (file !== 'lib/cli/output.ts') t.notMatch(text(file), /console\./, `${file} does not print`)
  }
  t.end()
})

t.test('exported functions say what they do', t => {
  for (const file of sources) {
    const lines = text(file).split('\n')
    lines.forEach((line, i) => {
      if (!/^export (async )?function /.test(line)) return
      t.match(lines[i - 1], /\*\/$/, `${file}: ${line.slice(0, 60)} has a docstring`)
    })
  }
  t.end()
})

t.test('the lock file names no host', t => {
  t.notMatch(text('package-lock.json'), /"resolved": "https?:/)
  t.end()
})

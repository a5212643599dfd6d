/** Write the manual pages to dist/man: `man -l dist/man/tsaufs.5`. After tsc. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const { pages } = await import(join(root, 'dist', 'lib', 'cli', 'man', 'pages.js'))
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

mkdirSync(join(root, 'dist', 'man'), { recursive: true })
for (const { file, text } of pages(version)) writeFileSync(join(root, 'dist', 'man', file), text)

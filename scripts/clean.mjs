/** Remove what the build makes: dist/ and build/. */
import { rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
for (const made of ['dist', 'build']) rmSync(join(root, made), { recursive: true, force: true })

/**
 * Put the daemon into one file, dist/lib/daemon/main.bundle.cjs, and the command line into another, dist/lib/cli/main.bundle.cjs,
 * beside the modules they are made of. Loading eighty modules takes node as long as starting it, and what they leave in memory
 * stays with every mount (docs/decisions/0006).
 */
import { build } from 'esbuild'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = (name) => join(root, 'dist', 'lib', name)

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  // The loader of CommonJS is there in every node process; that of ES modules would have to be started.
  format: 'cjs',
  banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href" },
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
}

await build({
  ...common,
  entryPoints: [join(folder('daemon'), 'main.js')],
  outfile: join(folder('daemon'), 'main.bundle.cjs'),
  // Only loaded when it is asked for.
  external: ['debug'],
  // lru-cache asks for `performance`, which is a dozen modules of node, and does with Date as well.
  define: { 'import.meta.url': 'importMetaUrl', performance: 'undefined' },
})
await build({
  ...common,
  entryPoints: [join(folder('cli'), 'main.js')],
  outfile: join(folder('cli'), 'main.bundle.cjs'),
  // A mount in the foreground finds other programs beside its module.
  external: ['debug', 'tar-stream', '*/daemon/serve.js'],
  define: { 'import.meta.url': 'importMetaUrl' },
})

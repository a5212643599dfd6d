/**
 * Put the daemon into one file, dist/lib/daemon/main.bundle.cjs, beside the modules it is made of. Loading eighty modules
 * takes node as long as starting it, and what they leave in memory stays with every mount (docs/decisions/0006).
 */
import { build } from 'esbuild'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const daemon = join(root, 'dist', 'lib', 'daemon')

await build({
  entryPoints: [join(daemon, 'main.js')],
  outfile: join(daemon, 'main.bundle.cjs'),
  bundle: true,
  platform: 'node',
  target: 'node20',
  // The loader of CommonJS is there in every node process; that of ES modules would have to be started.
  format: 'cjs',
  // Only loaded when it is asked for.
  external: ['debug'],
  // lru-cache asks for `performance`, which is a dozen modules of node, and does with Date as well.
  define: { 'import.meta.url': 'importMetaUrl', performance: 'undefined' },
  banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href" },
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
})

/**
 * `tsaufs-overlay`: what engines run in the place of fuse-overlayfs. Source: fuse-overlayfs(1).
 */
import { readFileSync } from 'node:fs'
import { OVERLAY_ROWS } from '../config/overlay-options.js'
import { usage } from '../config/mount-error.js'
import type { Bytes } from '../os/native.js'
import { mountUnion } from './mount-union.js'
import { print, reportFailure } from './output.js'
import { rawArguments, workingDirectory } from './raw-args.js'

/** FUSE protocol of the kernel interface that lib/fuse speaks; shown where fuse-overlayfs shows its own. */
const KERNEL_INTERFACE = '7.45'

/** What the program was asked for. */
export interface OverlayCall {
  readonly ask: 'mount' | 'help' | 'version'
  readonly options: Bytes
  /** '' if none was given. */
  readonly target: Bytes
  readonly foreground: boolean
}

/** Read the arguments. As with fuse-overlayfs, flags that are not known are ignored and the last place is the target. */
export function parseOverlayArguments(args: readonly Bytes[]): OverlayCall {
  const options: Bytes[] = []
  let call: Omit<OverlayCall, 'options'> = { ask: 'mount', target: '', foreground: false }
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as Bytes
    if (arg === '-o') {
      const value = args[++i]
      if (value === undefined) throw usage('tsaufs-overlay -o', 'it needs a value')
      options.push(value)
    } else if (arg.startsWith('-o')) options.push(arg.slice(2))
    else if (arg === '-h' || arg === '--help') call = { ...call, ask: 'help' }
    else if (arg === '-V' || arg === '--version') call = { ...call, ask: 'version' }
    else if (arg === '-f' || arg === '-d' || arg === '--debug') call = { ...call, foreground: true }
    else if (!arg.startsWith('-')) call = { ...call, target: arg }
  }
  return { ...call, options: options.join(',') }
}

function help(): string {
  const rows = OVERLAY_ROWS.map(({ name, status, note }) => `    ${name.padEnd(20)} ${status === 'effect' ? '' : `${status}: `}${note}`)
  return [
    'usage: tsaufs-overlay [-f] -o lowerdir=A[:B]...[,upperdir=U,workdir=W][,OPTION]... TARGET',
    '', '  -f             serve in this process until unmounted', '  -h, --help', '  -V, --version',
    '', 'options; others are ignored', ...rows,
  ].join('\n')
}

/** As fuse-overlayfs prints it: engines show the lines, or look for the first number. */
function version(): string {
  const { version: ours } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }
  return `fuse-overlayfs: version 1.10 (tsaufs-overlay ${ours})\nusing FUSE kernel interface version ${KERNEL_INTERFACE}`
}

/** Run the command line of this process and set its exit code. */
export async function main(): Promise<void> {
  try {
    const { ask, options, target, foreground } = parseOverlayArguments(rawArguments())
    if (ask === 'help') print(help())
    else if (ask === 'version') print(version())
    else {
      await mountUnion(
        { options, source: 'tsaufs-overlay', mountpoint: target, cwd: workingDirectory(), dropIn: true },
        { foreground, verbose: false },
      )
    }
  } catch (error) {
    process.exitCode = reportFailure(error)
  }
}

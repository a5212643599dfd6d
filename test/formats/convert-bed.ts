/** A writable branch with every mark there is, over a lower one: what tsaufs convert is tried on. */
import type { Test } from 'tap'
import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repositoryRoot, StepServer, type Step } from '../helpers/steps.js'
import { toEntries, type Tree } from '../helpers/tree.js'
import { compareViews, type View } from '../scenario/compare.js'
import { removeTree, runProgram, unmountAt } from '../scenario/subjects/subject.js'

const LOWER: Tree = {
  f: 'F', d: { g: 'G', e: { h: 'H' }, big: { type: 'file', content: '0123456789abcdef', times: 40_000 } }, o: { x: { y: 'Y' } }, gone: {}, s: {},
  l1: 'linked', l2: { type: 'file', link: 'l1' }, p: { type: 'fifo' },
}
const STEPS: readonly Step[] = [
  ['unlink', 'f'], ['mkdir', 'f'], ['rename', 'd', 'dd'], ['unlink', 'dd/g'], ['rename', 'dd/e', 'e'], ['exec', 'rm', '-r', 'o'], ['mkdir', 'o'], ['write', 'o/n', 'N'],
  ['append', 'l1', '!'], ['rmdir', 'gone'], ['rename', 'p', 'q'], ['symlink', 'q', 's/l'], ['setxattr', 's', 'user.k', 'v'],
]

export class ConvertBed {
  readonly server = new StepServer()
  readonly #work = mkdtempSync(join(tmpdir(), 'tsaufs-convert-'))
  readonly #t: Test
  /** What the union of R and L shows. */
  #before: View = {}

  /** @param t the bed is gone with it */
  constructor(t: Test) {
    this.#t = t
    t.teardown(async () => {
      this.server.stop()
      await unmountAt(this.at('m'))
      await removeTree(this.#work)
    })
  }

  at(name: string): string {
    return join(this.#work, name)
  }

  /** Make the branches `L`, and `R`, used. */
  async make(): Promise<void> {
    for (const name of ['R', 'L', 'm', 'run']) mkdirSync(this.at(name))
    await this.server.ask({ build: [[this.at('L'), [['', { type: 'dir', mode: 0o755, mtime: 1e9 }], ...toEntries(LOWER, 'aufs')]]] })
    this.#before = await this.mounted('R=rw', async () => {
      for (const result of await this.server.run(this.at('m'), STEPS)) this.#t.same([result.e, result.x], [undefined, undefined])
      return this.view()
    })
  }

  tsaufs(words: readonly string[], env: Record<string, string> = {}): ReturnType<typeof runProgram> {
    const program = [process.execPath, join(repositoryRoot(), 'bin/tsaufs.js')]
    return runProgram([...program, ...words], { TSAUFS_RUN_DIR: this.at('run'), TSAUFS_STRICT: '1', ...env })
  }

  async mounted<T>(upper: string, use: () => Promise<T>): Promise<T> {
    const { code, err } = await this.tsaufs(['mount', '-o', `dirs=${this.at(upper)}:${this.at('L')}=ro,udba=none`, 'none', this.at('m')])
    if (code !== 0) this.#t.fail(`mount ${upper}: ${err}`)
    try {
      return await use()
    } finally {
      const { code, err } = await this.tsaufs(['umount', this.at('m')])
      if (code !== 0) this.#t.fail(`umount ${upper}: ${err}`)
    }
  }

  async view(): Promise<View> {
    return (await this.server.ask({ snapshot: this.at('m') }))['entries'] as View
  }

  /** How what is mounted at `m` differs from what R and L showed. */
  async differences(weak = {}): Promise<string[]> {
    return compareViews(this.#before, await this.view(), false, { ino: '', ...weak })
  }

  async same(upper: string): Promise<void> {
    this.#t.same(await this.mounted(upper, () => this.differences()), [], `${upper} shows the same`)
  }
}

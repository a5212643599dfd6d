/** Podman on every way to mount, as root and as an ordinary user: the same commands print the same. */
import t from 'tap'
import { until } from '../cli/sandbox.js'
import { Bed, NEEDS_ENGINES, type Kind } from './bed.js'
import { PODMAN_ROWS, ROOTLESS_ROWS, USER_ROWS, type Row } from './rows.js'

async function compare(t: ConstructorParameters<typeof Bed>[0], bed: Bed, rows: readonly Row[]): Promise<void> {
  for (const { name, script, like } of rows) {
    const print = (kind: Kind): string => bed.sh(kind, script)
    const [fuse, ours, native] = [print('fuse'), print('tsaufs'), print('native')]
    if (like !== 'native') t.equal(ours, fuse, `${name}: like fuse-overlayfs`)
    if (like !== 'fuse') t.equal(ours, native, `${name}: like kernel overlayfs`)
  }
  await bed.stop()
  t.ok(await until(() => bed.remains().length === 0), `nothing is left: ${bed.remains().join('; ')}`)
}

t.test('podman as root', { skip: NEEDS_ENGINES }, async (t) => compare(t, new Bed(t), PODMAN_ROWS))

t.test('podman as an ordinary user', { skip: NEEDS_ENGINES }, async (t) => {
  const last = USER_ROWS.length - 1
  await compare(t, new Bed(t).asUser(t), [...USER_ROWS.slice(0, last), ...ROOTLESS_ROWS, USER_ROWS[last]!])
})

/** Macro rows: what people do in a tree. */
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { debianCache, debianScript, npmCi } from '../macro-fixtures.js'
import { repository } from '../programs.js'
import type { Bed, Row, Sample, Timed } from '../row.js'

type Macro = Pick<Row, 'name' | 'about' | 'fixture'> & Partial<Pick<Row, 'writes' | 'cold' | 'without'>>

function macro(description: Macro, run: (bed: Bed) => Promise<Timed>): Row {
  return {
    group: 'macro', unit: 'ns', writes: false, cold: false, floor: false, without: {}, ...description,
    async run(bed): Promise<Sample> {
      const timed = await run(bed)
      return { value: timed.meanNs, serverNs: timed.serverNs }
    },
  }
}

/** A reader of the whole tree, cold and warm. tar(1) does not read files when it sees that it writes to /dev/null. */
function reader(name: string, about: string, script: string): Row[] {
  return [
    macro({ name: `${name}-cold`, about: `${about}, caches dropped`, fixture: 'debian', cold: true }, bed => bed.shell(script)),
    macro({ name: `${name}-warm`, about: `${about}, once more`, fixture: 'debian' }, async (bed) => {
      await bed.shell(script)
      return bed.shell(script)
    }),
  ]
}

const noCopyUp = { mergerfs: 'it has no copy-up' }
const noWhiteouts = { mergerfs: 'it has no whiteouts' }

/** A step of test/real or of ours in a chroot. @param scale test/real's: the work is divided by it */
async function inBox(bed: Bed, step: string, scale: number, packages: string): Promise<Timed> {
  const steps = join(bed.scratch, 'steps')
  mkdirSync(steps)
  for (const from of ['test/real/steps', 'bench/steps'].map(folder => join(repository, folder))) {
    for (const name of readdirSync(from)) copyFileSync(join(from, name), join(steps, name))
  }
  const { debs } = await debianCache()
  const env = { SCALE: String(scale), PACKAGES: packages, BOX: debianScript, STEPS: steps, DEBS: debs, STEP: step }
  return bed.shell('exec "$BOX" box "$PWD" "$STEP" "$DEBS" "$STEPS"', env)
}

const sources: Row[] = [
  macro({ name: 'untar', about: 'tar x of 5,000 source files', fixture: 'source', writes: true }, bed =>
    bed.shell('mkdir new && tar -C new -xf source.tar')),
  macro({ name: 'git-status', about: 'git status of 5,000 files', fixture: 'source', writes: true, without: noCopyUp }, async (bed) => {
    // The first refreshes the index: it was written for the branch's own inode numbers and times.
    await bed.shell('git -C repo status --porcelain')
    return bed.shell('git -C repo status --porcelain')
  }),
  macro({ name: 'git-checkout', about: 'git checkout of a branch that changes a quarter', fixture: 'source', writes: true, without: noWhiteouts },
    bed => bed.shell('git -C repo checkout -q topic')),
  macro({ name: 'build', about: 'a C project of 100 files, make -j2', fixture: 'debian-tools', writes: true }, bed => inBox(bed, 'build', 3, '')),
]

const programs: Row[] = [
  macro({ name: 'npm-ci', about: 'npm ci of 170 packages, npm\'s cache filled', fixture: 'npm', writes: true }, async (bed) => {
    const { npm } = await debianCache()
    return bed.shell(`set -- npm "$NPM_CACHE"; ${npmCi}`, { NPM_CACHE: npm })
  }),
  macro({ name: 'apt-install', about: 'apt-get install of gcc and make', fixture: 'debian', writes: true, without: noCopyUp },
    bed => inBox(bed, 'apt', 1, 'gcc make libc6-dev')),
  macro({ name: 'sqlite', about: 'sqlite3, journal and write-ahead log', fixture: 'debian-tools', writes: true }, bed => inBox(bed, 'sqlite', 5, '')),
  macro({ name: 'pgbench', about: 'PostgreSQL: initdb, load, 1,600 transactions', fixture: 'debian-tools', writes: true },
    bed => inBox(bed, 'pgbench', 1, '')),
  macro({ name: 'rm-rf', about: 'rm -rf of a lower /usr', fixture: 'debian', writes: true, without: noWhiteouts }, bed => bed.shell('rm -rf usr')),
  macro({ name: 'python-import', about: 'python3 imports 1,200 modules, writing their bytecode', fixture: 'python', writes: true },
    bed => bed.shell('python3 -c "import large"')),
  macro({ name: 'python-again', about: 'the same once more', fixture: 'python', writes: true }, async (bed) => {
    await bed.shell('python3 -c "import large"')
    return bed.shell('python3 -c "import large"')
  }),
  macro({ name: 'double-walk', about: 'lstat of each entry of two mounts side by side, as a commit does', fixture: 'debian' }, async (bed) => {
    const other = await bed.mountAgain()
    return bed.ops('double-walk', 1, ['--second', other.dir])
  }),
]

export const macroRows: readonly Row[] = [
  ...reader('find', 'find over a Debian', 'find . -xdev > /dev/null'),
  ...reader('tar', 'tar c of a Debian', 'tar cf - . | cat > /dev/null'),
  ...reader('du', 'du of a Debian', 'du -sx . > /dev/null'),
  ...sources,
  ...programs,
]

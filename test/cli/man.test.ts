/** The manual pages: every command, option and attribute is in them, and they are good roff. */
import t from 'tap'
import { spawnSync } from 'node:child_process'
import { pages, pathOf, shownCommands } from '../../lib/cli/man/pages.js'
import { plain } from '../../lib/cli/man/roff.js'
import { program } from '../../lib/cli/program.js'
import { OPTION_ROWS } from '../../lib/config/options.js'
import { ATTRIBUTE_HELP } from '../../lib/config/branches.js'

const all = pages('9.9.9')
const page = (file: string): string => all.find((each) => each.file === file)!.text

t.test('everything is described', (t) => {
  for (const command of shownCommands(program())) {
    t.ok(page('tsaufs.1').includes(pathOf(command)), pathOf(command))
    for (const { flags } of command.options) t.ok(page('tsaufs.1').includes(plain(flags)), `${command.name()} ${flags}`)
  }
  const options = page('tsaufs.5')
  for (const row of OPTION_ROWS) {
    for (const name of [row.name, ...(row.aliases ?? [])]) t.ok(options.includes(plain(name)), name)
    if (row.status !== 'implemented') t.ok(row.note !== undefined && options.includes(plain(row.note)), `${row.name} says why`)
  }
  for (const name of Object.keys(ATTRIBUTE_HELP)) t.ok(options.includes(plain(`+${name}`)), name)
  t.end()
})

t.test('text means itself', (t) => {
  t.equal(plain('.x \\e -a\n\'y'), '\\&.x \\ee \\-a\n\\&\'y')
  t.end()
})

const groff = spawnSync('groff', ['--version']).status === 0

t.test('groff has nothing to say against them', { skip: groff ? false : 'groff is not installed' }, (t) => {
  for (const { file, text } of all) {
    const { status, stderr, stdout } = spawnSync('groff', ['-man', '-Tutf8', '-ww'], { input: text, encoding: 'utf8' })
    t.equal(status, 0, file)
    t.equal(stderr, '', file)
    t.match(stdout, /tsaufs 9\.9\.9/, file)
  }
  t.end()
})

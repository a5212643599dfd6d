/**
 * Attacks on the launcher, point by point of the security list: what tsaufs-init answers, and beside it what runc 1.1.5 and
 * crun 1.8.1 answer to the same configuration. A word per answer, made by the row's `read`. The words are the table of
 * docs/security.md: `node dist/test/engine/attacks.test.js --table` prints it.
 */
import t, { type Test } from 'tap'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { randomBytes } from 'node:crypto'
import {
  containerHierarchies, DEFAULT_DEVICE_RULES, killGroup, makeGroup, procsFiles, readHierarchies, removeGroup,
} from '../../lib/engine/cgroup/index.js'
import type { ContainerPlanInput, OciDeviceRule } from '../../lib/engine/oci.js'
import { seccompFilter } from '../../lib/engine/seccomp/seccomp.js'
import { cannotRun, DOCKER_CAPABILITIES, dockerConfig, makeRoot } from '../helpers/container.js'
import { probeProgram } from '../helpers/probe.js'
import { askOther, askTsaufs, cannotAsk, OTHERS, seccompOfOthers, type Subject } from '../helpers/subjects.js'
import type { Place, Row } from './attack-rows/row.js'
import { attackTable, ROWS } from './attack-rows/table.js'

/** A place with a root of busybox and the probe, and a directory outside of it. */
function makePlace(t: Test, row: Row): Place {
  const made = makeRoot('attacks')
  const place = { ...made, outside: join(made.dir, 'outside') }
  t.teardown(() => {
    row.cleanup?.(place)
    made.remove()
  })
  mkdirSync(place.outside)
  writeFileSync(join(place.outside, 'secret'), 'secret\n')
  copyFileSync(probeProgram(), join(place.root, 'bin/probe'))
  row.prepare?.(place)
  return place
}

/** What tsaufs-init is told beside the configuration. */
function extrasOf(t: Test, row: Row): Partial<ContainerPlanInput> {
  const filter = row.seccomp === true ? seccompFilter('builtin', DOCKER_CAPABILITIES) : undefined
  if (row.groups !== true) return { ...row.extras, ...filter === undefined ? {} : { seccompFilter: filter.program } }
  const hierarchies = readHierarchies()
  const { places } = makeGroup({ id: `attacks-${randomBytes(4).toString('hex')}`, resources: { devices: [...DEFAULT_DEVICE_RULES] } }, hierarchies)
  t.teardown(async () => {
    await killGroup(places)
    await removeGroup(places)
  })
  return { ...row.extras, cgroupProcs: procsFiles(places), cgroupHierarchies: containerHierarchies(places, hierarchies) }
}

/** Any type and any number are said by saying nothing. */
const DEVICES_OF_OTHERS = DEFAULT_DEVICE_RULES.map(rule => Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== -1))) as unknown as OciDeviceRule[]

async function answer(t: Test, row: Row, name: Subject): Promise<void> {
  const place = makePlace(t, row)
  const script = typeof row.script === 'function' ? row.script(place) : row.script
  const config = dockerConfig(place.root, row.args ?? ['sh', '-c', script!])
  row.change?.(config, place, name)
  const caller = row.caller?.(place)
  if (name !== 'tsaufs') {
    if (row.groups === true) config.linux.resources = { devices: DEVICES_OF_OTHERS }
    if (row.seccomp === true) Object.assign(config.linux, { seccomp: seccompOfOthers() })
  }
  const answer = name === 'tsaufs' ? await askTsaufs(place.dir, config, extrasOf(t, row), caller) : await askOther(name, place.dir, config, caller)
  t.equal(row.read(answer, place), row[name], `${name}: ${JSON.stringify(answer)}`)
}

if (process.argv[2] === '--table') {
  process.stdout.write(`${attackTable()}\n`)
  process.exit()
}

t.test('attacks', { skip: cannotRun() }, async t => {
  const others = OTHERS.map(name => ({ name, skip: cannotAsk(name) }))
  for (const row of ROWS) {
    await t.test(`${row.point}. ${row.name}`, async t => {
      for (const { name, skip } of [{ name: 'tsaufs' as const, skip: false as const }, ...others]) {
        if (skip === false) await answer(t, row, name)
        else t.pass(name, { skip })
      }
    })
  }
})

t.test('docs/security.md has this table', t => {
  const page = readFileSync(fileURLToPath(new URL('../../../docs/security.md', import.meta.url)), 'utf8')
  t.ok(page.includes(attackTable()), 'node dist/test/engine/attacks.test.js --table')
  t.end()
})

/** The scenarios and a walk as root of a user namespace that an ordinary user made: mount(2), and many users inside. */
import t from 'tap'
import { OrdinaryUser, unavailable } from './ordinary-user.js'
import { scenarios, walks, type Who } from './suites.js'

const who: Who = {
  identity: 'userns', rowsAtLeast: 170,
  prefix: ['unshare', '--user', '--map-root-user', '--map-users=auto', '--map-groups=auto', '--mount'],
}

const reason = unavailable()
if (reason !== false) t.plan(0, reason)
else {
  t.setTimeout(600_000)
  const user = new OrdinaryUser()
  t.teardown(() => user.end())
  await t.test('scenarios', { timeout: 300_000 }, (t) => scenarios(t, user, who))
  await t.test('walks', { timeout: 120_000 }, (t) => walks(t, user, who))
  t.same(await user.remains(), [], 'no process is left')
}

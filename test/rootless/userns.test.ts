/** The scenarios and a walk as root of a user namespace that an ordinary user made: mount(2), and many users inside. */
import { suite } from './suites.js'

await suite({
  identity: 'userns', rowsAtLeast: 170,
  prefix: ['unshare', '--user', '--map-root-user', '--map-users=auto', '--map-groups=auto', '--mount'],
}, [])

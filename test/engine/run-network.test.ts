/** `tsaufs run` on the bridge, in namespaces of its own. */
import { inOwnNetwork } from './own-network.js'

if (inOwnNetwork(import.meta.url)) await import('./run-network-cases.js')

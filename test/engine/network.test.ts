/** The network of containers, in namespaces of its own. */
import { inOwnNetwork } from './own-network.js'

if (inOwnNetwork(import.meta.url)) await import('./network-cases.js')

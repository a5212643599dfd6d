export { blkio } from './blkio.js'
export { cpu } from './cpu.js'
export { devices } from './devices.js'
export { memory } from './memory.js'

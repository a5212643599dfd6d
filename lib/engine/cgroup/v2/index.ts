export { cpu } from './cpu.js'
export { io } from './io.js'
export { memory } from './memory.js'
export { unified } from './unified.js'

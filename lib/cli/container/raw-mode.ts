/**
 * A terminal that passes bytes on as they are. Node's raw mode goes on to put a carriage return before each line feed, which the
 * container's own terminal has done already. Source: termios(3), cfmakeraw; ioctl_tty(2).
 */
import { must } from '../../os/errno.js'
import { sys } from '../../os/native.js'

const TCGETS = 0x5401
const TCSETSW = 0x5403
/** At least sizeof(struct termios) of the kernel: four u32 flags (input, output, control, local), then bytes. */
const ROOM = 64
const IGNBRK_TO_IXON = 0o2753
const OPOST = 0o1
const CSIZE_PARENB = 0o460
const CS8 = 0o60
const ECHO_ECHONL_ICANON_ISIG_IEXTEN = 0o100113

/** Make the terminal `fd` raw. @returns what puts it back. @throws Errno ENOTTY */
export function makeRaw(fd: number): () => void {
  const before = Buffer.alloc(ROOM)
  must(sys.ioctl(fd, TCGETS, before), 'tcgetattr')
  const raw = Buffer.from(before)
  const flags = new Uint32Array(raw.buffer, raw.byteOffset, 4)
  flags[0]! &= ~IGNBRK_TO_IXON
  flags[1]! &= ~OPOST
  flags[2] = (flags[2]! & ~CSIZE_PARENB) | CS8
  flags[3]! &= ~ECHO_ECHONL_ICANON_ISIG_IEXTEN
  must(sys.ioctl(fd, TCSETSW, raw), 'tcsetattr')
  // Its terminal may have gone: then there is nothing to be put back.
  return () => { sys.ioctl(fd, TCSETSW, Buffer.from(before)) }
}

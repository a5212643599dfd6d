/** The program: what bin/tsaufs.js runs. */
import { main } from './program.js'

void main()

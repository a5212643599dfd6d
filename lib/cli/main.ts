/** The program: what bin/tsaufs.js runs. */
import { main } from './program.js'
import { rawArguments } from './raw-args.js'
import { serveCommand, WARM } from './warm/serve.js'

const [, , verb, ...words] = process.argv
void (verb === WARM ? serveCommand(words) : main(rawArguments()))

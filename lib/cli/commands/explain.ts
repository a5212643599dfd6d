/**
 * `tsaufs explain`: why paths look as they do. A path need not be there.
 */
import { Command } from 'commander'
import { explainPath, inUnion } from '../../daemon/explain.js'
import { explanationLines, readableExplanation } from '../explanation.js'
import { EXIT } from '../exit-codes.js'
import { oneLine, print, printJson, reportFailure } from '../output.js'
import { workingDirectory } from '../raw-args.js'

/** Build the command. */
export function explainCommand(): Command {
  return new Command('explain')
    .description('why a path of a mount looks as it does: the branch it is from, what it hides, what hides it, who copied it')
    .argument('<path...>', 'paths in live mounts, there or not')
    .option('--json', 'for programs: a list with one element for each path')
    .action(async (paths: readonly string[], flags: { json?: true }) => {
      const answers: unknown[] = []
      for (const typed of paths) {
        try {
          const tried = `explain ${typed}`
          const where = inUnion(tried, typed, workingDirectory())
          const explanation = await explainPath(tried, where)
          if (flags.json === true) answers.push(readableExplanation(typed, where.record, explanation))
          else for (const line of explanationLines(typed, where.record, explanation)) print(oneLine(line))
        } catch (error) {
          reportFailure(error)
          process.exitCode = EXIT.FAILED
        }
      }
      if (flags.json === true) printJson(answers)
    })
}

/** What `inspect` commands print. */
import { printJson, printJsonLine, writeText } from '../output.js'
import { forEach } from './run-exit.js'
import { compileTemplate } from './template.js'

/** All that is known of each, as a list in JSON or by a template; one that is not there does not hide the others. */
export async function printInspected(refs: readonly string[], format: string | undefined, tell: (ref: string) => Record<string, unknown>): Promise<void> {
  const render = format === undefined || format === 'json' ? undefined : compileTemplate(format)
  const found: unknown[] = []
  await forEach(refs, (ref) => {
    const told = tell(ref)
    if (render === undefined) found.push(told)
    else writeText(`${render(told)}\n`)
    return Promise.resolve()
  })
  if (render === undefined) (format === 'json' ? printJsonLine : printJson)(found)
}

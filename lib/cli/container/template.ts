/**
 * `--format`: as much of Go's templates as people write for docker: `{{.State.Status}}`, `{{json .Config}}`, `{{upper .Name}}`,
 * `{{index .Config.Labels "a.b"}}`, `{{len .Mounts}}`, `{{range .Mounts}}{{.Source}} {{end}}`, `{{if .State.Running}}up{{else}}down{{end}}`, `{{.}}`.
 * Source: Go text/template; docs.docker.com, "Format command and log output".
 */
import { usage } from '../../engine/error.js'

type Piece = { readonly text: string } | { readonly words: readonly string[] } | Block
interface Block { readonly block: 'range' | 'if', readonly words: readonly string[], readonly body: readonly Piece[], readonly other: readonly Piece[] }

/** A template as a function of the object it is about. @throws MountError for a template that cannot be read */
export function compileTemplate(template: string): (value: unknown) => string {
  const tokens = template.replace(/\\t/g, '\t').replace(/\\n/g, '\n').split(/(\{\{.*?\}\})/s)
  const { pieces, rest } = parse(template, tokens)
  if (rest.length > 0) throw broken(template, 'an {{end}} or {{else}} that ends nothing')
  return (value) => render(template, pieces, value)
}

function broken(template: string, what: string): Error {
  return usage(`--format ${template}`, `template parsing error: ${what}`)
}

/** Pieces up to an `end` or `else` that belongs to the caller; `rest` begins with it. */
function parse(template: string, tokens: readonly string[]): { pieces: Piece[], rest: readonly string[] } {
  const pieces: Piece[] = []
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!
    if (!token.startsWith('{{')) {
      if (token.includes('{{')) throw broken(template, 'a {{ without }}')
      if (token !== '') pieces.push({ text: token })
      continue
    }
    const words = token.slice(2, -2).replace(/^-|-$/g, '').trim().match(/"(?:[^"\\]|\\.)*"|`[^`]*`|[^\s|()]+/g) ?? []
    const [head = '', ...more] = words
    if (head === 'end' || head === 'else') return { pieces, rest: tokens.slice(at) }
    if (head !== 'range' && head !== 'if') {
      pieces.push({ words })
      continue
    }
    const body = parse(template, tokens.slice(at + 1))
    const hasElse = /^\{\{-?\s*else/.test(body.rest[0] ?? '')
    const other = hasElse ? parse(template, body.rest.slice(1)) : { pieces: [], rest: body.rest }
    if (other.rest.length === 0) throw broken(template, `{{${head}}} without {{end}}`)
    pieces.push({ block: head, words: more, body: body.pieces, other: other.pieces })
    const { pieces: after, rest } = parse(template, other.rest.slice(1))
    return { pieces: [...pieces, ...after], rest }
  }
  return { pieces, rest: [] }
}

function render(template: string, pieces: readonly Piece[], value: unknown): string {
  return pieces.map((piece) => {
    if ('text' in piece) return piece.text
    if (!('block' in piece)) return show(evaluate(template, piece.words, value))
    const subject = evaluate(template, piece.words, value)
    const list = Array.isArray(subject) ? subject : typeof subject === 'object' && subject !== null ? Object.values(subject) : []
    if (piece.block === 'range') {
      return list.length === 0 ? render(template, piece.other, value) : list.map((each) => render(template, piece.body, each)).join('')
    }
    const isTrue = typeof subject === 'object' && subject !== null ? list.length > 0 : Boolean(subject)
    return render(template, isTrue ? piece.body : piece.other, value)
  }).join('')
}

/** How Go prints a value. */
function show(value: unknown): string {
  if (value === null || value === undefined) return '<no value>'
  if (Array.isArray(value)) return `[${value.map(show).join(' ')}]`
  if (typeof value === 'object') return `map[${Object.entries(value).map(([key, each]) => `${key}:${show(each)}`).join(' ')}]`
  return String(value)
}

const text = (value: unknown): string => (typeof value === 'string' ? value : show(value))

const FUNCTIONS: Readonly<Record<string, (...values: readonly unknown[]) => unknown>> = {
  json: (value) => JSON.stringify(value ?? null),
  upper: (value) => text(value).toUpperCase(),
  lower: (value) => text(value).toLowerCase(),
  title: (value) => text(value).replace(/(^|\s)\S/g, (c) => c.toUpperCase()),
  len: (value) => (typeof value === 'object' && value !== null ? Object.keys(value).length : text(value).length),
  join: (list, separator) => (Array.isArray(list) ? list.map(text).join(text(separator)) : text(list)),
  split: (value, separator) => text(value).split(text(separator)),
  index: (value, ...keys) => keys.reduce((at: unknown, key) => (at as Record<string, unknown> | undefined)?.[String(key)], value),
  println: (value) => `${text(value)}\n`,
  not: (value) => !value,
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
}

function evaluate(template: string, words: readonly string[], value: unknown): unknown {
  const [head = '', ...more] = words
  const call = FUNCTIONS[head]
  if (call !== undefined && Object.hasOwn(FUNCTIONS, head)) return call(...more.map((word) => operand(template, word, value)))
  // `.A | json`
  const after = FUNCTIONS[more[0] ?? '']
  if (after !== undefined) return after(operand(template, head, value))
  if (words.length !== 1) throw broken(template, words.length === 0 ? 'empty {{}}' : `function "${head}" not defined`)
  return operand(template, head, value)
}

function operand(template: string, word: string, value: unknown): unknown {
  if (/^["`]/.test(word)) return word.startsWith('`') ? word.slice(1, -1) : JSON.parse(word) as unknown
  if (/^-?\d+$/.test(word)) return Number(word)
  if (word === 'true' || word === 'false') return word === 'true'
  if (!word.startsWith('.')) throw broken(template, `function "${word}" not defined`)
  let at = value
  for (const key of word.split('.').filter((each) => each !== '')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) {
      // A map has or has not a key; what people misspell is a field of the object itself.
      if (at === value) throw usage(`--format ${template}`, `can't evaluate field ${key}`)
      return undefined
    }
    at = (at as Record<string, unknown>)[key]
  }
  return at
}

/**
 * Text as a manual page: the few macros of man(7) that our pages need.
 */

/** Text that means itself: backslashes, leading dots and quotes of roff are disarmed, hyphens stay hyphens. */
export function plain(text: string): string {
  return text.replace(/\\/g, '\\e').replace(/-/g, '\\-').replace(/^([.'])/gm, '\\&$1')
}

/** The heading of a page. @param section of the manual: 1, 5, 8 */
export function title(name: string, section: number, version: string): string {
  return `.TH "${name.toUpperCase()}" "${section}" "" "tsaufs ${version}" "tsaufs"`
}

/** A section with paragraphs. */
export function section(name: string, ...paragraphs: readonly string[]): string {
  return [`.SH "${name}"`, paragraphs.join('\n.PP\n')].join('\n')
}

/** A paragraph of text. */
export function paragraph(text: string): string {
  return plain(text)
}

/** A list of terms, each with what it means. */
export function terms(rows: readonly (readonly [term: string, meaning: string])[]): string {
  return rows.map(([term, meaning]) => `.TP\n\\fB${plain(term)}\\fR\n${plain(meaning)}`).join('\n')
}

/** Lines as they are typed. */
export function example(...lines: readonly string[]): string {
  return ['.nf', '.RS', ...lines.map(plain), '.RE', '.fi'].join('\n')
}

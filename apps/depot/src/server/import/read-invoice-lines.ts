import { parse } from 'csv-parse/sync'
import { COLUMNS, toInvoiceLine, type DirtyLine, type InvoiceLine } from './invoice-line.ts'

/** The file cannot be an invoice file at all. The message is one sentence for a person. */
export class NotAnInvoiceFile extends Error {
  override readonly name = 'NotAnInvoiceFile'
}

/** No line of an invoice is longer; what is, has lost its line ends. */
const MAX_LINE_LENGTH = 16_384

/**
 * Reads an invoice file line by line. Every data line comes out exactly once, checked or with the reason why not;
 * empty lines are not data. Memory holds one line.
 *
 * A record never spans lines here: a quote that is not closed then costs its own line and not the rest of the file.
 *
 * @throws {NotAnInvoiceFile} where the first line does not name the columns.
 */
export async function* readInvoiceLines(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<InvoiceLine | DirtyLine, void, void> {
  let order: readonly number[] | undefined
  let width = 0
  for await (const { number, text } of splitLines(chunks)) {
    if (text === '') continue
    const fields = text === undefined ? undefined : parseFields(text)
    if (order === undefined) {
      order = columnOrder(fields)
      width = fields?.length ?? 0
      continue
    }
    yield fields?.length === width
      ? toInvoiceLine(
          number,
          order.map((column) => fields[column] ?? ''),
        )
      : { number, reason: 'malformed' }
  }
  if (order === undefined)
    throw new NotAnInvoiceFile(`The file is empty: its first line should be ${COLUMNS.join(',')}.`)
}

/** The fields of one line; `undefined` where its quotes do not match. */
export function parseFields(line: string): readonly string[] | undefined {
  // Most lines have no quote, and the parser costs fifty times as much as this.
  if (!line.includes('"')) return line.split(',')
  try {
    const records = parse(line)
    return records.length === 1 ? records[0] : undefined
  } catch {
    return undefined
  }
}

function columnOrder(header: readonly string[] | undefined): readonly number[] {
  const names = (header ?? []).map((name) => name.trim().toLowerCase())
  const missing = COLUMNS.filter((column) => !names.includes(column.toLowerCase()))
  if (missing.length > 0) {
    throw new NotAnInvoiceFile(
      `This is not an invoice file: its first line does not name ${missing.join(', ')}. Expected are the columns ${COLUMNS.join(',')}.`,
    )
  }
  return COLUMNS.map((column) => names.indexOf(column.toLowerCase()))
}

/** Lines without their ends; `text` is `undefined` for one that is too long to be a line. */
async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly number: number; readonly text: string | undefined }, void, void> {
  // Bytes that are no UTF-8 become U+FFFD, which makes their line malformed and no other.
  const decoder = new TextDecoder('utf-8')
  let number = 0
  let rest = ''
  let overlong = false
  const take = (line: string) => {
    number++
    const text = overlong || line.length > MAX_LINE_LENGTH ? undefined : line.endsWith('\r') ? line.slice(0, -1) : line
    overlong = false
    return { number, text }
  }
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true })
    let from = 0
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n', from)) {
      yield take(rest.slice(from, end))
      from = end + 1
    }
    rest = rest.slice(from)
    if (rest.length > MAX_LINE_LENGTH) {
      overlong = true
      rest = ''
    }
  }
  rest += decoder.decode()
  if (rest !== '' || overlong) yield take(rest)
}

import { describe, expect, it } from 'vitest'
import { isDirty, toPence, type DirtyLine, type InvoiceLine } from './invoice-line.ts'
import { NotAnInvoiceFile, readInvoiceLines } from './read-invoice-lines.ts'

const HEADER = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country'
const GOOD = '536365,85123a,WHITE HEART,6,2010-12-01T08:26:00,2.55,17850,United Kingdom'

/** Hands the text over in chunks of some bytes, as a disk or a pipe may. */
async function* chunked(content: string | Uint8Array, size = 1_000_000): AsyncGenerator<Uint8Array> {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size)
}

async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<(InvoiceLine | DirtyLine)[]> {
  const read: (InvoiceLine | DirtyLine)[] = []
  for await (const line of readInvoiceLines(chunks)) read.push(line)
  return read
}

const read = (...lines: string[]) => readAll(chunked([HEADER, ...lines].join('\n')))

describe('an invoice file', () => {
  it('gives every line with its number, whatever the chunks are', async () => {
    const text = `\ufeff${HEADER}\r\n${GOOD}\r\n\r\n${GOOD.replace('WHITE', 'CRÈME')}\r\n`
    for (const size of [1, 2, 3, 7, 1_000]) {
      expect(await readAll(chunked(text, size))).toMatchObject([
        { number: 2, product: '85123A', quantity: 6, unitPrice: 255, at: '2010-12-01T08:26:00.000Z' },
        { number: 4, description: 'CRÈME HEART' },
      ])
    }
  })

  it('may order its columns as it likes and hold others besides', async () => {
    const text =
      'Country,Till,InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID\nEIRE,7,1,22,"TIN, ROUND",6,2010-12-01 08:26,2.5,'
    expect(await readAll(chunked(text))).toMatchObject([
      { invoice: '1', description: 'TIN, ROUND', country: 'EIRE', unitPrice: 250 },
    ])
  })

  it.each(['', '\n\n', 'a,b,c\n1,2,3', HEADER.replace('Quantity', 'Amount'), '"broken'])(
    'is refused in one sentence where the first line is not its header: %j',
    async (text) => {
      await expect(readAll(chunked(text))).rejects.toThrow(NotAnInvoiceFile)
    },
  )
})

describe('a line that cannot be used', () => {
  const fields = GOOD.split(',')
  const withField = (column: number, value: string) =>
    fields.map((field, at) => (at === column ? value : field)).join(',')

  it.each([
    ['malformed', GOOD.slice(0, -15)],
    ['malformed', `${GOOD},more`],
    ['malformed', '"'],
    ['malformed', withField(2, '"never closed')],
    ['malformed', withField(2, 'SAYS "HELLO"')],
    ['malformed', withField(2, 'NUL \u0000')],
    ['malformed', withField(2, `${'x'.repeat(20_000)}`)],
    ['missing_invoice', withField(0, ' ')],
    ['bad_invoice', withField(0, '536365/1')],
    ['missing_stock_code', withField(1, '')],
    ['bad_stock_code', withField(1, '../71053')],
    ['bad_stock_code', withField(1, '7'.repeat(41))],
    ['not_a_product', withField(1, 'POST')],
    ['not_a_product', withField(1, 'm')],
    ['not_a_product', withField(1, 'BANK CHARGES')],
    ['bad_quantity', withField(3, '')],
    ['bad_quantity', withField(3, '1.5')],
    ['bad_quantity', withField(3, '1e3')],
    ['bad_quantity', withField(3, '1000001')],
    ['bad_quantity', withField(0, 'C536365')],
    ['zero_quantity', withField(3, '0')],
    ['zero_quantity', withField(3, '-0')],
    ['bad_date', withField(4, '2010-02-30T10:00:00')],
    ['bad_date', withField(4, '12/1/2010 8:26')],
    ['bad_date', withField(4, '1969-12-01T08:26:00')],
    ['bad_price', withField(5, '-2.55')],
    ['bad_price', withField(5, '0.001')],
    ['bad_price', withField(5, 'free')],
    ['bad_price', withField(5, '99999999999')],
    ['too_long', withField(2, 'x'.repeat(201))],
    ['too_long', withField(6, '1'.repeat(81))],
  ])('is %s: %j', async (reason, line) => {
    expect(await read(GOOD, line, GOOD)).toMatchObject([{ number: 2 }, { number: 3, reason }, { number: 4 }])
  })

  it('with bytes that are no UTF-8 harms no other', async () => {
    const text = new TextEncoder().encode([HEADER, withField(2, 'CAF#'), GOOD].join('\n'))
    text[text.indexOf('#'.charCodeAt(0))] = 0xe9
    expect(await readAll(chunked(text))).toMatchObject([{ number: 2, reason: 'malformed' }, { number: 3 }])
  })

  it('of any length costs no more memory than a line', async () => {
    const endless = async function* () {
      yield* chunked(`${HEADER}\n${GOOD}\n`)
      for (let i = 0; i < 64; i++) yield new Uint8Array(65_536).fill(120)
      yield* chunked(`\n${GOOD}`)
    }
    expect(await readAll(endless())).toMatchObject([{ number: 2 }, { number: 3, reason: 'malformed' }, { number: 4 }])
  })

  it('comes out as data, whatever it holds', async () => {
    let seed = 7
    const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below
    const alphabet = '",\\ ax0-C:\u0001é\ud83d\ude00'
    const lines = Array.from({ length: 500 }, () =>
      Array.from({ length: 1 + random(60) }, () => alphabet[random(alphabet.length)]).join(''),
    )
    const found = await read(...lines)
    expect(found).toHaveLength(500)
    expect(found.every(isDirty)).toBe(true)
  })
})

describe('a price', () => {
  it.each([
    ['2.55', 255],
    ['1.15', 115],
    ['0', 0],
    ['18', 1_800],
    ['3.4', 340],
    ['8.500', 850],
    ['569.77', 56_977],
  ])('of %s is %d pence', (text, pence) => {
    expect(toPence(text)).toBe(pence)
  })
})

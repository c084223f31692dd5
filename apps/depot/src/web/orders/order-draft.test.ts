import { expect, test } from 'vitest'
import { isBlank, readLine, type LineDraft } from './line-draft.ts'
import { dropDraft, emptyDraft, loadDraft, saveDraft } from './order-draft.ts'
import { orderNumber } from './order-number.ts'

class MemoryStorage {
  readonly #items = new Map<string, string>()
  getItem(key: string): string | null {
    return this.#items.get(key) ?? null
  }
  setItem(key: string, value: string): void {
    this.#items.set(key, value)
  }
  removeItem(key: string): void {
    this.#items.delete(key)
  }
}

const line: LineDraft = { id: '1', product: '22423', description: 'Cake stand', quantity: '6', unitPrice: '12.75' }

test('a draft is there again after a reload, and gone once it was placed', () => {
  const storage = new MemoryStorage()
  const draft = { ...emptyDraft(), lastName: 'Fielding', lines: [line] }
  saveDraft(storage, draft)
  expect(loadDraft(storage)).toEqual(draft)
  dropDraft(storage)
  expect(loadDraft(storage).lastName).toBe('')
})

test('a draft that cannot be read is an empty one', () => {
  for (const stored of ['{', '[]', '{"lines":[{}]}']) {
    const draft = loadDraft({ getItem: () => stored })
    expect(draft.lastName).toBe('')
    expect(draft.lines).toHaveLength(1)
  }
})

test('a filled line becomes the input of a command', () => {
  expect(readLine(line)).toEqual({
    ok: true,
    line: { product: '22423', description: 'Cake stand', quantity: 6, unitPrice: 1_275 },
  })
})

test('what is wrong with a line stands at its field', () => {
  const read = readLine({ ...line, product: ' ', quantity: '0', unitPrice: 'free' })
  expect(read.ok ? [] : Object.keys(read.errors)).toEqual(['product', 'quantity', 'unitPrice'])
  const half = readLine({ ...line, quantity: '1.5' })
  expect(half.ok ? [] : Object.keys(half.errors)).toEqual(['quantity'])
})

test('an untouched line is blank, a line with only a quantity is not', () => {
  expect(isBlank({ ...line, product: '', description: '', quantity: '1', unitPrice: '' })).toBe(true)
  expect(isBlank({ ...line, product: '', description: '', quantity: '3', unitPrice: '' })).toBe(false)
})

test('an order number is short, readable, and follows from the random end of the stream id', () => {
  const one = orderNumber('order/0197a5c2-0000-7000-8000-000000000001')
  const other = orderNumber('order/0197a5c2-0000-7000-8000-000012345678')
  expect(one).toBe('D-000001')
  expect(other).toMatch(/^D-[0-9A-HJKMNP-TV-Z]{6}$/)
  expect(other).not.toBe(one)
})

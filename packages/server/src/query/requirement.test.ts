import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { createSealer } from '../seal.ts'
import { toPosition } from './requirement.ts'

const sealer = createSealer([{ id: 'k1', key: randomBytes(32) }])
const history = { epoch: 'e1', tenant: 'acme', lane: 2 }
const token = (position: number, more: Partial<typeof history> = {}): string =>
  sealer.token({ ...history, ...more, position })
const cursor = sealer.cursor({ ...history, position: 9, eventId: '', outcomeSeq: 0, scopes: [], projections: [] })
const position = (at: number) => ({ kind: 'position', position: at })
const unknown = { kind: 'unknown_token' }

test.each<[string, readonly string[], unknown]>([
  ['no tokens ask for nothing', [], position(0)],
  ['a token asks for its position', [token(7)], position(7)],
  ['of several tokens the highest counts, whatever their order', [token(3), token(7), token(5)], position(7)],
  ['a cursor is as good as a token', [token(7), cursor], position(9)],
  ['a token of another history cannot be reached', [token(7, { epoch: 'e0' })], unknown],
  ['a token of another lane cannot be reached', [token(7, { lane: 3 })], unknown],
  ['a token of another tenant is noise', [token(7, { tenant: 'globex' })], unknown],
  ['noise among good tokens spoils them all', [token(7), 'k1.AAAA'], unknown],
  ['an empty text is no token', [''], unknown],
])('%s', (_, tokens, expected) => {
  expect(toPosition(sealer, history, tokens)).toEqual(expected)
})

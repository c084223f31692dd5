import { expect, test } from 'vitest'
import { toTextQuery } from './search-words.ts'

test.each([
  ['one word may be unfinished', 'lant', 'lant:*'],
  ['all words must occur', 'white  lantern', 'white:* & lantern:*'],
  ['operators mean nothing', "a & !b | (c):* 'd' <-> \\e", 'a:* & b:* & c:* & d:* & e:*'],
  ['letters of other scripts are letters', 'Ærø 東京 85123A', 'Ærø:* & 東京:* & 85123A:*'],
  ['nothing but signs is nothing', ' %_* \u0000 🙂 ', ''],
  ['twelve words are looked at', 'w '.repeat(40), Array.from({ length: 12 }, () => 'w:*').join(' & ')],
])('%s', (_, text, query) => {
  expect(toTextQuery(text)).toBe(query)
})

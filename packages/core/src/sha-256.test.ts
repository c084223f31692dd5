import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { hash128 } from './hash.ts'
import { sha256 } from './sha-256.ts'

const hexOf = (words: Int32Array): string =>
  Array.from(words, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('')
const known = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex')

test('the vectors of the standard', () => {
  expect(hexOf(sha256(''))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  expect(hexOf(sha256('abc'))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  expect(hexOf(sha256('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'))).toBe(
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  )
  expect(hexOf(sha256('a'.repeat(1_000_000)))).toBe('cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0')
})

test('every length around the ends of blocks', () => {
  for (let length = 0; length < 260; length++) expect(hexOf(sha256('x'.repeat(length)))).toBe(known('x'.repeat(length)))
})

test('any text is hashed as its UTF-8, half a surrogate pair as U+FFFD, whatever was hashed before', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string({ unit: 'binary' }),
        fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) }),
      ),
      (text) => {
        expect(hexOf(sha256(text))).toBe(known(text))
      },
    ),
    { numRuns: 300 },
  )
})

test('parts are told apart by their lengths, and the first 128 bits are kept', () => {
  expect(hash128('ab', 'ç')).toBe(known('2:ab1:ç').slice(0, 32))
  expect(hash128('ab', 'c')).not.toBe(hash128('a', 'bc'))
})

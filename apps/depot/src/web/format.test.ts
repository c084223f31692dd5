import { expect, test } from 'vitest'
import { fieldToPence, formatAge, formatChange, formatMoney, penceToField } from './format.ts'

test('pence read back from a form field are the pence that were put in', () => {
  for (const pence of [0, 1, 9, 10, 99, 100, 255, 1_275, 123_456, 999_999_999]) {
    expect(fieldToPence(penceToField(pence))).toBe(pence)
  }
})

test('amounts are read as people type them', () => {
  expect(fieldToPence('2.5')).toBe(250)
  expect(fieldToPence(' £1,234.50 ')).toBe(123_450)
  expect(fieldToPence('7')).toBe(700)
})

test('what is no amount is not guessed at', () => {
  for (const text of ['', 'free', '2,55', '1.234', '-3', '1e3', '2.5.1']) expect(fieldToPence(text)).toBeUndefined()
})

test('money is shown in pounds with both decimals', () => {
  expect(formatMoney(123_450)).toBe('£1,234.50')
})

test('a correction shows its sign', () => {
  expect(formatChange(3)).toBe('+3')
  expect(formatChange(-2)).toBe('\u22122')
})

test('an age is told in the largest unit that fits', () => {
  const now = Date.parse('2026-03-03T12:00:00Z')
  expect(formatAge('2026-03-03T11:59:30Z', now, 'just now')).toBe('just now')
  expect(formatAge('2026-03-03T11:57:00Z', now, 'just now')).toBe('3 minutes ago')
  expect(formatAge('2026-03-01T12:00:00Z', now, 'just now')).toBe('2 days ago')
})

import { expect, test } from 'vitest'
import { judgeSessions, type ConnectionLooks, type SessionLook } from './judge-sessions.ts'

const look = (pid: number, mark: string | null, lockTimeout = 5_000): SessionLook => ({ pid, mark, lockTimeout })
const of = (mark: string, ...looks: readonly SessionLook[]): ConnectionLooks => ({ mark, looks })

test('two connections with a backend each are sessions', () => {
  const looks = [of('a', look(1, 'a'), look(1, 'a')), of('b', look(2, 'b'), look(2, 'b'))]
  expect(judgeSessions(looks, 5_000)).toEqual({ kind: 'sessions' })
})

test.each([
  ['one backend serves both', [of('a', look(1, 'a'), look(1, 'b')), of('b', look(1, 'b'), look(1, 'b'))]],
  ['the backend changed, with the same mark by chance', [of('a', look(1, 'a'), look(3, 'a')), of('b', look(2, 'b'))]],
  ['the mark is gone', [of('a', look(1, 'a'), look(1, null)), of('b', look(2, 'b'))]],
  ['the mark is the other connection’s', [of('a', look(1, 'a'), look(1, 'b')), of('b', look(2, 'b'))]],
])('%s: backends are lent', (_name, looks) => {
  expect(judgeSessions(looks, 5_000)).toEqual({ kind: 'backends-lent' })
})

test('a setting that did not arrive is told', () => {
  const looks = [of('a', look(1, 'a', 0), look(1, 'a', 0)), of('b', look(2, 'b', 0), look(2, 'b', 0))]
  expect(judgeSessions(looks, 5_000)).toEqual({ kind: 'settings-dropped' })
})

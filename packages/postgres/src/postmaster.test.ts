import { expect, test } from 'vitest'
import { isAlive, parsePostmasterPid } from './postmaster.ts'

test('postmaster.pid is read as Postgres writes it', () => {
  const file = '4711\n/srv/data\n1763766000\n5433\n\n127.0.0.1\n  1234567  98304\nready   \n'
  expect(parsePostmasterPid(file)).toEqual({ pid: 4711, port: 5433, status: 'ready' })
})

test('a file that is still being written has no status, and one without a number names nobody', () => {
  expect(parsePostmasterPid('4711\n/srv/data\n')).toEqual({ pid: 4711, port: 0, status: 'unknown' })
  expect(parsePostmasterPid('')).toBeUndefined()
  expect(parsePostmasterPid('-4711\n')).toBeUndefined()
})

test('this process is alive and a number beyond all pids is not', () => {
  expect(isAlive(process.pid)).toBe(true)
  expect(isAlive(2 ** 30)).toBe(false)
})

import { expect, test } from 'vitest'
import { fileErrorToFailure, outputToFailure } from './errors.ts'

const context = { directory: '/srv/data', port: 5433 }

test.each([
  ['LOG:  could not bind IPv4 address "127.0.0.1": Address already in use', 'port-taken'],
  ['FATAL:  could not write lock file "postmaster.pid": No space left on device', 'no-space'],
  ['initdb: error: could not access directory "/srv/data": Permission denied', 'no-permission'],
  ['postgres: error while loading shared libraries: libicui18n.so.60: cannot open shared object file', 'no-binaries'],
  ['FATAL:  database files are incompatible with server', 'failed'],
  [
    `FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use${'\nLOG:  terminating'.repeat(9)}`,
    'still-there',
  ],
  ['FATAL:  lock file "postmaster.pid" already exists', 'still-there'],
])('"%s" means %s', (output, kind) => {
  expect(outputToFailure(output, context)).toMatchObject({ kind })
})

test('an unknown reason keeps the words of Postgres', () => {
  expect(outputToFailure('FATAL:  database files are incompatible with server', context).message).toContain(
    'database files are incompatible',
  )
})

test('a full disk and a missing right are told apart, and bugs pass unchanged', () => {
  expect(fileErrorToFailure(Object.assign(new Error('x'), { code: 'ENOSPC' }), '/srv')).toMatchObject({
    kind: 'no-space',
  })
  expect(fileErrorToFailure(Object.assign(new Error('x'), { code: 'EACCES' }), '/srv')).toMatchObject({
    kind: 'no-permission',
  })
  const bug = new TypeError('x')
  expect(fileErrorToFailure(bug, '/srv')).toBe(bug)
})

import { expect, test } from 'vitest'
import { parsePasswd, pickAccount } from './account.ts'

const passwd = [
  'root:x:0:0:root:/root:/bin/bash',
  'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin',
  'ada:x:1000:1000::/home/ada:/bin/sh',
]
const withPostgres = [...passwd, 'postgres:x:101:104::/var/lib/postgresql:/bin/bash']

test('root hands Postgres to the account named postgres, and to nobody where there is none', () => {
  expect(pickAccount(parsePasswd(withPostgres.join('\n')), undefined)).toEqual({ kind: 'other', uid: 101, gid: 104 })
  expect(pickAccount(parsePasswd(passwd.join('\n')), undefined)).toEqual({ kind: 'other', uid: 65534, gid: 65534 })
})

test('data that has an owner already stays with it, unless that is root', () => {
  expect(pickAccount(parsePasswd(withPostgres.join('\n')), 1000)).toMatchObject({ uid: 1000 })
  expect(pickAccount(parsePasswd(withPostgres.join('\n')), 0)).toMatchObject({ uid: 101 })
})

test('a machine without any such account is told what to do', () => {
  expect(() => pickAccount([], undefined)).toThrow(/create one, or run as another user/)
})

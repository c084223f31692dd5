import { EmbeddedPostgresError } from '@tidemark/postgres'
import { DatabaseError, StoreOpenError } from '@tidemark/store'
import { describe, expect, it } from 'vitest'
import { readEnvironment } from './environment.ts'
import { failureToSentence, PlainFailure } from './failure.ts'

const context = { directory: '/data', database: 'db.example/depot', port: 3000 }
const coded = (code: string, syscall = 'open') => Object.assign(new Error(code), { code, syscall })

describe('what a person can mend', () => {
  it.each([
    ['a taken port', coded('EADDRINUSE', 'listen'), /Port 3000 is taken.*PORT=3001 npm start/],
    ['a port of root’s', coded('EACCES', 'listen'), /Port 3000 is reserved/],
    ['an address that is not ours', coded('EADDRNOTAVAIL', 'listen'), /HOST/],
    ['a folder of somebody else’s', coded('EACCES', 'mkdir'), /\/data cannot be written.*TIDEMARK_DIR/],
    ['a read-only disk', coded('EROFS', 'mkdir'), /\/data cannot be written/],
    ['a file where the folder should be', coded('ENOTDIR', 'mkdir'), /a file is in its way/],
    ['a full disk', coded('ENOSPC', 'write'), /\/data is full/],
    [
      'a full disk of the database',
      new DatabaseError('rolled-back', '53100', 'x', {}),
      /disk of the database db\.example\/depot is full/,
    ],
    ['missing rights in the database', new DatabaseError('rejected', '42501', 'x', {}), /right to create/],
    ['a database that went away', new DatabaseError('not-sent', 'ECONNREFUSED', 'x', {}), /does not answer any more/],
    ['a database that is not there', new StoreOpenError('unreachable', 'x'), /cannot be reached.*DATABASE_URL/],
    [
      'an old database',
      new StoreOpenError('server-too-old', 'Postgres 15 or newer is needed.'),
      /Postgres 15 or newer/,
    ],
    ['an embedded Postgres', new EmbeddedPostgresError('no-space', 'The disk is full.'), /^The disk is full\.$/],
    ['a plain failure', new PlainFailure('Do this.'), /^Do this\.$/],
  ])('is told in one sentence: %s', (_, error, sentence) => {
    const told = failureToSentence(error, context)
    expect(told).toMatch(sentence)
    expect(told).not.toContain('\n')
  })

  it('is not a bug: those keep their stack', () => {
    expect(failureToSentence(new TypeError('x is undefined'), context)).toBeUndefined()
    expect(failureToSentence(new DatabaseError('rejected', '42601', 'syntax error', {}), context)).toBeUndefined()
    expect(failureToSentence(null, context)).toBeUndefined()
  })
})

describe('the environment', () => {
  it('has a default for everything', () => {
    expect(readEnvironment({})).toEqual({
      port: 3000,
      host: 'localhost',
      directory: expect.stringMatching(/\/\.tidemark$/),
      databaseUrl: undefined,
    })
    expect(readEnvironment({ PORT: '', DATABASE_URL: '', HOST: '' })).toEqual(readEnvironment({}))
  })

  it('takes what it is given', () => {
    const given = { PORT: '8080', HOST: '0.0.0.0', TIDEMARK_DIR: '/data', DATABASE_URL: 'postgres://u:p@h/d' }
    expect(readEnvironment(given)).toEqual({
      port: 8080,
      host: '0.0.0.0',
      directory: '/data',
      databaseUrl: given.DATABASE_URL,
    })
  })

  it.each([{ PORT: 'http' }, { PORT: '70000' }, { PORT: '-1' }, { PORT: '80.5' }, { DATABASE_URL: 'localhost:5432' }])(
    'refuses %j in one sentence',
    (variables) => {
      expect(() => readEnvironment(variables)).toThrow(PlainFailure)
    },
  )
})

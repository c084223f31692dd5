import { query, type QueryReply, type Transport, type TransportFailure } from '@tidemark/core'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { askServer } from './ask-server.ts'

const Sums = query('sums', { input: z.object({ of: z.string() }), output: z.object({ sum: z.int() }) })

async function ask(reply: QueryReply | TransportFailure | undefined): Promise<unknown> {
  const never = (): never => {
    throw new Error('only queries are asked')
  }
  const rest: Transport = { push: never, pull: never, history: never, live: never }
  const transport = reply === undefined ? rest : { ...rest, query: () => Promise.resolve(reply) }
  return askServer(transport, Sums, { of: 'all' }, { after: [] })
}

test.each<[string, QueryReply | TransportFailure | undefined, unknown]>([
  [
    'an answer',
    { kind: 'answer', output: { sum: 3 }, token: 't', stale: true },
    { kind: 'answer', output: { sum: 3 }, stale: true },
  ],
  [
    'an answer in another shape',
    { kind: 'answer', output: { total: 3 }, token: 't', stale: false },
    { kind: 'upgrade-required' },
  ],
  ['a server that does not know it', { kind: 'unknown' }, { kind: 'upgrade-required' }],
  ['a server of another protocol', { kind: 'upgrade', protocol: 9 }, { kind: 'upgrade-required' }],
  ['a transport without queries', undefined, { kind: 'upgrade-required' }],
  ['no server', { kind: 'unreachable', message: '' }, { kind: 'offline' }],
  ['no server behind a proxy’s page', { kind: 'unreadable', message: '' }, { kind: 'offline' }],
  ['a server under load', { kind: 'unavailable', after: 5 }, { kind: 'busy' }],
  ['a server whose database is away', { kind: 'retry', after: 5, reason: 'unavailable' }, { kind: 'busy' }],
  ['an expired session', { kind: 'unauthenticated' }, { kind: 'needs-sign-in' }],
  ['a report that is being built', { kind: 'building', progress: 0.5 }, { kind: 'building', progress: 0.5 }],
  ['time that was up', { kind: 'late', reason: 'timeout' }, { kind: 'late', reason: 'timeout' }],
  ['somebody who may not ask', { kind: 'forbidden' }, { kind: 'forbidden' }],
])('%s has a kind of its own', async (_, reply, expected) => {
  expect(await ask(reply)).toEqual(expected)
})

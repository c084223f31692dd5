import { expect, test } from 'vitest'
import { appendSettings, readSettings } from './pool-settings.ts'

const server = { version: 180_000, watchesClients: true, synchronousCommit: 'on' }

test.each([100, 600, 5_000, 30_000])(
  'with a deadline of %d ms each limit of an append ends before the next',
  (deadline) => {
    const settings = appendSettings(server, deadline)
    const limits = ['lock_timeout', 'statement_timeout', 'transaction_timeout'].map((name) => Number(settings[name]))
    expect(Math.max(...limits)).toBeLessThan(2_000)
    expect(limits[1]).toBeLessThan(limits[2] ?? 0)
    expect(limits[0]).toBeLessThanOrEqual(deadline)
  },
)

test('a server is set only to what it knows', () => {
  const old = { version: 160_004, watchesClients: false, synchronousCommit: 'on' }
  for (const settings of [appendSettings(old, 5_000), readSettings(old, 15_000)]) {
    expect(settings).not.toHaveProperty('transaction_timeout')
    expect(settings).not.toHaveProperty('client_connection_check_interval')
    expect(settings).toHaveProperty('idle_in_transaction_session_timeout')
  }
})

test.each([
  ['off', 'on'],
  ['on', undefined],
  ['remote_apply', undefined],
])('synchronous_commit %s of the server becomes %s', (synchronousCommit, set) => {
  expect(appendSettings({ ...server, synchronousCommit }, 5_000)['synchronous_commit']).toBe(set)
})

import { expect, test } from 'vitest'
import type { SyncStatus } from '@tidemark/client'
import { syncView, type SyncView } from './sync-view.ts'

const calm: SyncStatus = {
  connection: 'live',
  pending: 0,
  attention: 0,
  lastContactAt: '2026-03-03T10:42:00.000Z',
  oldestPendingAt: null,
  initial: 'done',
  secondCopy: 'kept',
  tooOldFor: null,
  recovery: null,
  room: 'enough',
  leader: true,
  persisted: true,
}

test.each<readonly [Partial<SyncStatus>, SyncView['key'], string]>([
  [{}, 'saved', 'All changes saved on the server'],
  [{ pending: 2 }, 'syncing', 'Syncing 2 changes'],
  [{ connection: 'connecting' }, 'connecting', 'Connecting'],
  [{ connection: 'offline', pending: 2 }, 'offline', 'Offline'],
  [{ connection: 'server-busy' }, 'busy', 'Server busy'],
  [{ connection: 'needs-sign-in', attention: 1, pending: 1 }, 'sign-in', 'Sign in to sync'],
  [{ connection: 'upgrade-required' }, 'update', 'Update needed'],
  [{ connection: 'storage-trouble', attention: 1 }, 'storage', 'This device cannot save'],
  [{ room: 'none', connection: 'offline', pending: 9 }, 'full', 'Too many unsent changes'],
  [{ pending: 3, attention: 1 }, 'attention', '1 change needs attention'],
  [{ initial: { progress: 0.456 } }, 'loading', 'Loading data, 46\u202f%'],
])('%o is told as %s', (facts, key, text) => {
  expect(syncView({ ...calm, ...facts })).toMatchObject({ key, text })
})

test('what is on its way is told as saved on this device, never as sent', () => {
  for (const connection of ['offline', 'connecting', 'needs-sign-in', 'server-busy', 'upgrade-required'] as const) {
    expect(syncView({ ...calm, connection, pending: 2 }).detail).toBe('2 changes saved on this device')
  }
})

test('what waits for a person is not counted as on its way', () => {
  expect(syncView({ ...calm, pending: 3, attention: 1 }).detail).toBe('2 changes saved on this device')
  expect(syncView({ ...calm, pending: 1, attention: 1 }).detail).toBe('')
})

import { expect, test } from 'vitest'
import { SNAPSHOT_POLICY, snapshotReason, type LoadFacts, type SnapshotPolicy } from './snapshot-policy.ts'

const facts = (part: Partial<LoadFacts>): LoadFacts => ({
  folded: 0,
  loads: 1,
  snapshotAgeMs: undefined,
  migrated: false,
  ...part,
})
const off: SnapshotPolicy = { everyEvents: false, often: false, staleMs: false }

test.each([
  ['200 events', { folded: 200 }, 'every'],
  ['199 events', { folded: 199 }, undefined],
  ['20 loads that each folded 20 events', { folded: 20, loads: 20 }, 'often'],
  ['19 loads', { folded: 20, loads: 19 }, undefined],
  ['many loads of a short tail', { folded: 19, loads: 1_000 }, undefined],
  ['one event after a day', { folded: 1, snapshotAgeMs: 86_400_000 }, 'stale'],
  ['one event before a day', { folded: 1, snapshotAgeMs: 86_399_999 }, undefined],
  ['nothing new, however old', { folded: 0, loads: 1_000, snapshotAgeMs: 1e12 }, undefined],
  ['a short stream that never had a snapshot', { folded: 5, loads: 3 }, undefined],
  ['a migrated state, even with nothing new', { folded: 0, migrated: true }, 'migrated'],
] as const)('%s: %o gives %s', (_, part, reason) => {
  expect(snapshotReason(SNAPSHOT_POLICY, facts(part))).toBe(reason)
})

test('a rule that is off never gives a reason', () => {
  expect(snapshotReason(off, facts({ folded: 1e6, loads: 1e6, snapshotAgeMs: 1e12 }))).toBeUndefined()
})

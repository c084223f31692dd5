import { expect, test } from 'vitest'
import { chooseOrigin, type FormerFacts, type OriginFacts, type SnapshotFacts } from './choose-origin.ts'

const snapshot = (id: number, position: number, more: Partial<SnapshotFacts> = {}): SnapshotFacts => ({
  id,
  position,
  definition: 'mine',
  sameEpoch: true,
  outdated: false,
  ...more,
})
const formerAt = (position: number, more: Partial<FormerFacts> = {}): FormerFacts => ({
  id: 70,
  position,
  samePlacement: true,
  outdated: false,
  ...more,
})
const facts: OriginFacts = {
  purpose: 'release',
  fromStart: false,
  synced: 1_000,
  snapshots: [],
  definition: 'mine',
  former: undefined,
  refused: undefined,
}
const log = { kind: 'log' }

test.each<[string, Partial<OriginFacts>, object]>([
  ['the log where there is nothing else', {}, log],
  [
    'the newest snapshot',
    { snapshots: [snapshot(1, 500), snapshot(2, 900), snapshot(3, 700)] },
    { kind: 'snapshot', id: 2 },
  ],
  [
    'of two at one position the later',
    { snapshots: [snapshot(1, 500), snapshot(2, 500)] },
    { kind: 'snapshot', id: 2 },
  ],
  ['no snapshot of other code', { snapshots: [snapshot(1, 500, { definition: 'other' })] }, log],
  ['no snapshot of another epoch', { snapshots: [snapshot(1, 500, { sameEpoch: false })] }, log],
  ['no snapshot that a decision outdated', { snapshots: [snapshot(1, 500, { outdated: true })] }, log],
  ['no snapshot from beyond the lane', { snapshots: [snapshot(1, 1_001)] }, log],
  [
    'the next one that is good',
    { snapshots: [snapshot(1, 500), snapshot(2, 900, { outdated: true })] },
    { kind: 'snapshot', id: 1 },
  ],
  ['the former rows', { former: formerAt(1_000) }, { kind: 'former', id: 70 }],
  [
    'whichever has fewer events after it',
    { former: formerAt(600), snapshots: [snapshot(1, 700)] },
    { kind: 'snapshot', id: 1 },
  ],
  [
    'the former rows before an older snapshot',
    { former: formerAt(600), snapshots: [snapshot(1, 500)] },
    { kind: 'former', id: 70 },
  ],
  ['no former rows of other placement', { former: formerAt(600, { samePlacement: false }) }, log],
  ['no former rows of unknown placement', { former: formerAt(600, { samePlacement: undefined }) }, log],
  ['no former rows that a decision outdated', { former: formerAt(600, { outdated: true }) }, log],
  ['no former rows that could not be mapped', { former: formerAt(600), refused: 'it threw' }, log],
  ['no former rows for a rebuild of the version itself', { former: formerAt(600), purpose: 'rebuild' }, log],
  ['a snapshot for a rebuild', { snapshots: [snapshot(1, 500)], purpose: 'rebuild' }, { kind: 'snapshot', id: 1 }],
  [
    'a snapshot for a way back that begins again',
    { snapshots: [snapshot(1, 500)], purpose: 'rollback' },
    { kind: 'snapshot', id: 1 },
  ],
  ['the log where a person wants that', { fromStart: true, former: formerAt(600), snapshots: [snapshot(1, 500)] }, log],
])('a build begins from: %s', (_, part, origin) => {
  expect(chooseOrigin({ ...facts, ...part }).origin).toEqual(origin)
})

test.each<[string, Partial<OriginFacts>, string]>([
  ['unknown', { former: formerAt(600, { samePlacement: undefined }) }, 'not known'],
  ['different', { former: formerAt(600, { samePlacement: false }) }, 'another key'],
  ['outdated', { former: formerAt(600, { outdated: true }) }, 'skipped or edited'],
  ['refused', { former: formerAt(600), refused: 'it threw' }, 'it threw'],
])('why former rows are not taken is said: %s', (_, part, text) => {
  expect(chooseOrigin({ ...facts, ...part }).note).toContain(text)
})

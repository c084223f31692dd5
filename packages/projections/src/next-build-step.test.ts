import { expect, test } from 'vitest'
import { nextBuildStep, type BuildFacts, type BuildPlace } from './next-build-step.ts'

const facts: BuildFacts = {
  purpose: 'rebuild',
  running: true,
  place: { kind: 'nowhere' },
  goal: 0,
  wholeUntil: 0,
  compared: -1,
  announced: 0,
  judged: false,
  synced: 10_000,
  sameVersionLive: true,
}
const whole = (at: number): BuildPlace => ({ kind: 'whole', at })
const parts = (...ats: number[]): BuildPlace => ({
  kind: 'parts',
  parts: ats.map((at, number) => ({ number, of: ats.length, at })),
})

test.each([
  ['one that is paused or held rests, wherever it is', { running: false, place: whole(0) }, 'rest'],
  ['one without a checkpoint begins', {}, 'begin'],
  ['far behind, it is split', { place: whole(0) }, 'split'],
  ['where something concerns all keys, it goes on whole', { place: whole(0), wholeUntil: 1 }, 'fold'],
  ['past that, it is split again', { place: whole(1), wholeUntil: 1 }, 'split'],
  ['parts are folded until they are together', { place: parts(9_000, 8_000), goal: 9_000 }, 'fold-parts'],
  ['parts that are together, and not there, are folded', { place: parts(0, 0), goal: 9_000 }, 'fold-parts'],
  ['parts at their goal are put together', { place: parts(9_000, 9_000), goal: 9_000 }, 'merge'],
  ['parts before what concerns all are put together', { place: parts(50, 50), goal: 9_000, wholeUntil: 51 }, 'merge'],
  ['a part that is there waits for the others', { place: parts(50, 40), goal: 9_000, wholeUntil: 51 }, 'fold-parts'],
  ['not so far behind, it is folded as live rows are', { place: whole(8_500) }, 'fold'],
  ['close, it is compared', { place: whole(9_900) }, 'compare'],
  ['compared, it is announced', { place: whole(9_900), compared: 9_900 }, 'announce'],
  ['announced, it comes on', { place: whole(9_900), compared: 9_900, announced: 10_001 }, 'fold'],
  ['there, it waits for the lane', { place: whole(10_000), compared: 9_900, announced: 10_001 }, 'rest'],
  [
    'where the lane missed it, it is announced again',
    { place: whole(10_000), compared: 9_900, announced: 9_950 },
    'announce',
  ],
  ['a version that is not live is folded to the last event', { place: whole(9_999), sameVersionLive: false }, 'fold'],
  ['and switched to there', { place: whole(10_000), sameVersionLive: false }, 'switch'],
  ['a trial that the lane has judged is told', { place: whole(9_999), judged: true, purpose: 'trial' }, 'judge'],
  ['an empty lane has nothing to fold', { place: whole(0), synced: 0 }, 'compare'],
] as const)('%s', (_, part, step) => {
  expect(nextBuildStep({ ...facts, ...part })).toBe(step)
})

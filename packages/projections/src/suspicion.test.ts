import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clear, isHopeless, suspect, type Suspicion } from './suspicion.ts'

/** A consumer over so many events of which some cannot be folded. `size`: its usual batch. */
function runOver(events: number, bad: ReadonlySet<number>, size: number) {
  let suspicion: Suspicion | undefined
  let checkpoint = 0
  let steps = 0
  const condemned: number[] = []
  while (checkpoint < events && steps < 10_000) {
    steps += 1
    const limit = Math.min(size, suspicion?.limit ?? size, events - checkpoint)
    const until = checkpoint + limit
    const sentence = suspicion?.condemned?.position === checkpoint + 1 ? suspicion.condemned : undefined
    const fails = sentence === undefined && [...bad].some((position) => position > checkpoint && position <= until)
    if (fails) suspicion = suspect(suspicion, { events: limit, until, message: 'did not end' })
    else {
      if (sentence !== undefined) condemned.push(sentence.position)
      checkpoint = until
      suspicion &&= clear(suspicion, until)
    }
  }
  return { checkpoint, condemned, steps, suspicion }
}

test('whichever events cannot be folded, exactly these are set aside, in order, and all others are gone over', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 1, max: 300 }), { maxLength: 12 }),
      fc.integer({ min: 1, max: 300 }),
      (bad, size) => {
        const { checkpoint, condemned, suspicion } = runOver(300, new Set(bad), size)
        expect(checkpoint).toBe(300)
        expect(condemned).toEqual(bad.toSorted((a, b) => a - b))
        expect(suspicion).toBeUndefined()
      },
    ),
  )
})

test('one event among a thousand is alone after five failures, and condemned after three more', () => {
  const failures: number[] = []
  let suspicion: Suspicion | undefined
  let events = 1_000
  while (suspicion?.condemned === undefined) {
    failures.push(events)
    suspicion = suspect(suspicion, { events, until: events, message: 'did not end' })
    events = suspicion.limit
  }
  expect(failures).toEqual([1_000, 32, 6, 3, 2, 1, 1, 1])
})

test('a failure alone that does not come again condemns nobody', () => {
  let suspicion = suspect(undefined, { events: 1, until: 7, message: 'did not end' })
  suspicion = suspect(suspicion, { events: 1, until: 7, message: 'did not end' })
  expect(suspicion.condemned).toBeUndefined()
  expect(clear(suspicion, 7)).toBeUndefined()
})

test('one that cannot even be set aside under its key is, under its stream, and then nothing is left to try', () => {
  let suspicion: Suspicion | undefined
  const seen: (boolean | undefined)[] = []
  for (let n = 0; n < 5; n++) {
    suspicion = suspect(suspicion, { events: 1, until: 7, message: `failure ${n + 1}` })
    seen.push(suspicion.condemned?.byStream)
  }
  expect(seen).toEqual([undefined, undefined, false, true, true])
  expect(suspicion?.condemned?.message).toBe('failure 3')
  expect(suspicion && isHopeless(suspicion)).toBe(true)
})

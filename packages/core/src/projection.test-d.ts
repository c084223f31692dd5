/** Type tests: this file is compiled, never run. Each `@ts-expect-error` fails the check if the line compiles. */
import { expectTypeOf } from 'vitest'
import { z } from 'zod'
import { aggregate, event, projection } from './index.ts'

const Cup = aggregate('cup', {
  initial: () => ({}),
  events: { filled: event(z.object({ by: z.number() })) },
  evolve: { filled: (state) => state },
  commands: () => ({}),
})
const options = {
  on: Cup,
  version: 2,
  row: z.object({ n: z.number(), twice: z.number() }),
  fold: {},
}

// An upgrade takes the former row that it names, and gives a row of this version.
const levels = projection('levels', {
  ...options,
  upgrade: { from: 1, row: (old: { n: number }) => ({ ...old, twice: 2 * old.n }) },
})
expectTypeOf(levels.name).toEqualTypeOf<'levels'>()

// @ts-expect-error -- a field of the new row is missing
projection('levels', { ...options, upgrade: { from: 1, row: (old: { n: number }) => ({ ...old }) } })
// @ts-expect-error -- it does not say what the former row is
projection('levels', { ...options, upgrade: { from: 1, row: (old) => ({ ...old, twice: 0 }) } })

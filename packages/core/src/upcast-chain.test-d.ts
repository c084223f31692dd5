/** Type tests: this file is compiled, never run. Each `@ts-expect-error` fails the check if the line compiles. */
import { expectTypeOf } from 'vitest'
import { z } from 'zod'
import { aggregate, event, upcasts, type EventData, type UpcastChain } from './index.ts'

interface V1 {
  readonly name: string
}

const toFull = upcasts<V1>().step((old) => {
  expectTypeOf(old).toEqualTypeOf<V1>()
  return { full: old.name }
})
const toParts = toFull.step((old) => {
  // Step n takes what step n - 1 returned.
  expectTypeOf(old).toEqualTypeOf<{ full: string }>()
  return { first: old.full, last: '' }
})
expectTypeOf(toParts).toEqualTypeOf<UpcastChain<{ first: string; last: string }>>()

const schema = z.object({ first: z.string(), last: z.string(), title: z.string().default('') })
const named = event(schema, { upcast: toParts })
expectTypeOf<EventData<typeof named>>().toEqualTypeOf<{ first: string; last: string; title: string }>()

// @ts-expect-error the chain stops a step too early for the schema
event(schema, { upcast: toFull })

// @ts-expect-error a step must take what the step before it returned
toFull.step((old: { readonly fullName: string }) => ({ first: old.fullName, last: '' }))

// A table is still accepted, unchecked.
event(schema, { version: 2, upcast: { 1: (old: V1) => ({ first: old.name, last: '' }) } })

aggregate('person', {
  initial: () => ({}),
  events: { named },
  evolve: { named: (person) => person },
  commands: (command) => ({
    name: command(schema, { upcast: toParts, decide: (_person, input, { emit }) => emit.named(input) }),
    // @ts-expect-error a command's chain must end in what its schema reads, too
    rename: command(schema, { upcast: toFull, decide: (_person, input, { emit }) => emit.named(input) }),
  }),
})

import * as fc from 'fast-check'
import { COMMANDS } from './model-domain.ts'

/** Numbers pick among what there is at that moment, so that every list of acts makes sense, shortened ones too. */
export type Act = { readonly turns: number } & (
  | {
      readonly kind: 'write'
      readonly tab: number
      readonly board: number
      readonly command: (typeof COMMANDS)[number]
    }
  /** Of another device, straight to the server. */
  | { readonly kind: 'elsewhere'; readonly board: number; readonly command: (typeof COMMANDS)[number] }
  | { readonly kind: 'network'; readonly tab: number; readonly how: (typeof NETWORK)[number] }
  | { readonly kind: 'deliver'; readonly tab: number; readonly which: number }
  | { readonly kind: 'replay'; readonly tab: number; readonly which: number }
  /** What the server says to every push of this tab from now on. */
  | { readonly kind: 'answer'; readonly tab: number; readonly how: (typeof ANSWERS)[number] }
  | { readonly kind: 'server'; readonly how: (typeof SERVER)[number] }
  | { readonly kind: 'time'; readonly device: number; readonly seconds: number }
  | { readonly kind: 'tab'; readonly tab: number; readonly how: (typeof TABS)[number] }
  | { readonly kind: 'open'; readonly device: number }
  /** The process ends at a write, whichever it is. */
  | { readonly kind: 'die'; readonly tab: number; readonly writes: number }
  | {
      readonly kind: 'storage'
      readonly tab: number
      readonly how: 'full' | 'aborts' | 'heals'
      readonly writes: number
    }
  | { readonly kind: 'lose'; readonly device: number; readonly what: 'database' | 'journal' }
  | { readonly kind: 'upgrade'; readonly device: number }
  | { readonly kind: 'decide'; readonly tab: number; readonly which: number; readonly how: (typeof DECISIONS)[number] }
)

const NETWORK = ['offline', 'online', 'loses', 'hold', 'flow'] as const
const ANSWERS = ['overloaded', 'broken', 'invalid', 'none'] as const
const SERVER = ['hold', 'release', 'forget', 'backUp', 'putBack'] as const
const TABS = ['close', 'kill', 'freeze', 'thaw', 'wake'] as const
const DECISIONS = ['retry', 'edit', 'discard', 'take-theirs'] as const

const any = fc.nat(20)
const turns = fc.oneof({ weight: 6, arbitrary: fc.nat(8) }, { weight: 1, arbitrary: fc.constant(60) })

function act<K extends Act['kind']>(
  weight: number,
  kind: K,
  fields: { readonly [F in Exclude<keyof Extract<Act, { kind: K }>, 'kind' | 'turns'>]: fc.Arbitrary<unknown> },
): { weight: number; arbitrary: fc.Arbitrary<Act> } {
  const record = fc.record({ kind: fc.constant(kind), turns, ...fields } as Record<string, fc.Arbitrary<unknown>>)
  return { weight, arbitrary: record as unknown as fc.Arbitrary<Act> }
}

const command = fc.constantFrom(...COMMANDS, 'add' as const, 'add' as const)

export const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.oneof(
    act(14, 'write', { tab: any, board: any, command }),
    act(4, 'elsewhere', { board: any, command }),
    act(5, 'network', { tab: any, how: fc.constantFrom(...NETWORK) }),
    act(5, 'deliver', { tab: any, which: any }),
    act(1, 'replay', { tab: any, which: any }),
    act(2, 'answer', { tab: any, how: fc.constantFrom(...ANSWERS) }),
    act(3, 'server', { how: fc.constantFrom(...SERVER) }),
    act(3, 'time', { device: any, seconds: fc.constantFrom(1, 3, 6, 13, 70) }),
    act(4, 'tab', { tab: any, how: fc.constantFrom(...TABS) }),
    act(2, 'open', { device: any }),
    act(2, 'die', { tab: any, writes: fc.nat(6) }),
    act(2, 'storage', {
      tab: any,
      how: fc.constantFrom('full' as const, 'aborts' as const, 'heals' as const),
      writes: fc.integer({ min: 1, max: 4 }),
    }),
    act(1, 'lose', { device: any, what: fc.constantFrom('database' as const, 'journal' as const) }),
    act(1, 'upgrade', { device: any }),
    act(3, 'decide', { tab: any, which: any, how: fc.constantFrom(...DECISIONS) }),
  ),
  { maxLength: 45, size: 'max' },
)

import assert from 'node:assert/strict'
import {
  commandsFor,
  followUpOf,
  type DomainEvent,
  type Json,
  type JsonObject,
  type Reaction,
  type ReactionCommand,
} from '@tidemark/core'

/** A command that was sent, as `[stream, command, input]`; the command without its aggregate. */
export type Sent = readonly [stream: string, command: string, input: Json]

/** What a reaction sent. Each throws an `AssertionError` that shows what was expected and what came. */
export interface Reacted {
  /** Exactly these commands, in this order. */
  readonly thenSends: (...expected: readonly Sent[]) => Reacted
  readonly thenSendsNothing: () => void
  /** What follows when the command at `place` (default the first, 0) is refused. */
  readonly whenRefused: (code: string, params?: JsonObject, place?: number) => Reacted
}

/** What a reaction answers an event with, given its stream's states around it. */
export function reactedTo(
  reaction: Reaction,
  event: DomainEvent,
  states: { readonly before: unknown; readonly after: unknown },
): Reacted {
  return reacted(reaction.types.has(event.type) && reaction.when(event) ? commandsFor(reaction, event, states) : [])
}

function reacted(commands: readonly ReactionCommand[]): Reacted {
  const sent = commands.map(({ stream, type, input }): Sent => [stream, type.slice(type.indexOf('.') + 1), input])
  const self: Reacted = {
    thenSends: (...expected) => {
      assert.deepEqual(sent, expected)
      return self
    },
    thenSendsNothing: () => assert.deepEqual(sent, []),
    whenRefused: (code, params = {}, place = 0) => {
      const refused = commands[place]
      assert.ok(refused !== undefined, `No command was sent at place ${place}: ${JSON.stringify(sent)}`)
      const followUp = followUpOf(refused, { code, params })
      return reacted(followUp === undefined ? [] : [followUp])
    },
  }
  return self
}

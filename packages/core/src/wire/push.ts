import * as z from 'zod/mini'
import { WIRE_LIMITS } from './limits.ts'
import { count, isoTime, json, shortText, upgradeRequired, uuid } from './protocol.ts'

/**
 * What a command was decided on: the confirmed version of its stream, and the author's own previous command there.
 * Only events of others can make it stale. `null` where the device did not know the stream's state.
 */
export const commandBase = z.nullable(z.object({ version: count, after: z.nullable(uuid) }))
export type CommandBase = z.infer<typeof commandBase>

export const pushedCommand = z.object({
  id: uuid,
  type: shortText,
  schema: z.int().check(z.positive()),
  stream: shortText,
  input: json,
  /** The device's clock when the command was made. The server clamps it. */
  occurredAt: isoTime,
  /** Not part of the command's identity: renewed when the command is decided again. */
  base: commandBase,
})
export type PushedCommand = z.infer<typeof pushedCommand>

export const pushRequest = z.object({
  protocol: count,
  device: uuid,
  /** Further commands on the device that the server has neither accepted nor refused. */
  unsent: z.optional(count),
  commands: z.array(pushedCommand).check(z.maxLength(WIRE_LIMITS.commandsPerPush)),
})
export type PushRequest = z.infer<typeof pushRequest>

/** An event of somebody else, shown in a conflict. */
export const foreignEvent = z.object({
  id: uuid,
  type: z.string(),
  schema: count,
  version: count,
  data: json,
  principal: z.string(),
  occurredAt: isoTime,
})
export type ForeignEvent = z.infer<typeof foreignEvent>

export const issue = z.object({ path: z.string(), message: z.string() })

/** What became of one pushed command. A closed union; codes and parameters, not sentences. */
export const pushAnswer = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('accepted'),
    /** Stream version after the command's last event. */
    version: count,
    token: z.string(),
    /** Decided on a version that others had moved past. */
    rebased: z.boolean(),
  }),
  z.object({ kind: z.literal('conflict'), current: count, theirs: z.array(foreignEvent) }),
  z.object({ kind: z.literal('refused'), code: z.string(), params: z.record(z.string(), json) }),
  z.object({
    kind: z.literal('invalid'),
    reason: z.enum([
      'malformed',
      'unknown_command',
      'unknown_stream',
      'unstorable',
      'invalid_input',
      'newer_schema',
      'retired',
      'missing_upcaster',
      'command_reused',
      'domain_error',
    ]),
    issues: z.array(issue),
  }),
  z.object({ kind: z.literal('forbidden') }),
  z.object({
    kind: z.literal('retry'),
    /** Milliseconds. */
    after: count,
    reason: z.enum(['overloaded', 'unavailable', 'predecessor', 'contention']),
  }),
])
export type PushAnswer = z.infer<typeof pushAnswer>

export const pushReply = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('answers'),
    answers: z.array(z.object({ id: z.string(), answer: pushAnswer })),
    /** The server's clock, for display. */
    now: isoTime,
  }),
  upgradeRequired,
])
export type PushReply = z.infer<typeof pushReply>

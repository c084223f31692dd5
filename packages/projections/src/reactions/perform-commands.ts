import { followUpOf, type Principal, type PushAnswer, type PushedCommand, type ReactionCommand } from '@tidemark/core'
import { backOffMs } from '../pacing.ts'
import type { RunGuarded } from '../run-guarded.ts'
import type { ParkedCause } from './parked-reaction.ts'

/** The command pipeline, as far as reactions use it. */
export type PushCommands = (
  principal: Principal,
  device: string,
  commands: readonly PushedCommand[],
) => Promise<readonly { readonly id: string; readonly answer: PushAnswer }[]>

export interface PerformContext {
  readonly push: PushCommands
  readonly principal: Principal
  readonly device: string
  /** Time of the commands: when the log took the event they answer. ISO 8601. */
  readonly occurredAt: string
  /** Waits; `false` when it is time to stop. */
  readonly pause: (ms: number) => Promise<boolean>
  /** For the app's code. */
  readonly runGuarded: RunGuarded
  /** In [0, 1). */
  readonly random: () => number
  /** Whether the log can be asked: tells an outage of everything from a command that alone does not get through. */
  readonly isReachable: () => Promise<boolean>
  /** Told before each pause why the commands wait. */
  readonly onRetry: (reason: string) => void
}

export type Performed =
  | { readonly kind: 'done' }
  /** Some command will never be taken as it is; those beside it have been executed. */
  | { readonly kind: 'parked'; readonly cause: ParkedCause }
  /** It was time to stop. To begin again does no harm. */
  | { readonly kind: 'interrupted' }

/** Follow-ups of follow-ups end here: a chain that long is a loop. */
const MAX_CHAIN = 8
/** So often commands are asked for in vain while the log can be reached, before their event is set aside. */
const MAX_TRIES = 12

/**
 * Has one event's commands executed, and what follows from their refusals. Outages and overload are waited out, however
 * long they take. The ids make this safe to repeat from any point: what has a result gets it again.
 *
 * @throws what `push` throws.
 */
export async function performCommands(
  context: PerformContext,
  commands: readonly ReactionCommand[],
): Promise<Performed> {
  let due = commands.map((command) => ({ command, depth: 0 }))
  let cause: ParkedCause | undefined
  let tries = 0
  while (due.length > 0) {
    const answers = await context.push(
      context.principal,
      context.device,
      due.map(({ command }) => toPushed(command, context.occurredAt)),
    )
    const next: typeof due = []
    let wait: { ms: number; reason: string } | undefined
    for (const [index, one] of due.entries()) {
      const answer = answers[index]?.answer
      const { command, depth } = one
      switch (answer?.kind) {
        case 'accepted':
          break
        case 'refused': {
          const made = context.runGuarded(() => followUpOf(command, answer))
          if (made.kind === 'failed') cause ??= failed(`onRefused of "${command.type}" failed: ${made.message}`)
          else if (made.value === undefined) break
          else if (depth < MAX_CHAIN) next.push({ command: made.value, depth: depth + 1 })
          else cause ??= failed(`More than ${MAX_CHAIN} follow-ups of "${commands[0]?.type ?? ''}" were refused.`)
          break
        }
        case 'retry':
          next.push(one)
          wait = { ms: Math.max(wait?.ms ?? 0, answer.after), reason: answer.reason }
          break
        default:
          cause ??= { reason: 'rejected', message: whyRejected(command, context.principal, answer) }
      }
    }
    due = next
    if (wait !== undefined) {
      // Pressure passes; a stream that this code cannot read, or that is written to without a pause, may not.
      if (wait.reason !== 'overloaded') tries += 1
      if (tries >= MAX_TRIES && (await context.isReachable())) {
        const message = `The pipeline answered "${wait.reason}" ${tries} times although the log can be reached: see the server's log, then retry.`
        return { kind: 'parked', cause: cause ?? { reason: 'exhausted', message } }
      }
      context.onRetry(wait.reason)
      if (!(await context.pause(Math.max(wait.ms, backOffMs(Math.max(1, tries), context.random())))))
        return { kind: 'interrupted' }
    }
  }
  return cause === undefined ? { kind: 'done' } : { kind: 'parked', cause }
}

function failed(message: string): ParkedCause {
  return { reason: 'failed', message }
}

function toPushed({ id, type, schema, stream, input }: ReactionCommand, occurredAt: string): PushedCommand {
  // Without a base: decided on what is there, whatever came between the event and now.
  return { id, type, schema, stream, input, occurredAt, base: null }
}

function whyRejected(
  command: ReactionCommand,
  principal: Principal,
  answer: Exclude<PushAnswer, { kind: 'accepted' | 'refused' | 'retry' }> | undefined,
): string {
  const which = `"${command.type}" for ${command.stream}`
  switch (answer?.kind) {
    case 'forbidden':
      return `${which} is not allowed to ${principal.id}: let its \`allow\` take it (byReaction), or give the reaction a role.`
    case 'invalid': {
      if (answer.reason === 'command_reused') {
        return `${which}: other code has answered this event with another command already. What that led to stands; skip this one if it is enough.`
      }
      const issues = answer.issues.slice(0, 5).map(({ path, message }) => `${path}: ${message}`)
      return `${which} was not taken (${[answer.reason, ...issues].join('; ')}): correct the reaction's code and retry.`
    }
    case 'conflict':
      return `${which} was answered with a conflict, which a command without a base cannot have: a bug in the pipeline.`
    case undefined:
      return `${which} was given no answer: a bug in the pipeline.`
  }
}

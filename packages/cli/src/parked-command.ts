import {
  openParkedTools,
  PARKED_REASONS,
  type ParkedAnswer,
  type ParkedFilter,
  type ParkedReason,
  type ParkedTools,
} from '@tidemark/projections'
import type { ArgsDef, ParsedArgs } from 'citty'
import { UsageError } from './errors.ts'
import { EXIT } from './exit-code.ts'
import { toCount, type Outcome, type StoreCommand, type StoreCommandContext } from './store-command.ts'

/** What picks parked events, in every command that takes many. */
export const FILTER_ARGS = {
  tenant: { type: 'string', description: 'of this tenant' },
  projection: { type: 'string', description: 'of this projection' },
  key: { type: 'string', description: 'of this key, or stream where they are parked by stream' },
  type: { type: 'string', description: 'of this event type, such as order.placed' },
  reason: {
    type: 'string',
    description: `parked for this reason: ${PARKED_REASONS.join(', ')} (the last: whatever cannot be read)`,
  },
  position: { type: 'string', description: 'at this position' },
  error: { type: 'string', description: 'whose error has this in it' },
  before: { type: 'string', description: 'parked before this time, such as 2026-01-31T12:00Z' },
} as const

/** What names one parked event. */
export const EVENT_ARGS = {
  tenant: { type: 'positional', required: true, description: 'tenant, for example harbour' },
  projection: { type: 'positional', required: true, description: 'projection, for example order-list' },
  position: { type: 'positional', required: true, description: 'position, as `parked list` shows it' },
} as const

/** How a decision is made. */
export const DECISION_ARGS = {
  by: { type: 'string', description: 'who decides: kept with the decision; default: the name of the account' },
  note: { type: 'string', description: 'why: kept with the decision' },
  wait: { type: 'string', default: '10', description: 'seconds to wait for a worker to carry it out' },
} as const

/** A `tidemark parked …` command. */
export function parkedCommand<const Args extends ArgsDef>(command: {
  readonly name: string
  readonly description: string
  readonly args: Args
  readonly run: (context: StoreCommandContext<Args> & { readonly parked: ParkedTools }) => Promise<Outcome>
}): StoreCommand<Args> {
  return { ...command, run: (context) => command.run({ ...context, parked: openParkedTools(context.store) }) }
}

/** @throws UsageError */
export function toFilter(args: ParsedArgs<typeof FILTER_ARGS>): ParkedFilter {
  const { tenant, projection, key, type, reason, position, error, before } = args
  if (before !== undefined && Number.isNaN(Date.parse(before))) {
    throw new UsageError(`--before is "${before}": a time such as 2026-01-31T12:00Z is needed.`)
  }
  if (reason !== undefined && !isReason(reason)) {
    throw new UsageError(`--reason is "${reason}": it is one of ${PARKED_REASONS.join(', ')}.`)
  }
  return {
    ...(tenant === undefined ? {} : { tenant }),
    ...(projection === undefined ? {} : { projection }),
    ...(key === undefined ? {} : { key }),
    ...(type === undefined ? {} : { type }),
    ...(reason === undefined ? {} : { reason }),
    ...(position === undefined ? {} : { position: toCount('position', position, 1) }),
    ...(error === undefined ? {} : { error }),
    ...(before === undefined ? {} : { before: new Date(before).toISOString() }),
  }
}

function isReason(text: string): text is ParkedReason {
  return PARKED_REASONS.some((reason) => reason === text)
}

/** @throws UsageError where nothing restricts it and `--all` does not say that this is meant. */
export function toChosen(args: ParsedArgs<typeof FILTER_ARGS> & { readonly all: boolean }): ParkedFilter {
  const filter = toFilter(args)
  if (Object.keys(filter).length === 0 && !args.all) {
    throw new UsageError('Which parked events? Give --projection, --key or another filter, or --all.')
  }
  return filter
}

/** @throws UsageError */
export function toDecision(
  { by, note, wait }: ParsedArgs<typeof DECISION_ARGS>,
  variables: Readonly<Record<string, string | undefined>>,
): { readonly principal: string; readonly note?: string; readonly timeoutMs: number } {
  const account = variables['USER'] ?? variables['USERNAME'] ?? ''
  const principal = by ?? (account === '' ? 'operator' : account)
  return { principal, timeoutMs: toCount('wait', wait) * 1_000, ...(note === undefined ? {} : { note }) }
}

/** What became of a decision. */
export function toOutcome(answer: ParkedAnswer): Outcome {
  switch (answer.kind) {
    case 'done': {
      const { settled, skipped, remaining, more } = answer
      const lines = [`${settled} are parked no more${skipped > 0 ? `, ${skipped} of them skipped` : ''}.`]
      if (remaining > 0) lines.push(`${remaining} stay: \`tidemark parked list\` shows what is wrong now.`)
      if (more) lines.push('There are more than one call takes on: call again.')
      const exit = remaining > 0 || more ? EXIT.found : EXIT.ok
      return { exit, json: { ...answer }, text: lines.join('\n') }
    }
    case 'nothing':
      return { exit: EXIT.found, json: { ...answer }, text: 'Nothing is parked there.' }
    case 'pending': {
      const text =
        'It is decided, and no worker has carried it out yet: is the app running, and is its lane moving? It will be done ' +
        'when a worker comes to it; ask again with `tidemark parked list`.'
      return { exit: EXIT.found, json: { ...answer }, text }
    }
    case 'ignored': {
      const text = 'An older release is at work, which cannot do this: nothing was changed. Try again when it is gone.'
      return { exit: EXIT.found, json: { ...answer }, text }
    }
    case 'unavailable': {
      const text = `The log could not take the decision (${answer.cause}): try again in a moment.`
      return { exit: EXIT.unavailable, json: { ...answer }, text }
    }
  }
}

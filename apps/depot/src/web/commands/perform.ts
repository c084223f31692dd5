import { useMemo } from 'react'
import {
  decideCommand,
  type CommandDefinition,
  type JsonObject,
  type StreamId,
  type ValidationIssue,
} from '@tidemark/core'
import type { ResolveResult, TidemarkClient } from '@tidemark/client'
import { useClient } from '@tidemark/react'
import type { OrderState } from '@tidemark/depot/domain'
import { addToast } from '../ui/toasts.ts'
import { refusalWords, words } from '../words.ts'
import { texts } from '../texts.ts'
import { compensationOf } from './compensation.ts'
import { describeEvent } from './describe.ts'

/** What a screen needs to know after it asked for something. */
export type Performed =
  | { readonly kind: 'done' }
  | { readonly kind: 'invalid'; readonly issues: readonly ValidationIssue[] }
  /** Nothing was changed; `next` says what to do. */
  | { readonly kind: 'no'; readonly why: string; readonly next?: string }

export type Perform = (command: CommandDefinition, stream: StreamId, input: unknown) => Promise<Performed>

/** Dispatches a command; offers to undo it where a compensating command exists. Stable while the client is. */
export function usePerform(): Perform {
  const client = useClient()
  return useMemo(() => (command, stream, input) => perform(client, command, stream, input), [client])
}

async function perform(
  client: TidemarkClient,
  command: CommandDefinition,
  stream: StreamId,
  input: unknown,
): Promise<Performed> {
  const aggregate = client.domain.aggregatesByName.get(command.aggregate)
  if (aggregate === undefined) throw new Error(`The domain has no aggregate "${command.aggregate}".`)
  const before = client.state(aggregate, stream).get()
  const occurredAt = new Date().toISOString()
  const result = await client.dispatch(command, { stream, input })
  if (result.kind !== 'stored') return toPerformed(result)
  const current = { version: before?.version ?? 0, state: before?.state ?? aggregate.initial() }
  const { principal } = client
  const decided = decideCommand({
    aggregate,
    command,
    input,
    current,
    principal,
    commandId: result.commandId,
    streamId: stream,
    occurredAt,
  })
  const event = decided.kind === 'events' ? decided.events[0] : undefined
  if (event === undefined || decided.kind !== 'events') return { kind: 'done' }
  const was = before?.state as OrderState | undefined
  const undo = compensationOf(event, was, decided.after.state as OrderState)
  if (undo !== undefined) {
    addToast({
      text: describeEvent(event, was, was),
      action: { label: texts.undo.button, run: () => void undoNow(client, undo.command, stream, undo.input) },
    })
  }
  return { kind: 'done' }
}

/** Undo from a toast or a history list: a refusal is said in a toast, since there is no form to say it in. */
export async function undoNow(
  client: TidemarkClient,
  command: CommandDefinition,
  stream: StreamId,
  input: unknown,
): Promise<void> {
  const result = toPerformed(await client.dispatch(command, { stream, input }))
  addToast(result.kind === 'done' ? { text: texts.undo.done } : { text: sayWhyNot(result), tone: 'bad' })
}

export function sayWhyNot(result: Exclude<Performed, { kind: 'done' }>): string {
  return result.kind === 'invalid' ? words.problems.invalid : [result.why, result.next].filter(Boolean).join(' ')
}

type Answer =
  | Awaited<ReturnType<TidemarkClient['dispatch']>>
  | ResolveResult
  | { readonly kind: 'refused'; readonly code: string; readonly params: JsonObject }

/** One reading for the answers of `dispatch` and `resolve`. */
export function toPerformed(answer: Answer): Performed {
  switch (answer.kind) {
    case 'stored':
    case 'unchanged':
    case 'resolved':
      return { kind: 'done' }
    case 'refused':
      return { kind: 'no', ...refusalWords(answer.code, answer.params) }
    case 'invalid':
      return { kind: 'invalid', issues: answer.issues }
    case 'forbidden':
      return { kind: 'no', why: words.problems.forbidden }
    case 'gone':
      return { kind: 'no', why: words.problems.gone }
    case 'in-flight':
      return { kind: 'no', why: words.problems.inFlight }
    case 'storage':
      return { kind: 'no', why: answer.reason === 'full' ? words.problems.full : words.problems.storage }
    case 'not-loaded':
      return { kind: 'no', why: words.problems.notLoaded }
  }
}

import {
  PROTOCOL_VERSION,
  validate,
  type Json,
  type QueryDefinition,
  type QueryInput,
  type QueryOutput,
  type Transport,
} from '@tidemark/core'
import type { QueryOptions, QueryResult } from './tidemark-client.ts'

/** Asks the server, and says in the client's words what came of it. */
export async function askServer<Q extends QueryDefinition>(
  transport: Transport,
  definition: Q,
  input: QueryInput<Q>,
  { signal, waitMs, late, after }: QueryOptions & { readonly after: readonly string[] },
): Promise<QueryResult<QueryOutput<Q>>> {
  const request = {
    protocol: PROTOCOL_VERSION,
    query: definition.name,
    input: input as Json,
    after: [...after],
    ...(waitMs === undefined ? {} : { waitMs }),
    ...(late === undefined ? {} : { late }),
  }
  const reply = (await transport.query?.(request, signal ?? new AbortController().signal)) ?? { kind: 'unknown' }
  switch (reply.kind) {
    case 'answer': {
      const output = validate(definition.output, reply.output)
      // A server of another release answers in another shape.
      return output.ok
        ? { kind: 'answer', output: output.value as QueryOutput<Q>, stale: reply.stale }
        : { kind: 'upgrade-required' }
    }
    case 'unreachable':
    case 'unreadable':
      return { kind: 'offline' }
    case 'unavailable':
    case 'retry':
      return { kind: 'busy' }
    case 'unauthenticated':
      return { kind: 'needs-sign-in' }
    case 'upgrade':
    case 'unknown':
      return { kind: 'upgrade-required' }
    case 'building':
    case 'forbidden':
    case 'invalid':
    case 'late':
      return reply
  }
}

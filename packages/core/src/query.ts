import { assertName } from './aggregate.ts'
import type { Allow } from './principal.ts'
import type { AnySchema, InputOf, OutputOf } from './schema.ts'

/** A read that only the server can answer: a search over everything, a report. Declared with {@link query}. */
export interface QueryDefinition<Input extends AnySchema = AnySchema, Output extends AnySchema = AnySchema> {
  readonly name: string
  readonly input: Input
  readonly output: Output
  /** Who may ask. The server checks. */
  readonly allow: Allow
}

/** What a caller passes to a query. */
export type QueryInput<Q extends QueryDefinition> = InputOf<Q['input']>
/** What a query answers with: plain JSON. */
export type QueryOutput<Q extends QueryDefinition> = OutputOf<Q['output']>

/**
 * Declares a query: its name, what is asked and what is answered. The code that answers it is the server's
 * (`answerQuery`), so browser and server share types without sharing code.
 *
 * @example
 * export const OrderSearch = query('order-search', {
 *   input: z.object({ text: z.string().max(200) }),
 *   output: z.object({ hits: z.array(z.object({ stream: z.string(), title: z.string() })) }),
 * })
 */
export function query<const Input extends AnySchema, const Output extends AnySchema>(
  name: string,
  options: { readonly input: Input; readonly output: Output; readonly allow?: Allow },
): QueryDefinition<Input, Output> {
  assertName('Query', name)
  return { name, input: options.input, output: options.output, allow: options.allow ?? (() => true) }
}

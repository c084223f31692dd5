import type { AnyAggregate, CommandInput, Json, StreamId, Uuid } from '@tidemark/core'

/** A command that the file asks for, and the lines that ask for it. */
export interface PlannedCommand {
  readonly id: Uuid
  readonly type: string
  readonly schema: number
  readonly stream: StreamId
  readonly input: Json
  readonly occurredAt: string
  /** The lines of the file behind it, by number. Empty where the calendar asks for it. */
  readonly lines: readonly number[]
}

export type CommandName<A extends AnyAggregate> = keyof A['commands'] & string

/** One of an aggregate's commands with the input its schema asks for. */
export function toPlannedCommand<A extends AnyAggregate, const Name extends CommandName<A>>(
  of: A,
  name: Name,
  stream: StreamId,
  input: CommandInput<A['commands'][Name]>,
  about: Pick<PlannedCommand, 'id' | 'occurredAt' | 'lines'>,
): PlannedCommand {
  const definition = of.commands[name]
  if (definition === undefined) throw new TypeError(`"${of.name}" has no command "${name}".`)
  return {
    id: about.id,
    type: definition.type,
    schema: definition.version,
    stream,
    input: input as Json,
    occurredAt: about.occurredAt,
    lines: about.lines,
  }
}

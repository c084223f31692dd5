import type { AnyAggregate } from './aggregate.ts'
import type { CommandDefinition } from './command.ts'
import type { EventDefinition } from './event.ts'
import { stateProjection, type AnyProjection } from './projection.ts'
import { parseStreamId, type StreamId } from './id.ts'

/** Everything an app's domain declares, indexed. Browser, server and worker are built from the same one. */
export interface Domain {
  /** Names the app's databases and locks. */
  readonly name: string
  readonly aggregates: readonly AnyAggregate[]
  readonly aggregatesByName: ReadonlyMap<string, AnyAggregate>
  readonly commandsByType: ReadonlyMap<string, CommandDefinition>
  readonly eventsByType: ReadonlyMap<string, EventDefinition>
  /** Declared projections and the built-in state projections: all that is synced. */
  readonly projections: readonly AnyProjection[]
  readonly projectionsByName: ReadonlyMap<string, AnyProjection>
  /** Projections that fold an event type. */
  readonly projectionsByEventType: ReadonlyMap<string, readonly AnyProjection[]>
  /** The aggregate a stream belongs to, `undefined` for a stream of none of them. */
  readonly aggregateOf: (stream: StreamId) => AnyAggregate | undefined
}

export interface DomainOptions {
  readonly name: string
  readonly aggregates: readonly AnyAggregate[]
  readonly projections: readonly AnyProjection[]
}

/** Collects an app's aggregates and projections. Throws where two of them claim one name. */
export function defineDomain(options: DomainOptions): Domain {
  const aggregatesByName = new Map<string, AnyAggregate>()
  const commandsByType = new Map<string, CommandDefinition>()
  const eventsByType = new Map<string, EventDefinition>()
  for (const declared of options.aggregates) {
    claim(aggregatesByName, declared.name, declared, 'aggregate')
    for (const command of Object.values(declared.commands)) commandsByType.set(command.type, command)
    for (const [member, definition] of Object.entries(declared.events)) {
      eventsByType.set(`${declared.name}.${member}`, definition)
    }
  }
  const projections: AnyProjection[] = [...options.aggregates.map((a) => stateProjection(a)), ...options.projections]
  const projectionsByName = new Map<string, AnyProjection>()
  const projectionsByEventType = new Map<string, AnyProjection[]>()
  for (const declared of projections) {
    claim(projectionsByName, declared.name, declared, 'projection')
    for (const source of declared.aggregates) {
      if (aggregatesByName.get(source.name) !== source) {
        throw new TypeError(
          `Projection "${declared.name}" folds aggregate "${source.name}", which is not in the domain.`,
        )
      }
    }
    for (const type of declared.types) {
      const list = projectionsByEventType.get(type)
      if (list === undefined) projectionsByEventType.set(type, [declared])
      else list.push(declared)
    }
  }
  return {
    name: options.name,
    aggregates: options.aggregates,
    aggregatesByName,
    commandsByType,
    eventsByType,
    projections,
    projectionsByName,
    projectionsByEventType,
    aggregateOf: (stream) => {
      const parsed = parseStreamId(stream)
      return parsed === undefined ? undefined : aggregatesByName.get(parsed.aggregate)
    },
  }
}

function claim<T>(byName: Map<string, T>, name: string, value: T, kind: string): void {
  if (byName.has(name)) throw new TypeError(`Two ${kind}s of the domain are named "${name}".`)
  byName.set(name, value)
}

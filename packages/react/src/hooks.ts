import { useMemo } from 'react'
import { useStore } from 'zustand'
import type {
  Attention,
  DispatchResult,
  Live,
  Loading,
  PendingCommand,
  Resolution,
  ResolveResult,
  RowQuery,
  RowsSnapshot,
  SyncedRow,
  SyncedState,
  SyncStatus,
  TidemarkClient,
} from '@tidemark/client'
import type {
  AnyAggregate,
  AnyProjection,
  CommandDefinition,
  CommandInput,
  RefusalCode,
  RowOf,
  StateOf,
  StreamId,
} from '@tidemark/core'
import { useClient } from './provider.tsx'
import { storeOf } from './store-of.ts'

function useLive<T>(live: Live<T>): T {
  return useStore(storeOf(live))
}

/**
 * Rows of a projection, pending changes included. The query may be written inline: it is compared by value, its
 * `filter` by reference.
 */
export function useRows<P extends AnyProjection>(
  projection: P,
  query: RowQuery<RowOf<P>> = {},
): RowsSnapshot<RowOf<P>> {
  // The client answers equal queries with the same live list, so nothing needs to be remembered here.
  return useLive(useClient().rows(projection, query))
}

/** One row: `undefined` where there is none, `LOADING` until that is known. */
export function useRow<P extends AnyProjection>(projection: P, key: string): SyncedRow<RowOf<P>> | undefined | Loading {
  const client = useClient()
  return useLive(client.row(projection, key))
}

/** State of a stream, pending changes included. */
export function useAggregate<A extends AnyAggregate>(
  aggregate: A,
  stream: StreamId,
): SyncedState<StateOf<A>> | undefined {
  const client = useClient()
  return useLive(client.state(aggregate, stream))
}

export type Dispatch = TidemarkClient['dispatch']
export type CommandDispatch<C extends CommandDefinition> = (
  stream: StreamId,
  input: CommandInput<C>,
) => Promise<DispatchResult<RefusalCode<C>>>

/** Without a command the client's `dispatch`; with one, a function of stream and input. Stable while the client is. */
export function useDispatch(): Dispatch
export function useDispatch<C extends CommandDefinition>(command: C): CommandDispatch<C>
export function useDispatch(command?: CommandDefinition): Dispatch | CommandDispatch<CommandDefinition> {
  const client = useClient()
  return useMemo(() => {
    const dispatch: Dispatch = (each, target) => client.dispatch(each, target)
    const dispatchOne = (stream: StreamId, input: CommandInput<CommandDefinition>): Promise<DispatchResult> =>
      client.dispatch(command as CommandDefinition, { stream, input })
    return command === undefined ? dispatch : dispatchOne
  }, [client, command])
}

/** Commands that the server has not confirmed yet, oldest first. */
export function usePending(): readonly PendingCommand[] {
  return useLive(useClient().pending)
}

/** What waits for a person, and the way to decide on it. */
export function useConflicts(): {
  readonly attention: readonly Attention[]
  readonly resolve: (attentionId: string, resolution: Resolution) => Promise<ResolveResult>
} {
  const client = useClient()
  const attention = useLive(client.attention)
  return useMemo(
    () => ({ attention, resolve: (id, resolution) => client.resolve(id, resolution) }),
    [client, attention],
  )
}

export function useSyncStatus(): SyncStatus {
  return useLive(useClient().status)
}

/** Whether the signed-in person may send the command. */
export function useAllows(command: CommandDefinition): boolean {
  const client = useClient()
  return useMemo(() => client.allows(command), [client, command])
}

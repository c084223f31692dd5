import { use, useMemo } from 'react'
import { useStore } from 'zustand'
import { LOADING } from '@tidemark/client'
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
  StoredLive,
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

/** React reads a promise that says so itself without waiting for it. */
const READ = Object.assign(Promise.resolve(), { status: 'fulfilled' as const, value: undefined })

/** Suspends while the value has not been read from the device. `use` is called each time, as React asks. */
function useFirstRead<T>(live: StoredLive<T>, isLoading: boolean): void {
  use(isLoading ? live.ready() : READ)
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

/**
 * Rows like `useRows`, but suspends until they have been read from the device: no `loading` to handle. Where the device's
 * storage cannot be read the nearest error boundary is shown. Another query suspends again; change it in a transition to
 * keep the rows that are shown meanwhile.
 */
export function useSuspenseRows<P extends AnyProjection>(
  projection: P,
  query: RowQuery<RowOf<P>> = {},
): RowsSnapshot<RowOf<P>> {
  const live = useClient().rows(projection, query)
  useFirstRead(live, live.get().status === 'loading')
  return useLive(live)
}

/** A row like `useRow`, but suspends until it is known whether there is one. */
export function useSuspenseRow<P extends AnyProjection>(projection: P, key: string): SyncedRow<RowOf<P>> | undefined {
  const live = useClient().row(projection, key)
  useFirstRead(live, live.get() === LOADING)
  const row = useLive(live)
  // Known rows stay known while they are watched.
  return row === LOADING ? undefined : row
}

/** Begins to read rows that a hook further down suspends for, so that several lists are read side by side. */
export function useRowsAhead<P extends AnyProjection>(projection: P, query: RowQuery<RowOf<P>> = {}): void {
  useClient().rows(projection, query).get()
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

/** Commands that the server has not confirmed yet, oldest first: all of up to a hundred. `useSyncStatus` counts all there are. */
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

export { TidemarkProvider, useClient } from './provider.tsx'
export {
  useAggregate,
  useAllows,
  useConflicts,
  useDispatch,
  usePending,
  useRow,
  useRows,
  useRowsAhead,
  useSuspenseRow,
  useSuspenseRows,
  useSyncStatus,
  type CommandDispatch,
  type Dispatch,
} from './hooks.ts'
export { storeOf, type ReadonlyStore } from './store-of.ts'

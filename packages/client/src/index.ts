export { createClient, type ClientOptions } from './create-client.ts'
export { createTrpcTransport, type TrpcTransportOptions } from './trpc-transport.ts'
export { LOADING, type Live, type Loading } from './live.ts'
export type { LostCommand } from './journal/journal.ts'
export type { Channel, Platform } from './platform.ts'
export type {
  DispatchResult,
  HistoryEntry,
  HistoryResult,
  QueryOptions,
  QueryResult,
  RecoveryReport,
  RowQuery,
  RowsSnapshot,
  SignOutChoice,
  SignOutResult,
  SyncedRow,
  SyncedState,
  SyncStatus,
  TidemarkClient,
} from './tidemark-client.ts'
export type {
  Attention,
  AttentionReason,
  PendingCause,
  PendingCommand,
  PendingError,
  Resolution,
  ResolveResult,
  SeenState,
} from './work.ts'

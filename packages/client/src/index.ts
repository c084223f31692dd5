export { createClient, type ClientOptions } from './create-client.ts'
export { DatabaseUnavailableError, NewerSchemaError } from './database.ts'
export { rescueDevice, type Rescue, type RescueOptions } from './rescue.ts'
export { createTrpcTransport, type TrpcTransportOptions } from './trpc-transport.ts'
export type { StoredLive } from './first-read.ts'
export { LOADING, type Live, type Loading } from './live.ts'
export type { LostCommand } from './journal/journal.ts'
export type { NotLoaded } from './part.ts'
export type { PendingRoom } from './pending-bytes.ts'
export type { Channel, Platform } from './platform.ts'
export type { StorageFailure } from './storage-failure.ts'
export type {
  DispatchResult,
  HistoryEntry,
  HistoryResult,
  ImportResult,
  PendingExport,
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

export { appendToShards, type ShardDecision, type ShardedAnswer, type ShardedCommand } from './append-to-shards.ts'
export { checkMark, type Mark, type MarkAnswer } from './check-mark.ts'
export {
  createCoalescer,
  type CoalescedAnswer,
  type CoalescedCommand,
  type Coalescer,
  type CoalescerOptions,
} from './coalescer.ts'
export {
  createAggregateLoader,
  type AggregateLoader,
  type AggregateLoaderOptions,
  type LoadAnswer,
  type SnapshotProblem,
  type SnapshotTaken,
  type StateMigration,
} from './aggregate-loader.ts'
export { createFileArchive, type ArchiveStorage } from './archive-storage.ts'
export { archiveStreams, type ArchiveOptions, type ArchiveProgress, type ArchiveResult } from './archive-streams.ts'
export { createDevices, type DeviceOf, type Devices, type SeenDevice } from './devices.ts'
export { grantAccess, revokeAccess, type AccessKind } from './grant-access.ts'
export type { Driver, DriverOptions, QueryOptions, QueryParameter, Row } from './driver.ts'
export {
  ArchiveError,
  DatabaseError,
  isTransient,
  MigrationError,
  StoreOpenError,
  type DatabaseFailure,
} from './errors.ts'
export type { LaneQueueLimits } from './lane-queue.ts'
export { scanLane, type LaneScan } from './scan-lane.ts'
export { migrateStore } from './migrate-store.ts'
export { migrate, type MigrateOptions } from './migrate.ts'
export { openStore, type PostgresStore, type Readiness, type StoreOptions } from './open-store.ts'
export { createPostgresDriver } from './postgres-driver.ts'
export { oneTenant } from './statements/one-tenant.ts'
export type { EpochStart } from './epoch-watch.ts'
export { startNewEpoch } from './start-new-epoch.ts'
export type { EpochReason } from './statements/current-epoch.ts'
export { resnapshot, type ResnapshotOptions, type ResnapshotProgress, type ResnapshotResult } from './resnapshot.ts'
export type { SnapshotPolicy } from './snapshot-policy.ts'
export { createSnapshots, type NewSnapshot, type SaveAnswer, type Snapshot, type Snapshots } from './snapshots.ts'
export type { RangeHash } from './range-hash.ts'
export { verifyLog, type Finding, type VerifyOptions, type VerifyReport } from './verify-log.ts'
export { streamsOf } from './streams-of.ts'
export {
  createTransformAudit,
  type TransformAudit,
  type TransformEntry,
  type TransformRead,
} from './transform-audit.ts'
export type { StreamTransformer, TransformedEvent, TransformFailure } from './transform-plan.ts'
export {
  transformStreams,
  type TransformOptions,
  type TransformProgress,
  type TransformResult,
} from './transform-streams.ts'
export { restoreStreams, type RestoreOptions, type RestoreResult } from './restore-streams.ts'

export { openProjections, type LaneLag, type Projections, type ProjectionsOptions } from './open-projections.ts'
export type { OutcomeRead, PagePlace, PageRead, PageRow, PageSnapshot, ProjectionVersion } from './page.ts'
export type { Alert, OnAlert } from './alert.ts'
export type { OpenCause } from './circuit-breaker.ts'
export type { LaneCounters } from './counters.ts'
export type { FailingBlock } from './failing-block.ts'
export type { Block } from './interpret-events.ts'
export type { LeaseState } from './lease.ts'
export type { LagLimits } from './shed-load.ts'
export type { RegistryBlock } from './lane-registry.ts'
export type { ParkedAction, ParkedUnit } from './control-event.ts'
export type { Retention } from './retention.ts'
export { migrateProjections } from './migrate-projections.ts'
export { PARKED_REASONS, parkedAdvice, type ParkedReason } from './park-reason.ts'
export { openParkedTools } from './open-parked-tools.ts'
export type { ParkedAnswer, ParkedDecision } from './parked-answer.ts'
export type { ParkedEventId, ParkedFound, ParkedTools } from './parked-tools.ts'
export type { ParkedDecided, ParkedEntry, ParkedFilter, ParkedPlace } from './statements/parked.ts'
export { readInline, type InlineRead, type InlineRow } from './inline-reads.ts'
export type { CopiedLane } from './compare-logs.ts'
export { openTrial, type Trial, type TrialOpening, type TrialOptions } from './open-trial.ts'
export { openRebuildTools } from './rebuild-tools.ts'
export type {
  BuildProgress,
  BuildResult,
  BuildState,
  KeyDifference,
  ProjectionSnapshot,
  RebuildAnswer,
  RebuildSettings,
  RebuildTarget,
  RebuildTools,
  VersionStatus,
} from './rebuild-tools.ts'
export type { SnapshotSchedule } from './snapshot-due.ts'
export type { SnapshotTaken } from './take-snapshot.ts'
export { ROW_LIMITS } from './row-limits.ts'
export type { ReadRow, RowsRead } from './statements/read-rows.ts'
export type { Reached } from './wait-for-advance.ts'
export { enrichment, type CallContext, type Enrichment, type EnrichmentOptions } from './reactions/enrichment.ts'
export { openReactions, type ReactionLag, type Reactions, type ReactionsOptions } from './reactions/open-reactions.ts'
export {
  openReactionTools,
  type ParkedReactionStream,
  type ParkedReactionTools,
  type ReactionDecider,
  type ReactionParkedAnswer,
  type ReactionTools,
} from './reactions/reaction-tools.ts'
export type { PushCommands } from './reactions/perform-commands.ts'
export type { ParkedReaction, ParkedReactionFilter, ReactionDecision } from './reactions/statements/parked-reactions.ts'
export type { StoredReactionLag } from './reactions/statements/reaction-lane.ts'
export {
  openSqlProjections,
  TablesChangedError,
  type SqlCounters,
  type SqlProjectionLag,
  type SqlProjections,
  type SqlProjectionsOptions,
  type SqlRead,
} from './sql/open-sql-projections.ts'
export type { SqlRetry } from './sql/retry-stream.ts'
export type { OnSqlAlert, SqlAlert } from './sql/sql-alert.ts'
export { openSqlTools, type SqlTools } from './sql/sql-tools.ts'
export type { SqlStatus, SqlTrouble } from './sql/statements/sql-status.ts'
export type { SqlParked } from './sql/statements/parked-events.ts'
export {
  sqlProjection,
  type SqlContext,
  type SqlProjection,
  type SqlProjectionOptions,
  type SqlStatement,
} from './sql/sql-projection.ts'

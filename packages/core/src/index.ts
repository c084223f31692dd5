export {
  aggregate,
  evolveState,
  initialState,
  type Aggregate,
  type AggregateOptions,
  type AnyAggregate,
  type EventsOf,
  type StateOf,
  type VersionedState,
} from './aggregate.ts'
export type {
  CommandBuilder,
  CommandDefinition,
  CommandInput,
  ConflictChoice,
  ConflictPolicy,
  ConflictView,
  DecideContext,
  Decision,
  Refusal,
  RefusalCode,
  StoredCommand,
} from './command.ts'
export {
  commandHash,
  decideCommand,
  derivedIdOf,
  resolveConflict,
  type Decided,
  type DecidedEvent,
  type DecideRequest,
} from './decide.ts'
export { defineDomain, type Domain, type DomainOptions } from './domain.ts'
export {
  event,
  type DomainEvent,
  type Emitted,
  type EventData,
  type EventDefinition,
  type EventInput,
} from './event.ts'
export { hash128 } from './hash.ts'
export {
  createIdGenerator,
  deriveId,
  isStreamKey,
  isUuid,
  MAX_STREAM_ID_LENGTH,
  parseStreamId,
  type IdSource,
  type StreamId,
  type Uuid,
} from './id.ts'
export {
  chooseFields,
  mergeFields,
  type FieldChange,
  type FieldChoice,
  type FieldConflict,
  type FieldMerge,
  type ThreeVersions,
} from './merge-fields.ts'
export { hasRole, TENANT_SCOPE, type Allow, type Principal } from './principal.ts'
export {
  definitionText,
  projection,
  STATE_PREFIX,
  stateProjection,
  type AnyProjection,
  type IndexField,
  type Projection,
  type RowOf,
  type Upgrade,
} from './projection.ts'
export {
  byReaction,
  commandsFor,
  followUpOf,
  identified,
  isReactionPrincipalId,
  reaction,
  reactionPrincipal,
  reactionPrincipalId,
  send,
  type HeardRefusal,
  type OnRefused,
  type ReactContext,
  type Reaction,
  type ReactionCommand,
  type ReactionOptions,
  type Send,
  type SentCommand,
} from './reaction.ts'
export { sharding, splitEscrow, wholeOf, type Sharding } from './sharding.ts'
export {
  validate,
  type AnySchema,
  type InputOf,
  type OutputOf,
  type StandardSchema,
  type Validation,
  type ValidationIssue,
} from './schema.ts'
export {
  fromStoredJson,
  isSameJson,
  STORED_JSON_LIMITS,
  toStoredJson,
  type Json,
  type JsonIssue,
  type JsonObject,
  type StoredJsonLimits,
  type StoredJsonResult,
} from './stored-json.ts'
export { query, type QueryDefinition, type QueryInput, type QueryOutput } from './query.ts'
export type { Cursor, CursorClaims, PageMark, Renewal, Token, TokenClaims } from './token.ts'
export { upcasts, type UpcastChain } from './upcast-chain.ts'
export { readCommand, readEvent, type ReadableEvent, type ReadFailure } from './upcast.ts'
export { PROTOCOL_VERSION, WIRE_LIMITS } from './wire/limits.ts'
export { upgradeRequired, type UpgradeRequired } from './wire/protocol.ts'
export {
  commandBase,
  foreignEvent,
  pushAnswer,
  pushedCommand,
  pushReply,
  pushRequest,
  type CommandBase,
  type ForeignEvent,
  type PushAnswer,
  type PushedCommand,
  type PushReply,
  type PushRequest,
} from './wire/push.ts'
export {
  historyReply,
  historyRequest,
  liveMessage,
  liveRequest,
  page,
  pullReply,
  pullRequest,
  wireOutcome,
  otherInstallation,
  wireRemoval,
  wireRow,
  type HistoryReply,
  type HistoryRequest,
  type LiveMessage,
  type LiveRequest,
  type Page,
  type PullReply,
  type PullRequest,
  type WireOutcome,
  type OtherInstallation,
  type WireRemoval,
  type WireRow,
} from './wire/pull.ts'
export {
  queryReply,
  queryRequest,
  stateReply,
  stateRequest,
  type QueryReply,
  type QueryRequest,
  type StateReply,
  type StateRequest,
} from './wire/query.ts'
export type {
  AbortSignalLike,
  AppendAnswer,
  AppendRequest,
  CommandIdentity,
  CommandResult,
  EventlessOutcome,
  EventStore,
  ExpectedVersion,
  LaneRead,
  NewEvent,
  SettleAnswer,
  SettleRequest,
  StoredEvent,
  StreamRead,
  SubscribeOptions,
  WakeListener,
} from './ports/event-store.ts'
export { encodeAtomic, type EncodedAtomic } from './ports/encode-atomic.ts'
export { encodeMerged, type EncodedMerged } from './ports/encode-merged.ts'
export {
  encodeAppend,
  encodeSettle,
  EVENT_STORE_LIMITS,
  isLogName,
  type EncodedAppend,
  type EncodedSettle,
} from './ports/encode-request.ts'
export type { AtomicAppendAnswer, AtomicAppendRequest, AtomicPart } from './ports/atomic-append.ts'
export type { KnownMember, MergedAppendAnswer, MergedAppendRequest, MergedMember } from './ports/merged-append.ts'
export {
  nextOf,
  PAGE_DEFAULTS,
  pageRange,
  type LanePage,
  type StreamPage,
  type StreamPageRead,
  type TypeSubscription,
} from './ports/paged-reads.ts'
export {
  encodeSplit,
  isCarriedForward,
  PREDECESSOR,
  successorIn,
  type EncodedSplit,
  type SplitAnswer,
  type SplitRequest,
} from './ports/split-stream.ts'
export type { Transport, TransportFailure } from './ports/transport.ts'

export {
  createDevIssuer,
  type DevAccount,
  type DevIssuer,
  type DevIssuerOptions,
  type DevSession,
} from './auth/dev-issuer.ts'
export type { AccountOf } from './auth/standing.ts'
export {
  createVerifier,
  type AuthFailure,
  type Verified,
  type Verifier,
  type VerifierOptions,
} from './auth/verifier.ts'
export { createSyncServer, type ServerLimits, type SyncServer, type SyncServerOptions } from './http/create-server.ts'
export { CONTENT_SECURITY_POLICY } from './http/security-headers.ts'
export type { RateLimit } from './http/token-bucket.ts'
export { stderrLogger, type LogFields, type Logger } from './logger.ts'
export { createPipeline, type Pipeline, type PipelineOptions, type PushedAnswer } from './pipeline/create-pipeline.ts'
export type { ClockWindow } from './pipeline/occurred-at.ts'
export { answerQuery, type QueryContext, type QueryHandler } from './query/answer-query.ts'
export { createSealer, type Sealer, type SealKey } from './seal.ts'
export { readOrMakeSealKey } from './secret-file.ts'
export type { LiveTimes } from './sync/live.ts'
export type { SyncRouter } from './sync/router.ts'

export { startEmbeddedPostgres } from './embedded-postgres.ts'
export type { EmbeddedPostgres, EmbeddedPostgresOptions, EmbeddedPostgresStep } from './embedded-postgres.ts'
export { EmbeddedPostgresError } from './errors.ts'
export type { EmbeddedPostgresFailure } from './errors.ts'

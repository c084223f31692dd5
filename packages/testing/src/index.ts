export { testDatabase } from './postgres.ts'
export type { TestDatabase } from './postgres.ts'

export { createMemoryStore } from './memory-store.ts'
export type { MemoryStoreOptions } from './memory-store.ts'
export { given, givenEvents, history } from './scenario.ts'
export type { Given, OldEvent, ScenarioEvent, ScenarioOptions, Then } from './scenario.ts'

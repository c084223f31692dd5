// What is asked for now and then, as one part of the program that is fetched the first time: createPart(() => import('./occasional.ts')).
export { askServer } from './ask-server.ts'
export { readHistory } from './history.ts'
export { importPending } from './import-pending.ts'
export { resolveAttention } from './resolve.ts'
export { signOut } from './sign-out.ts'

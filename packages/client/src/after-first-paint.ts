// What the first paint does not need, as one part of the program: the network loop, fetched when this tab first leads, and what
// is asked for now and then, which a leading tab then has without a network. Apart they would weigh an eighth more.
export { askServer } from './ask-server.ts'
export { readHistory } from './history.ts'
export { importPending } from './import-pending.ts'
export { openSync } from './open-sync.ts'
export { resolveAttention } from './resolve.ts'
export { signOut } from './sign-out.ts'

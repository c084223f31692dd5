export { EXIT, type ExitCode } from './exit-code.ts'
export type { Io } from './io.ts'
export { runTidemark } from './run-tidemark.ts'

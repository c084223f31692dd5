export { tidemark } from './tidemark.ts'
export type { TidemarkPluginOptions } from './tidemark.ts'
export type { AppServer, AppServerModule, AppServerOptions } from './app-server.ts'

// A process that uses the Postgres of a directory, for the tests to stop, interrupt and kill.
// node user.fixture.mjs DIRECTORY persistent|passing
import postgres from 'postgres'
import { runnerImport } from 'vite'

const [directory, kind] = process.argv.slice(2)
const { module } = await runnerImport(new URL('index.ts', import.meta.url).pathname, {
  configFile: false,
  logLevel: 'silent',
})
const server = await module.startEmbeddedPostgres({ directory, persistent: kind === 'persistent' })
process.on('SIGINT', async () => {
  // What a server does that is interrupted: it finishes its work first, and needs the database for that.
  const sql = postgres(server.url, { max: 1 })
  await sql`create table if not exists last_words (text text)`
  await sql`insert into last_words values ('done')`
  await sql.end()
  await server.stop()
  process.exit(0)
})
setInterval(() => undefined, 1000)
// Last, for whoever reads it may interrupt at once.
console.log(JSON.stringify({ pid: server.pid, url: server.url }))

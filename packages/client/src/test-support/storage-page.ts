/**
 * The client engine alone on a page, without a network: what a test does to the browser's storage under it is seen as
 * it is. The end-to-end tests bundle it (`e2e/fixtures/storage-app.ts`, which also says what each call is for).
 */
import * as z from 'zod'
import { aggregate, defineDomain, event, projection, type Principal, type Transport } from '@tidemark/core'
import { createClient } from '../create-client.ts'
import type { TidemarkClient } from '../tidemark-client.ts'

const schema = z.object({ text: z.string() })
type Text = z.infer<typeof schema>

const Note = aggregate('note', {
  initial: (): Text => ({ text: '' }),
  events: { written: event(schema) },
  evolve: { written: (_note, { text }) => ({ text }) },
  commands: (command) => ({
    write: command(schema, { decide: (_note, input, { emit }) => emit.written(input) }),
  }),
})
const Notes = projection('notes', { on: Note, row: schema, fold: { written: (_row, { data }) => data } })
const domain = defineDomain({ name: 'storage', aggregates: [Note], projections: [Notes] })

const unreachable = { kind: 'unreachable', message: 'There is no network here.' } as const
const nowhere: Transport = {
  push: () => Promise.resolve(unreachable),
  pull: () => Promise.resolve(unreachable),
  live: () => Promise.resolve(unreachable),
  history: () => Promise.resolve(unreachable),
}

declare global {
  interface Window {
    /** Set by the test. */
    readonly stored?: (text: string) => Promise<void>
  }
}

let client: TidemarkClient | undefined

function opened(): TidemarkClient {
  if (client === undefined) throw new Error('Open somebody first.')
  return client
}

async function write(text: string): Promise<string> {
  const result = await opened().dispatch(Note.commands.write, { stream: opened().newStream(Note), input: { text } })
  return result.kind
}

const storagePage = {
  open: async (user: string): Promise<string | null> => {
    const principal: Principal = { id: user, tenant: 'here', name: user, roles: [] }
    try {
      client = await createClient({ domain, principal, transport: nowhere })
      return null
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  },
  close: async () => await opened().close(),
  write,
  writeForever: async (lanes: number): Promise<void> => {
    let count = 0
    const lane = async (): Promise<void> => {
      for (;;) {
        const text = `${Date.now()}-${String(count++)}`
        if ((await write(text)) !== 'stored') return
        void window.stored?.(text)
      }
    }
    await Promise.all(Array.from({ length: lanes }, lane))
  },
  pending: async () => (await opened().exportPending()).commands.map(({ input }) => (input as unknown as Text).text),
  status: () => opened().status.get(),
  discardAll: async () => {
    const result = await opened().signOut({ kind: 'discard', count: opened().status.get().pending })
    return result.kind
  },
}
Object.assign(window, { storagePage })

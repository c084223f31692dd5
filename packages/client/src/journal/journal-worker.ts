import { createJournalEngine } from './engine.ts'
import type { JournalHost } from './journal.ts'
import { openOpfsDirectory } from './opfs-directory.ts'
import type { HostCall, HostReply } from './worker-host.ts'

/** The worker's end: one call after the other, in the order in which they came. */
let engine: Promise<JournalHost> | undefined
let turn: Promise<unknown> = Promise.resolve()

addEventListener('message', ({ data }: MessageEvent<HostCall>) => {
  turn = turn.then(async () => {
    let reply: HostReply
    try {
      reply = { call: data.call, value: await carryOut(data) }
    } catch (error) {
      reply = { call: data.call, error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) }
    }
    postMessage(reply)
  })
})

async function carryOut(call: HostCall): Promise<unknown> {
  if (call.kind === 'open') {
    engine ??= openOpfsDirectory(call.name).then((directory) =>
      createJournalEngine(directory, () => `${crypto.randomUUID()}.log`),
    )
  }
  const host = await engine
  if (host === undefined) throw new Error('The journal was not opened.')
  switch (call.kind) {
    case 'open':
      return await host.open()
    case 'adopt':
      return await host.adopt(call.device)
    case 'append':
      return await host.append(call.device, call.entries)
    case 'clear':
      return await host.clear(call.device, call.at)
    case 'close':
      host.close()
      close()
      return undefined
  }
}

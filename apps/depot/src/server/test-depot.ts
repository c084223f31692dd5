import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PROTOCOL_VERSION, type PushAnswer, type PushedCommand } from '@tidemark/core'
import { createDepot, type Depot } from './create-depot.ts'

/** The device that all requests of the tests come from. */
export const DEVICE = '0197b000-0000-7000-8000-00000000000d'

export const silent = { info: () => {}, warn: () => {}, error: () => {} }

/** A depot that listens on a free port, and what a device says to it. */
export interface TestDepot {
  readonly depot: Depot
  readonly directory: string
  /** Posts JSON and gives back JSON. */
  call(path: string, body: unknown, token?: string): Promise<unknown>
  /** The token of one of the demo's people. */
  signIn(tenant: string, user: string): Promise<string>
  push(token: string, command: PushedCommand): Promise<PushAnswer>
  close(): Promise<void>
}

export async function openTestDepot(
  databaseUrl: string,
  logger: Parameters<typeof createDepot>[0]['logger'] = silent,
): Promise<TestDepot> {
  const directory = await mkdtemp(join(tmpdir(), 'depot-'))
  const depot = await createDepot({ databaseUrl, directory, ...(logger === undefined ? {} : { logger }) })
  const { url } = await depot.listen({ port: 0 })

  async function call(path: string, body: unknown, token?: string): Promise<unknown> {
    const headers = {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    }
    const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    return response.json()
  }

  return {
    depot,
    directory,
    call,
    signIn: async (tenant, user) => ((await call('/dev/sign-in', { tenant, user })) as { token: string }).token,
    push: async (token, command) => {
      const request = { protocol: PROTOCOL_VERSION, device: DEVICE, commands: [command] }
      const reply = (await call('/trpc/sync.push', request, token)) as {
        result?: { data: { answers: [{ answer: PushAnswer }] } }
      }
      if (reply.result === undefined) throw new Error(`The push failed: ${JSON.stringify(reply)}`)
      return reply.result.data.answers[0].answer
    },
    close: async () => {
      await depot.close()
      await rm(directory, { recursive: true })
    },
  }
}

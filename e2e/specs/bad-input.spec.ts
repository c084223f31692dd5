import { randomUUID } from 'node:crypto'
import { PROTOCOL_VERSION, WIRE_LIMITS, type PushReply } from '@tidemark/core'
import { ada, cleo, dora } from '../fixtures/accounts.ts'
import { ApiClient, type ApiReply, commandOf } from '../fixtures/api-client.ts'
import { altered, signedByStranger, unsigned } from '../fixtures/forged-token.ts'
import { PROJECTIONS } from '../fixtures/live-stream.ts'
import { addLine, mug, seedOrder, seedProducts } from '../fixtures/seed.ts'
import type { ServerLog } from '../fixtures/server-log.ts'
import { expect, test } from '../fixtures/test.ts'

const place = (number: string, more: Record<string, unknown> = {}) =>
  commandOf('order.place', `order/${randomUUID()}`, {
    number,
    customer: { firstName: 'Rosa', lastName: 'Lind' },
    ...more,
  })

/** The log must hold what it held, refusals included, and the next good command must land. */
async function expectUnharmed(api: ApiClient, log: ServerLog, before: number, refusals = 0): Promise<void> {
  expect(await log.events()).toHaveLength(before)
  expect(await log.outcomes()).toHaveLength(refusals)
  await api.accepted(place('GOOD'))
  expect(await log.events()).toHaveLength(before + 1)
  await log.expectSound()
}

/** An error in tRPC's shape: a code to act on, and nothing about the inside of the server. */
function expectTypedError(reply: ApiReply, status: number, code: string): void {
  expect({ status: reply.status, code: codeOf(reply) }, reply.text.slice(0, 500)).toEqual({ status, code })
  expect(reply.text).not.toMatch(/node_modules|\.ts:\d|\.js:\d|select |insert |password/i)
}

function codeOf(reply: ApiReply): string | undefined {
  return (reply.body as { error?: { data?: { code?: string } } } | undefined)?.error?.data?.code
}

test('an envelope that is no push request is refused as a whole, with a typed error', async ({ api, log }) => {
  const good = { protocol: PROTOCOL_VERSION, device: api.device, commands: [place('A')] }
  const envelopes: Readonly<Record<string, unknown>> = {
    'not JSON': '{"protocol":1,',
    'a bare word': 'orders',
    null: 'null',
    'a list': [good],
    'a number': '7',
    'no commands': { protocol: PROTOCOL_VERSION, device: api.device },
    'commands that are no list': { ...good, commands: { 0: place('B') } },
    'a device that is no id': { ...good, device: "'; drop table tidemark.events; --" },
    'no protocol': { device: api.device, commands: [] },
    'more commands than a push may hold': {
      ...good,
      commands: Array.from({ length: WIRE_LIMITS.commandsPerPush + 1 }, (_, at) => place(`N${at}`)),
    },
  }
  for (const [name, envelope] of Object.entries(envelopes))
    await test.step(name, async () => expectTypedError(await api.post('/trpc/sync.push', envelope), 400, 'BAD_REQUEST'))
  await expectUnharmed(api, log, 0)
})

test('another content type than JSON is refused', async ({ api, log }) => {
  const body = JSON.stringify({ protocol: PROTOCOL_VERSION, device: api.device, commands: [place('A')] })
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    const reply = await api.post('/trpc/sync.push', body, { 'content-type': type })
    expect(reply.status, type).toBe(415)
  }
  await expectUnharmed(api, log, 0)
})

test('a client of another protocol is told to upgrade', async ({ api, log }) => {
  const reply = await api.post('/trpc/sync.push', { protocol: 99, device: api.device, commands: [place('A')] })
  expect(reply.body).toMatchObject({ result: { data: { kind: 'upgrade', protocol: PROTOCOL_VERSION } } })
  await expectUnharmed(api, log, 0)
})

test('a malformed command is answered under its id and does not harm its neighbours', async ({ api, log }) => {
  const broken = { ...place('BROKEN'), schema: 'one', occurredAt: 'yesterday' }
  const nameless = { ...place('NAMELESS'), id: 'not-an-id' }
  const reply = await api.post('/trpc/sync.push', {
    protocol: PROTOCOL_VERSION,
    device: api.device,
    commands: [place('BEFORE'), broken, nameless, 'a word', null, place('AFTER')],
  })
  expect(reply.status, reply.text).toBe(200)
  const { answers } = (reply.body as { result: { data: Extract<PushReply, { kind: 'answers' }> } }).result.data
  expect(answers.filter(({ answer }) => answer.kind === 'accepted')).toHaveLength(2)
  expect(answers.find(({ id }) => id === broken.id)?.answer).toMatchObject({ kind: 'invalid', reason: 'malformed' })
  await expectUnharmed(api, log, 2)
})

test('unknown commands and streams are typed answers', async ({ api, log }) => {
  const order = `order/${randomUUID()}`
  const input = { number: 'X', customer: { firstName: 'Rosa', lastName: 'Lind' } }
  const answers = await api.push(
    commandOf('order.explode', order, {}),
    commandOf('ghost.place', order, input),
    commandOf('constructor.prototype', order, input),
    commandOf('order.place', 'ghost/1', input),
    commandOf('order.place', 'product/MUG-01', input),
    commandOf('order.place', 'order/../../etc/passwd', input),
    commandOf('order.place', 'order/', input),
    commandOf('order.place', order, { number: 'X' }),
    commandOf('order.place', order, { ...input, number: 'x'.repeat(5_000) }),
    commandOf('order.place', order, null),
  )
  expect(answers.map((answer) => (answer.kind === 'invalid' ? answer.reason : answer.kind))).toEqual([
    'unknown_command',
    'unknown_command',
    'unknown_command',
    'unknown_stream',
    'unknown_stream',
    'unknown_stream',
    'unknown_stream',
    'invalid_input',
    'invalid_input',
    'invalid_input',
  ])
  await expectUnharmed(api, log, 0)
})

test('text that Postgres cannot store is refused before it is stored anywhere', async ({ api, log }) => {
  const notes = { 'a NUL character': 'a\u0000b', 'a lone high surrogate': 'a\ud800b', 'a lone low surrogate': '\udfff' }
  for (const [name, note] of Object.entries(notes))
    await test.step(name, async () => {
      const [inValue, inKey] = await api.push(place('N', { note }), place('N', { [note]: 'x' }))
      expect(inValue).toMatchObject({ kind: 'invalid', reason: 'unstorable' })
      expect(inKey).toMatchObject({ kind: 'invalid', reason: 'unstorable' })
    })
  const [inStream] = await api.push(commandOf('order.place', 'order/a\u0000b', {}))
  expect(inStream).toMatchObject({ kind: 'invalid' })
  await expectUnharmed(api, log, 0)
})

test('JSON ten thousand levels deep is answered at once', async ({ api, log }) => {
  const deep = '['.repeat(10_000) + ']'.repeat(10_000)
  const command = JSON.stringify(place('DEEP', { note: 0 })).replace('"note":0', `"note":${deep}`)
  const bodies = {
    'in an input': `{"protocol":1,"device":"${api.device}","commands":[${command}]}`,
    'in place of a command': `{"protocol":1,"device":"${api.device}","commands":[${deep}]}`,
    'in place of the envelope': deep,
    objects: `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
  }
  for (const [name, body] of Object.entries(bodies))
    await test.step(name, async () => {
      const started = performance.now()
      const reply = await api.post('/trpc/sync.push', body)
      expect(performance.now() - started, 'milliseconds').toBeLessThan(1_000)
      expect([200, 400], reply.text.slice(0, 300)).toContain(reply.status)
      if (reply.status === 400) expectTypedError(reply, 400, 'BAD_REQUEST')
      else expect(reply.text).toMatch(/"reason":"(unstorable|malformed)"/)
    })
  await expectUnharmed(api, log, 0)
})

test('a body over the limit is refused by its size', async ({ api, log }) => {
  const note = 'x'.repeat(WIRE_LIMITS.bodyBytes)
  const reply = await api.post('/trpc/sync.push', {
    protocol: PROTOCOL_VERSION,
    device: api.device,
    commands: [place('BIG', { note })],
  })
  expectTypedError(reply, 413, 'PAYLOAD_TOO_LARGE')
  // One that is small enough to be read, with an input that is too long for a command.
  const [answer] = await api.push(place('LONG', { note: 'x'.repeat(WIRE_LIMITS.inputLength + 1) }))
  expect(answer).toMatchObject({ kind: 'invalid' })
  await expectUnharmed(api, log, 0)
})

test('nobody gets in with a token that the issuer did not sign', async ({ depot, api, log }) => {
  const token = api.token ?? ''
  const tokens: Readonly<Record<string, string | undefined>> = {
    none: undefined,
    'a word': 'let-me-in',
    'three words': 'a.b.c',
    'no signature': token.slice(0, token.lastIndexOf('.') + 1),
    'a cut signature': token.slice(0, -8),
    'algorithm none': unsigned(token),
    "somebody else's key": signedByStranger(token),
    'another tenant under the same signature': altered(token, { tenant: 'meadow' }),
    'another role under the same signature': altered(token, { roles: ['manager', 'root'] }),
    'ten thousand characters': 'a'.repeat(10_000),
  }
  for (const [name, forged] of Object.entries(tokens))
    await test.step(name, async () => {
      const stranger = new ApiClient(depot.url, forged)
      for (const procedure of ['sync.push', 'sync.pull', 'history'])
        expectTypedError(
          await stranger.post(`/trpc/${procedure}`, {
            protocol: PROTOCOL_VERSION,
            device: api.device,
            commands: [place('A')],
            cursor: null,
            projections: PROJECTIONS,
            awaiting: [],
            stream: 'order/1',
          }),
          401,
          'UNAUTHORIZED',
        )
    })
  expect((await new ApiClient(depot.url).post('/dev/sign-in', { tenant: 'harbour', user: 'root' })).status).toBe(404)
  await expectUnharmed(api, log, 0)
})

test('a foreign tenant cannot see, touch or even notice an order', async ({ depot, api, log }) => {
  await seedProducts(api, mug)
  const order = await seedOrder(api, { number: 'SECRET-1', note: 'not for meadow', lines: [[mug, 2]] })
  const before = (await log.events()).length
  const stranger = await ApiClient.signIn(depot.url, dora)
  const nowhere = `order/${randomUUID()}`

  expect(await stranger.history(order.stream)).toEqual(await stranger.history(nowhere))
  const [touched, missed] = await stranger.push(addLine(order.stream, mug, 1), addLine(nowhere, mug, 1))
  expect(touched).toEqual(missed)
  expect(touched).toMatchObject({ kind: 'refused', code: 'not_open' })

  const own = await api.pull(null, PROJECTIONS)
  expect(JSON.stringify(own)).toContain('SECRET-1')
  const cursor = own.kind === 'page' ? own.cursor : ''
  for (const theirs of [null, cursor, 'a made-up cursor'])
    await test.step(`pull from ${theirs === cursor ? 'a cursor of the other tenant' : theirs}`, async () => {
      const page = await stranger.pull(theirs, PROJECTIONS)
      expect(page).toMatchObject({ kind: 'page', reset: true })
      expect(JSON.stringify(page)).not.toMatch(/SECRET|MUG|not for meadow|harbour/)
    })
  expect(await log.story(order.stream)).toEqual(['placed', 'lineAdded'])
  await expectUnharmed(api, log, before, 2)
})

test('an id that was used for another command is refused, the same command again is not repeated', async ({
  api,
  log,
}) => {
  const first = place('FIRST')
  await api.accepted(first)
  const [again, reused] = [...(await api.push(first)), ...(await api.push({ ...place('SECOND'), id: first.id }))]
  expect(again).toMatchObject({ kind: 'accepted', version: 1 })
  expect(reused).toMatchObject({ kind: 'invalid', reason: 'command_reused' })
  await expectUnharmed(api, log, 1)
})

test('a role that may not is told so, and nothing is stored', async ({ depot, api, log }) => {
  const picker = await ApiClient.signIn(depot.url, cleo)
  const order = await seedOrder(api, { number: 'A-1' })
  const answers = await picker.push(place('B-1'), addLine(order.stream, mug, 1))
  expect(answers).toEqual([{ kind: 'forbidden' }, { kind: 'forbidden' }])
  await expectUnharmed(await ApiClient.signIn(depot.url, ada), log, 1)
})

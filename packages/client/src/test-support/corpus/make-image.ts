import { expect } from 'vitest'
import type { CommandDefinition, PushedCommand } from '@tidemark/core'
import { databaseNameOf } from '../../database.ts'
import { goOffline, openDevice, until, untilLive, untilQuiet } from '../device.ts'
import { createMemorySyncServer } from '../memory-sync-server.ts'
import { readImage, type DeviceImage } from './device-image.ts'
import { ADDRESSES, RELEASES, sender } from './releases.ts'

/** What a device of a release keeps, and what is to become of it under a later one. */
export interface CorpusEntry {
  /** Number of the release in `releases.ts`, from 1. */
  readonly release: number
  readonly image: DeviceImage
  /** What the server had of the same streams, oldest first. */
  readonly log: readonly Pick<PushedCommand, 'type' | 'stream' | 'input' | 'schema'>[]
  /** Unsent commands in order. */
  readonly pending: readonly {
    readonly id: string
    readonly type: string
    readonly stream: string
    readonly input: unknown
  }[]
  /** Of those, the ones that wait for a person. */
  readonly attention: readonly string[]
}

/**
 * A device of a release as it falls asleep: rows of two parcels, a conflict with a command behind it, and on other
 * streams a new parcel, an edit, a queued command, and one that a later release retires.
 */
export async function makeEntry(release: number): Promise<CorpusEntry> {
  const { domain, Parcel } = RELEASES[release - 1] as (typeof RELEASES)[number]
  const address = ADDRESSES[release - 1] as (name: string) => unknown
  const server = createMemorySyncServer(domain)
  const device = await openDevice(server, { domain, who: sender })
  const { client } = device
  const log: CorpusEntry['log'][number][] = []
  const write = async (command: CommandDefinition, stream: string, input: unknown): Promise<void> => {
    expect(await client.dispatch(command, { stream, input: input as never })).toMatchObject({ kind: 'stored' })
  }
  await untilLive(device)
  const [one, two] = [client.newStream(Parcel), client.newStream(Parcel)]
  for (const [stream, name] of [
    [one, 'Eve'],
    [two, 'Joe'],
  ] as const) {
    await write(Parcel.commands.send, stream, address(name))
    const { type, version } = Parcel.commands.send
    log.push({ type, schema: version, stream, input: address(name) as never })
  }
  await untilQuiet(device)
  goOffline(device)
  await until(() => expect(client.status.get().connection).toBe('offline'))
  await write(Parcel.commands.label, one, { text: 'mine' })
  await write(Parcel.commands.note, one, { text: 'behind it' })
  const theirs = { type: 'parcel.label', schema: 1, stream: one, input: { text: 'theirs' } }
  server.act({ ...sender, id: 'bob' }, theirs)
  log.push(theirs)
  device.link.faults.offline = false
  device.tab.wake()
  await until(() => expect(client.attention.get()).toMatchObject([{ reason: { kind: 'conflict' } }]))
  await untilLive(device)
  goOffline(device)
  await until(() => expect(client.status.get().connection).toBe('offline'))
  const three = client.newStream(Parcel)
  await write(Parcel.commands.send, three, address('Ann'))
  await write(Parcel.commands.note, three, { text: 'fragile' })
  await write(Parcel.commands.note, two, { text: 'hurry' })
  await write(Parcel.commands.noteLater, two, { text: 'when it is there' })
  if (!Parcel.commands.stamp.retired) {
    const four = client.newStream(Parcel)
    await write(Parcel.commands.send, four, address('Tim'))
    await write(Parcel.commands.stamp, four, { text: 'paid' })
  }
  const pending = client.pending.get().map(({ id, type, stream, input }) => ({ id, type, stream, input }))
  const attention = client.attention.get().map((each) => each.commandId)
  await client.close()
  return {
    release,
    image: await readImage(device.browser, databaseNameOf(domain, sender)),
    log,
    pending,
    attention,
  }
}

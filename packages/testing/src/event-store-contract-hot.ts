/**
 * The part of the event store contract about hot streams: version-free appends, and many commands in one append.
 */
import type { AppendAnswer, EventStore, MergedAppendRequest, MergedMember } from '@tidemark/core'
import { describe, expect, test } from 'vitest'
import {
  newAppend,
  newCommand,
  newEvent,
  newId,
  newSettle,
  newStream,
  streamWith,
  versionOf,
} from './event-requests.ts'

export function newMember(part: Partial<MergedMember> = {}): MergedMember {
  return { principal: 'ada', device: 'device-1', command: newCommand(), ...part }
}

/** One event with the effect of two commands; override what matters. */
export function newMergedAppend(part: Partial<MergedAppendRequest> = {}): MergedAppendRequest {
  const { command: _, ...shared } = newAppend({ principal: 'merger', device: null })
  return { ...shared, members: [newMember(), newMember()], ...part }
}

export function describeHotStreams(store: EventStore): void {
  describe('version-free appends', () => {
    test('many at once on one stream never conflict, and leave no gap (I1)', async () => {
      const stream = newStream()
      const requests = Array.from({ length: 100 }, () => newAppend({ stream, expected: 'any', command: newCommand() }))
      const answers = await Promise.all(requests.map((request) => store.append(request)))
      const versions = answers.map((answer) => (answer.kind === 'appended' ? answer.version : answer.kind))
      expect(versions.toSorted((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 100 }, (_, n) => n + 1))
    })

    test('those with an expected version beside them are still judged', async () => {
      const stream = await streamWith(store, 1)
      const free = Array.from({ length: 10 }, () => store.append(newAppend({ stream })))
      const judged = store.append(newAppend({ stream, expected: 0 }))
      for (const answer of await Promise.all(free)) expect(answer.kind).toBe('appended')
      expect((await judged).kind).toBe('conflict')
      expect(await versionOf(store, 'acme', stream)).toBe(11)
    })
  })
}

export function describeMergedAppends(store: EventStore): void {
  describe('merged appends (I3)', () => {
    const resultOf = (request: MergedAppendRequest, member: MergedMember, answer: AppendAnswer | { kind: string }) => {
      if (answer.kind !== 'appended') throw new Error(`not appended: ${answer.kind}`)
      const { version, lane, position } = answer as Extract<AppendAnswer, { kind: 'appended' }>
      return { kind: 'accepted', stream: request.stream, version, lane, position, hash: member.command.hash } as const
    }

    test('one append holds the effect of all its members, and is the result of each', async () => {
      const bob = newMember({ principal: 'bob', device: null })
      const ada = newMember()
      const events = [newEvent({ n: 1 }), newEvent({ n: 2 })]
      const request = newMergedAppend({ members: [ada, bob], events })
      const answer = await store.appendMerged(request)
      expect(answer).toMatchObject({ kind: 'appended', version: 2 })
      const [stored = []] = await store.readStreams([{ tenant: 'acme', stream: request.stream, after: 0 }])
      expect(stored.map((event) => [event.data, event.principal, event.command])).toEqual([
        [{ n: 1 }, 'merger', null],
        [{ n: 2 }, 'merger', null],
      ])
      expect(stored.at(-1)?.position).toBe(resultOf(request, ada, answer).position)
      const asked = [ada.command.id, bob.command.id]
      expect(await store.results('acme', 'ada', asked)).toEqual(
        new Map([[ada.command.id, resultOf(request, ada, answer)]]),
      )
      expect(await store.results('acme', 'bob', asked)).toEqual(
        new Map([[bob.command.id, resultOf(request, bob, answer)]]),
      )
      expect(await store.results('acme', 'merger', asked)).toEqual(new Map())
    })

    test('a member asked again alone is a duplicate, as an append and as a settle; with another body it is refused', async () => {
      const member = newMember()
      const request = newMergedAppend({ members: [member, newMember()] })
      const result = resultOf(request, member, await store.appendMerged(request))
      const { command } = member
      expect(await store.append(newAppend({ command }))).toEqual({ kind: 'duplicate', result })
      expect(await store.settle(newSettle({ command }))).toEqual({ kind: 'duplicate', result })
      const other = { id: command.id, hash: 'f'.repeat(32) }
      expect(await store.append(newAppend({ command: other }))).toEqual({ kind: 'command-reused' })
    })

    test('with members that are known nothing is written, and each of those is named with its first result', async () => {
      const appended = newCommand()
      const first = await store.append(newAppend({ command: appended }))
      const refused = newCommand()
      await store.settle(newSettle({ command: refused }))
      const before = newMergedAppend({ members: [newMember()] })
      const merged = before.members[0] as MergedMember
      await store.appendMerged(before)
      const reused = { id: appended.id, hash: 'f'.repeat(32) }
      const commands = [newCommand(), appended, refused, merged.command]
      const request = newMergedAppend({ members: commands.map((command) => newMember({ command })) })
      expect(await store.appendMerged(request)).toMatchObject({
        kind: 'known-members',
        known: [
          {
            index: 1,
            answer: {
              kind: 'duplicate',
              result: { kind: 'accepted', position: resultOf(request, merged, first).position },
            },
          },
          { index: 2, answer: { kind: 'duplicate', result: { kind: 'refused', code: 'already_shipped' } } },
          { index: 3, answer: { kind: 'duplicate', result: { kind: 'accepted', stream: before.stream, version: 1 } } },
        ],
      })
      expect(await store.appendMerged(newMergedAppend({ members: [newMember({ command: reused })] }))).toEqual({
        kind: 'known-members',
        known: [{ index: 0, answer: { kind: 'command-reused' } }],
      })
      expect(await versionOf(store, 'acme', request.stream)).toBe(0)
      expect((await store.results('acme', 'ada', [commands[0]?.id ?? ''])).size).toBe(0)
    })

    test('the same merged append asked again names all its members', async () => {
      const request = newMergedAppend()
      const answer = await store.appendMerged(request)
      const known = request.members.map((member, index) => ({
        index,
        answer: { kind: 'duplicate', result: resultOf(request, member, answer) },
      }))
      expect(await store.appendMerged(request)).toEqual({ kind: 'known-members', known })
      expect(await versionOf(store, 'acme', request.stream)).toBe(1)
    })

    test('the same members at once have one effect', async () => {
      const request = newMergedAppend()
      const answers = await Promise.all(Array.from({ length: 8 }, () => store.appendMerged(request)))
      expect(answers.filter((answer) => answer.kind === 'appended')).toHaveLength(1)
      expect(answers.filter((answer) => answer.kind === 'known-members')).toHaveLength(7)
      expect(await versionOf(store, 'acme', request.stream)).toBe(1)
    })

    test('a member appended alone at the same moment has one effect', async () => {
      for (let round = 0; round < 5; round++) {
        const member = newMember()
        const request = newMergedAppend({ members: [member, newMember()] })
        const [merged, alone] = await Promise.all([
          store.appendMerged(request),
          store.append(newAppend({ stream: request.stream, command: member.command })),
        ])
        expect([
          ['appended', 'duplicate'],
          ['known-members', 'appended'],
        ]).toContainEqual([merged.kind, alone.kind])
        expect(await versionOf(store, 'acme', request.stream)).toBe(1)
      }
    })

    test('a conflict leaves no result for any member', async () => {
      const stream = await streamWith(store, 2)
      const request = newMergedAppend({ stream, expected: 1 })
      expect(await store.appendMerged(request)).toEqual({ kind: 'conflict', current: 2 })
      const ids = request.members.map((member) => member.command.id)
      expect(await store.results('acme', 'ada', ids)).toEqual(new Map())
      expect(await store.appendMerged({ ...request, expected: 2 })).toMatchObject({ kind: 'appended', version: 3 })
    })

    test('beside single appends positions stay gap-free and in order (I2)', async () => {
      const tenant = `tenant-${newId()}`
      const lane = await store.laneOf(tenant)
      const before = await store.head(lane)
      await Promise.all(
        Array.from({ length: 60 }, (_, n) =>
          n % 3 === 0
            ? store.appendMerged(newMergedAppend({ tenant }))
            : store.append(newAppend({ tenant, command: newCommand() })),
        ),
      )
      const events = await store.readLane({ lane, after: before, limit: 1_000 })
      expect(events.map((event) => event.position)).toEqual(Array.from({ length: 60 }, (_, n) => before + n + 1))
    })

    const valid = newMember()
    test.each<readonly [string, Partial<MergedAppendRequest>, string]>([
      ['no member', { members: [] }, '/members'],
      ['more than 1,000 members', { members: Array.from({ length: 1_001 }, () => newMember()) }, '/members'],
      ['a member twice', { members: [valid, valid] }, '/members/1/command/id'],
      ['a member without a principal', { members: [newMember({ principal: '' })] }, '/members/0/principal'],
      ['a member with a bad device', { members: [newMember({ device: 'a\nb' })] }, '/members/0/device'],
      [
        'a member with a bad id',
        { members: [newMember({ command: { id: 'x', hash: 'a'.repeat(32) } })] },
        '/members/0/command/id',
      ],
      [
        'a member with a bad hash',
        { members: [newMember({ command: { id: newId(), hash: 'x' } })] },
        '/members/0/command/hash',
      ],
      ['no event', { events: [] }, '/events'],
      ['a negative version', { expected: -1 }, '/expected'],
    ])('%s is invalid, and nothing is stored', async (_, part, path) => {
      const request = newMergedAppend(part)
      const answer = await store.appendMerged(request)
      expect(answer).toMatchObject({ kind: 'invalid', issues: [{ path }] })
      expect(await versionOf(store, 'acme', request.stream)).toBe(0)
    })

    test('1,000 members go into one append', async () => {
      const members = Array.from({ length: 1_000 }, () => newMember())
      expect(await store.appendMerged(newMergedAppend({ members }))).toMatchObject({ kind: 'appended', version: 1 })
      const last = members.at(-1)?.command.id ?? ''
      expect((await store.results('acme', 'ada', [last])).get(last)).toMatchObject({ kind: 'accepted', version: 1 })
    })
  })
}

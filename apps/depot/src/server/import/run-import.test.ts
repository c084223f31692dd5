import type { CommandResult, PushAnswer, PushedCommand } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { contentId } from './command-id.ts'
import { importer } from './import-file.ts'
import type { ImportPlan } from './plan.ts'
import type { PlannedCommand } from './planned-command.ts'
import { ImportStalled, ImportStopped, runImport, type ImportTarget } from './run-import.ts'

const AT = '2010-12-01T09:00:00.000Z'
const device = contentId(AT, 'device')

function planOf(...counts: number[]): ImportPlan {
  const commands = counts.flatMap((count, stream) =>
    Array.from({ length: count }, (_, at): PlannedCommand => ({
      id: contentId(AT, String(stream), String(at)),
      type: 'order.addLine',
      schema: 1,
      stream: `order/${stream}`,
      input: { at },
      occurredAt: AT,
      lines: [stream * 1_000 + at],
    })),
  )
  return { lines: commands.length, planned: commands.length, dirty: [], commands }
}

const accepted = (version: number): PushAnswer => ({ kind: 'accepted', version, token: '', rebased: false })
const retry = (reason: 'unavailable' | 'predecessor'): PushAnswer => ({ kind: 'retry', after: 100, reason })

/** A pipeline that keeps the rules of the real one about order and predecessors, and fails where the test says. */
function createTarget(answerOf: (command: PushedCommand, tries: number) => PushAnswer | undefined = () => undefined) {
  const versions = new Map<string, number>()
  const results = new Map<string, CommandResult>()
  const tries = new Map<string, number>()
  const pushes: string[][] = []
  const inputs = new Map<string, number[]>()
  const target: ImportTarget = {
    results: async (_tenant, _principal, ids) =>
      new Map(
        ids.flatMap((id) => {
          const known = results.get(id)
          return known === undefined ? [] : [[id, known] as const]
        }),
      ),
    push: async (_principal, _device, commands) => {
      pushes.push(commands.map(({ stream }) => stream))
      return commands.map((command) => {
        const { id, stream, base } = command
        tries.set(id, (tries.get(id) ?? 0) + 1)
        const known = results.get(id)
        if (known?.kind === 'accepted') return { id, answer: accepted(known.version) }
        if (base?.after && !results.has(base.after)) return { id, answer: retry('predecessor') }
        const other = answerOf(command, tries.get(id) ?? 0)
        if (other !== undefined) return { id, answer: other }
        const version = (versions.get(stream) ?? 0) + 1
        versions.set(stream, version)
        results.set(id, { kind: 'accepted', stream, version, lane: 0, position: 1, hash: '' })
        inputs.set(stream, [...(inputs.get(stream) ?? []), (command.input as { at: number }).at])
        return { id, answer: accepted(version) }
      })
    },
  }
  return { target, pushes, inputs, tries }
}

function run(plan: ImportPlan, target: ImportTarget, clock: { now: number } = { now: 0 }) {
  const wait = async (ms: number) => {
    clock.now += ms
  }
  return runImport(plan, {
    principal: importer('harbour'),
    device,
    target,
    now: () => clock.now,
    wait,
    patienceMs: 1_000,
  })
}

const inTurn = (count: number) => Array.from({ length: count }, (_, at) => at)

describe('an import', () => {
  it('keeps the order of every stream and at most 200 commands in a push', async () => {
    const { target, pushes, inputs } = createTarget()
    const { result } = await run(planOf(593, 40, 1, 7, 300), target)
    expect(inputs.get('order/0')).toEqual(inTurn(593))
    expect(inputs.get('order/4')).toEqual(inTurn(300))
    expect(Math.max(...pushes.map((push) => push.length))).toBeLessThanOrEqual(200)
    expect(result).toEqual({
      lines: 941,
      commands: 941,
      accepted: 941,
      duplicates: 0,
      refused: {},
      dirty: {},
      streams: 5,
      events: 941,
      seconds: 0,
    })
  })

  it('lets every command stand on the one before it, at the version that is known', async () => {
    const { target } = createTarget()
    const bases: unknown[] = []
    const push: ImportTarget['push'] = (principal, of, commands) => {
      bases.push(...commands.map(({ base }) => base))
      return target.push(principal, of, commands)
    }
    const plan = planOf(30)
    await run(plan, { ...target, push })
    const after = [null, ...plan.commands.map(({ id }) => id)]
    expect(bases).toEqual(inTurn(30).map((at) => ({ version: at < 20 ? 0 : 20, after: after[at] })))
  })

  it('run again finds only duplicates and writes nothing', async () => {
    const { target } = createTarget()
    await run(planOf(30, 5), target)
    expect((await run(planOf(30, 5), target)).result).toMatchObject({
      accepted: 0,
      duplicates: 35,
      events: 0,
      streams: 0,
    })
  })

  it('that was broken off goes on where it stopped', async () => {
    const { target } = createTarget()
    await run(planOf(30), target)
    expect((await run(planOf(50, 5), target)).result).toMatchObject({
      accepted: 25,
      duplicates: 30,
      events: 25,
      streams: 2,
    })
  })

  it('asks again for what cannot be taken now, in the same order', async () => {
    const { target, inputs } = createTarget((command, tries) =>
      (command.input as { at: number }).at === 4 && tries < 3 ? retry('unavailable') : undefined,
    )
    const { result } = await run(planOf(25, 2), target)
    expect(result).toMatchObject({ accepted: 27, events: 27, refused: {} })
    expect(inputs.get('order/0')).toEqual(inTurn(25))
  })

  it('counts a command as its own when only the answer was lost', async () => {
    const { target } = createTarget()
    let lost = false
    const push: ImportTarget['push'] = async (...call) => {
      const answers = await target.push(...call)
      if (lost) return answers
      lost = true
      throw new Error('connection reset')
    }
    expect((await run(planOf(10), { ...target, push })).result).toMatchObject({ accepted: 10, duplicates: 0 })
  })

  it('goes on behind a refused command, standing on the last accepted one', async () => {
    const { target, inputs } = createTarget((command) =>
      (command.input as { at: number }).at === 3 ? { kind: 'refused', code: 'not_open', params: {} } : undefined,
    )
    const { result, refused } = await run(planOf(6, 2), target)
    expect(result).toMatchObject({ accepted: 7, refused: { not_open: 1 }, events: 7 })
    expect(inputs.get('order/0')).toEqual([0, 1, 2, 4, 5])
    expect(refused).toEqual([{ type: 'order.addLine', reason: 'not_open', lines: [3] }])
  })

  it.each<[PushAnswer, string]>([
    [{ kind: 'invalid', reason: 'command_reused', issues: [] }, 'command_reused'],
    [{ kind: 'conflict', current: 3, theirs: [] }, 'conflict'],
    [{ kind: 'forbidden' }, 'forbidden'],
  ])('reports %j as refused', async (answer, reason) => {
    const { target } = createTarget(() => answer)
    expect((await run(planOf(2), target)).result).toMatchObject({ accepted: 0, refused: { [reason]: 2 } })
  })

  it('that is told to stop ends after the pushes in flight, and the next one goes on', async () => {
    const { target, pushes } = createTarget()
    const stopping = new AbortController()
    const push: ImportTarget['push'] = (...call) => {
      stopping.abort()
      return target.push(...call)
    }
    const plan = planOf(...Array.from({ length: 300 }, () => 20))
    const options = { principal: importer('harbour'), device, signal: stopping.signal }
    await expect(runImport(plan, { ...options, target: { ...target, push } })).rejects.toThrow(ImportStopped)
    const taken = pushes.flat().length
    expect(taken).toBeLessThan(3_000)
    expect((await run(plan, target)).result).toMatchObject({ duplicates: taken, events: 6_000 - taken })
  })

  it('lets a long stream wait for no other', async () => {
    const { target, pushes } = createTarget()
    await run(planOf(1, 2, 593, 3), target)
    expect(
      pushes.filter((push) => push.includes('order/2') && push.length > 93).every((push) => new Set(push).size === 1),
    ).toBe(true)
    expect(pushes[0]?.[0]).toBe('order/2')
  })

  it('gives up in one sentence when nothing is taken for too long', async () => {
    const { target } = createTarget(() => retry('unavailable'))
    await expect(run(planOf(3), target)).rejects.toThrow(ImportStalled)
  })

  it('passes an outage on when it lasts too long', async () => {
    const { target } = createTarget()
    const failing: ImportTarget = { ...target, results: () => Promise.reject(new Error('database is gone')) }
    await expect(run(planOf(3), failing)).rejects.toThrow('database is gone')
  })
})

import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Json } from '@tidemark/core'
import { UsageError } from '../errors.ts'
import { EXIT } from '../exit-code.ts'
import {
  DECISION_ARGS,
  EVENT_ARGS,
  FILTER_ARGS,
  parkedCommand,
  toChosen,
  toDecision,
  toOutcome,
} from '../parked-command.ts'
import { toCount } from '../store-command.ts'

const CHOICE_ARGS = {
  ...FILTER_ARGS,
  ...DECISION_ARGS,
  all: { type: 'boolean', default: false, description: 'all of them' },
} as const

/** `tidemark parked retry` */
export const parkedRetryCommand = parkedCommand({
  name: 'retry',
  description: 'Try the parked events of every key that has one of the chosen, in order; what fails again stays.',
  args: CHOICE_ARGS,
  run: async ({ args, parked, io }) => toOutcome(await parked.retry(toChosen(args), toDecision(args, io.variables))),
})

/** `tidemark parked discard` */
export const parkedDiscardCommand = parkedCommand({
  name: 'discard',
  description: 'Leave out, for good, all parked events of every key that has one of the chosen.',
  args: CHOICE_ARGS,
  run: async ({ args, parked, io }) => toOutcome(await parked.discard(toChosen(args), toDecision(args, io.variables))),
})

/** `tidemark parked skip TENANT PROJECTION POSITION` */
export const parkedSkipCommand = parkedCommand({
  name: 'skip',
  description: 'Leave one event out of a projection, for good, and try those behind it.',
  args: { ...EVENT_ARGS, ...DECISION_ARGS },
  async run({ args, parked, io }) {
    const { tenant, projection } = args
    const id = { tenant, projection, position: toCount('position', args.position, 1) }
    return toOutcome(await parked.skip(id, toDecision(args, io.variables)))
  },
})

/** `tidemark parked edit TENANT PROJECTION POSITION` */
export const parkedEditCommand = parkedCommand({
  name: 'edit',
  description: 'Let one event say something else to a projection, for good, and try it; the log stays as it is.',
  args: {
    ...EVENT_ARGS,
    data: { type: 'string', description: 'what it is to say, as JSON' },
    file: { type: 'string', description: 'a file that holds it' },
    schema: { type: 'string', description: "schema version of it; default: the event's own" },
    ...DECISION_ARGS,
  },
  async run({ args, parked, io }) {
    const { tenant, projection, schema } = args
    const id = { tenant, projection, position: toCount('position', args.position, 1) }
    const edit = {
      data: await readData(args, io.directory),
      ...(schema === undefined ? {} : { schema: toCount('schema', schema, 1) }),
    }
    const answer = await parked.edit(id, edit, toDecision(args, io.variables))
    if (answer.kind !== 'unstorable') return toOutcome(answer)
    const where = answer.issue.path === '' ? 'The data' : `What is at ${answer.issue.path}`
    return {
      exit: EXIT.usage,
      json: { ...answer },
      text: `${where} cannot be stored (${answer.issue.code}): nothing was done.`,
    }
  },
})

async function readData(
  { data, file }: { readonly data?: string | undefined; readonly file?: string | undefined },
  directory: string,
): Promise<Json> {
  if ((data === undefined) === (file === undefined)) {
    throw new UsageError(
      'What is the event to say? Give --data JSON or --file FILE; `tidemark parked show` has what it says now.',
    )
  }
  const text = data ?? (await readFile(resolve(directory, file ?? ''), 'utf8'))
  try {
    return JSON.parse(text) as Json
  } catch (error) {
    throw new UsageError(`The data is not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
}

import { parkedAdvice } from '@tidemark/projections'
import { EXIT } from '../exit-code.ts'
import { EVENT_ARGS, parkedCommand } from '../parked-command.ts'
import { toCount } from '../store-command.ts'
import { describeEntry } from './parked-list.ts'

/** `tidemark parked show TENANT PROJECTION POSITION` */
export const parkedShowCommand = parkedCommand({
  name: 'show',
  description: 'Show one parked event with its payload and what is wrong with it.',
  args: EVENT_ARGS,
  async run({ args: { tenant, projection, position }, parked }) {
    const found = await parked.show({ tenant, projection, position: toCount('position', position, 1) })
    if (found.kind === 'nothing') {
      return { exit: EXIT.found, json: { kind: 'nothing' }, text: 'Nothing is parked there.' }
    }
    const { entry, event } = found
    const payload =
      event === undefined
        ? 'The log does not hold the event any more.'
        : `schema ${event.schema}, by ${event.principal}, ${event.recordedAt}\n${JSON.stringify(event.data, null, 2)}`
    const advice = parkedAdvice(entry.reason) ?? null
    const what = `event ${entry.eventId} of ${entry.stream}, parked ${entry.parkedAt}`
    return {
      exit: EXIT.ok,
      json: { kind: 'parked-event', entry, advice, event: event ?? null },
      text: [describeEntry(entry), ...(advice === null ? [] : [advice]), what, payload].join('\n'),
    }
  },
})

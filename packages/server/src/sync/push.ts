import {
  pushedCommand,
  pushRequest,
  validate,
  WIRE_LIMITS,
  type Principal,
  type PushAnswer,
  type PushedCommand,
  type PushReply,
} from '@tidemark/core'
import * as z from 'zod/mini'
import { invalid } from '../pipeline/answers.ts'
import type { Pipeline } from '../pipeline/create-pipeline.ts'

/** The push around its commands, which are judged one by one: a malformed one must not fail its neighbours. */
export const pushEnvelope = z.object({
  device: pushRequest.shape.device,
  unsent: pushRequest.shape.unsent,
  commands: z.array(z.unknown()).check(z.maxLength(WIRE_LIMITS.commandsPerPush)),
})
export type PushEnvelope = z.infer<typeof pushEnvelope>

const MAX_ID_LENGTH = 200

/** Commands that are still only on the device, now that these are answered; `undefined` where it says nothing of others. */
export function unsentAfter({ unsent }: PushEnvelope, { answers }: Pick<Answers, 'answers'>): number | undefined {
  return unsent === undefined ? undefined : unsent + answers.filter(({ answer }) => !isStored(answer)).length
}

function isStored({ kind }: PushAnswer): boolean {
  return kind === 'accepted' || kind === 'refused'
}

type Answers = Extract<PushReply, { kind: 'answers' }>

export async function answerPush(
  pipeline: Pipeline,
  principal: Principal,
  envelope: PushEnvelope,
  now: () => number,
): Promise<Answers> {
  const malformed = new Map<number, PushAnswer>()
  const commands: PushedCommand[] = []
  for (const [index, command] of envelope.commands.entries()) {
    const checked = validate(pushedCommand, command)
    if (checked.ok) commands.push(checked.value)
    else malformed.set(index, invalid('malformed', checked.issues))
  }
  const pushed = await pipeline.push(principal, envelope.device, commands)
  let next = 0
  return {
    kind: 'answers',
    answers: envelope.commands.map((command, index) => {
      const answer = malformed.get(index)
      return answer === undefined ? (pushed[next++] as (typeof pushed)[number]) : { id: idOf(command), answer }
    }),
    now: new Date(now()).toISOString(),
  }
}

/** The id that the sender can find its command by, as far as there is one. */
function idOf(command: unknown): string {
  const id = typeof command === 'object' && command !== null ? (command as { id?: unknown }).id : undefined
  return typeof id === 'string' ? id.slice(0, MAX_ID_LENGTH) : ''
}

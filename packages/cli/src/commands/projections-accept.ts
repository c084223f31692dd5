import { UsageError } from '../errors.ts'
import { EXIT } from '../exit-code.ts'
import { isSql, projectionsCommand } from '../projections-command.ts'

const args = {
  projection: { type: 'positional', required: true, description: 'SQL projection, for example sql:daily-orders' },
} as const

/** `tidemark projections accept sql:NAME` */
export const projectionsAcceptCommand = projectionsCommand({
  name: 'accept',
  description: 'Say that the changed code of a SQL projection writes what the code before it wrote.',
  args,
  async run({ args: { projection }, sqlTools }) {
    if (!isSql(projection)) {
      throw new UsageError(
        `Whether ${projection} is as its rows are, \`tidemark projections verify\` finds out, and accepts.`,
      )
    }
    const accepted = await sqlTools.accept(projection)
    const text =
      accepted === 0 ? 'Nothing of that name has changed: `tidemark projections list` shows what has.' : 'Accepted.'
    return { exit: accepted === 0 ? EXIT.found : EXIT.ok, json: { kind: 'accepted', versions: accepted }, text }
  },
})

import { grantAccess, type AccessKind } from '@tidemark/store'
import { EXIT } from '../exit-code.ts'
import { UsageError } from '../errors.ts'
import type { StoreCommand } from '../store-command.ts'

const args = {
  role: { type: 'positional', required: true, description: 'a role of the database server, for example depot_app' },
  kind: { type: 'positional', required: true, description: 'app, system or reader' },
} as const

const MAY: Readonly<Record<AccessKind, string>> = {
  app: 'call the store’s functions, and read the one tenant that a statement names',
  system: 'call the store’s functions, and read all tenants',
  reader: 'read the one tenant that a statement names',
}

/** `tidemark store grant ROLE KIND` */
export const grantCommand: StoreCommand<typeof args> = {
  name: 'grant',
  description:
    'Make a role of the database server an app, system or reader role of the store. What a server connects as is a member of an app and of a system role.',
  args,
  async run({ args: { role, kind }, store }) {
    if (!isKind(kind)) throw new UsageError(`"${kind}" is no kind of role: app, system and reader are.`)
    await grantAccess(store.sql(), { role, kind })
    return { exit: EXIT.ok, json: { kind: 'granted', role, as: kind }, text: `${role} may ${MAY[kind]}.` }
  },
}

function isKind(text: string): text is AccessKind {
  return Object.hasOwn(MAY, text)
}

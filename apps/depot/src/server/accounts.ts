import type { DevAccount } from '@tidemark/server'

const HARBOUR = { tenant: 'harbour', tenantName: 'Harbour Gifts' }
const MEADOW = { tenant: 'meadow', tenantName: 'Meadow Supplies' }

/** Two houses that know nothing of each other, and one person for each role. Anybody may sign in as any of them. */
export const DEMO_ACCOUNTS: readonly DevAccount[] = [
  { ...HARBOUR, user: 'ada', name: 'Ada Lindqvist', roles: ['manager'] },
  { ...HARBOUR, user: 'ben', name: 'Ben Okafor', roles: ['clerk'] },
  { ...HARBOUR, user: 'cleo', name: 'Cleo Marchetti', roles: ['picker'] },
  { ...MEADOW, user: 'dora', name: 'Dora Whitfield', roles: ['manager'] },
  { ...MEADOW, user: 'emil', name: 'Emil Novak', roles: ['clerk'] },
  { ...MEADOW, user: 'finn', name: 'Finn Gallagher', roles: ['picker'] },
]

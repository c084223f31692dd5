/**
 * Who acts. The server takes it from a verified token and from nothing else; the client knows its own for deciding
 * locally.
 */
export interface Principal {
  /** Unique inside the tenant. */
  readonly id: string
  readonly tenant: string
  readonly name: string
  readonly roles: readonly string[]
}

export type Allow = (principal: Principal) => boolean

/** Allows principals that have at least one of the roles. */
export function hasRole(...roles: readonly [string, ...string[]]): Allow {
  return (principal) => principal.roles.some((role) => roles.includes(role))
}

/** The scope of everything that every member of the tenant may see. */
export const TENANT_SCOPE = 'tenant'

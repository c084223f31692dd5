/**
 * The tenant of a scan, as `tenant = ${oneTenant('$1')}`: it also becomes the one that row-level security shows, for as
 * long as the statement takes. A scan needs the value before its first row, so the policy never sees another; in a lateral
 * subquery it is found anew for each outer row. A statement without it is refused to a role that reads one tenant.
 */
export function oneTenant(tenant: string): string {
  return `(select set_config('tidemark.tenant', ${tenant}, true))`
}

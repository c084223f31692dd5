/** Everybody in this bench works in one tenant, and so sees the same list. */
export const TENANT = 'bench'

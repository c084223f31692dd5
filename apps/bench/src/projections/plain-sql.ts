import postgres, { type Sql } from 'postgres'

/** One connection of the bare driver, with the cheapest settings that are known. */
export function openPlainSql(url: string): Sql {
  return postgres(url, { max: 1, fetch_types: false, onnotice: () => undefined }) as unknown as Sql
}

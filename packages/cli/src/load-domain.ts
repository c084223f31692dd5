import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Domain } from '@tidemark/core'
import { UsageError } from './errors.ts'
import type { Io } from './io.ts'

/**
 * The domain that a JavaScript module exports: its default export, or the only export that is one. Without `--domain`,
 * the module that `TIDEMARK_DOMAIN` names.
 *
 * @throws UsageError
 */
export async function loadDomain(io: Io, given: string | undefined): Promise<Domain> {
  const named = given ?? io.variables['TIDEMARK_DOMAIN']
  if (named === undefined || named === '') {
    throw new UsageError('Which domain? Name the module that exports it: --domain ./dist/domain/index.js')
  }
  const path = resolve(io.directory, named)
  if (!existsSync(path)) throw new UsageError(`There is no module ${path}: check --domain, and build it first.`)
  const exports = (await import(pathToFileURL(path).href)) as Record<string, unknown>
  const found = isDomain(exports['default']) ? [exports['default']] : Object.values(exports).filter(isDomain)
  const [domain] = found
  if (domain === undefined || found.length > 1) {
    throw new UsageError(`${path} exports ${found.length} domains: one is needed, or a default export.`)
  }
  return domain
}

function isDomain(value: unknown): value is Domain {
  const domain = value as Partial<Domain> | null | undefined
  return (
    typeof domain?.aggregateOf === 'function' && Array.isArray(domain.aggregates) && typeof domain.name === 'string'
  )
}

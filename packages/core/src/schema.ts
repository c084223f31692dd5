/**
 * Standard Schema (https://standardschema.dev): any library that implements it can describe Tidemark's data. The
 * interface is restated here so that core depends on none of them.
 */

export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

export type AnySchema = StandardSchema<unknown, unknown>
export type InputOf<S extends AnySchema> = NonNullable<S['~standard']['types']>['input']
export type OutputOf<S extends AnySchema> = NonNullable<S['~standard']['types']>['output']

/** One thing that is wrong with a value. `path` is dotted, `''` for the value itself. */
export interface ValidationIssue {
  readonly path: string
  readonly message: string
}

export type Validation<Output> =
  | { readonly ok: true; readonly value: Output }
  | { readonly ok: false; readonly issues: readonly ValidationIssue[] }

/**
 * Validates synchronously. `decide` and projections are synchronous, so a schema with asynchronous checks cannot
 * describe events, commands or rows; that is a programming error and throws.
 */
export function validate<S extends AnySchema>(schema: S, value: unknown): Validation<OutputOf<S>> {
  const result = schema['~standard'].validate(value)
  if (result instanceof Promise) {
    throw new TypeError(
      'A schema answered with a promise. Tidemark validates inside synchronous, pure functions: ' +
        'move asynchronous checks (uniqueness, look-ups) into the command pipeline or a reaction.',
    )
  }
  if (result.issues === undefined) return { ok: true, value: result.value as OutputOf<S> }
  return {
    ok: false,
    issues: result.issues.map((issue) => ({
      path: (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.'),
      message: issue.message,
    })),
  }
}

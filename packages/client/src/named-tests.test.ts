import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const here = import.meta.dirname
const root = join(here, '..', '..', '..')

/** Tests that a document names: `crash: "between any two writes"`, `e2e conflict: "keep both", "take theirs"`. */
function namedTests(document: string): { readonly file: string; readonly text: string }[] {
  const lists = /\b(e2e )?([a-z][a-z0-9-]*)(?: \(in `@tidemark\/react`\))?:? (?:all of )?((?:"[^"|;]+"(?:, )?)+)/g
  return [...document.matchAll(lists)].flatMap(([, isEndToEnd, suite = '', list = '']) => {
    const files = isEndToEnd === undefined ? testFiles(suite) : [join(root, 'e2e', 'specs', `${suite}.spec.ts`)]
    const file = files.find((each) => existsSync(each)) ?? (isEndToEnd === undefined ? undefined : files[0])
    // Words in quotes after another word are no test.
    return file === undefined ? [] : [...list.matchAll(/"([^"]+)"/g)].map(([, text = '']) => ({ file, text }))
  })
}

function testFiles(name: string): string[] {
  return [
    join(here, `${name}.test.ts`),
    join(here, 'journal', `${name}.test.ts`),
    join(root, 'packages', 'react', 'src', `${name}.test.tsx`),
  ]
}

function holds(file: string, text: string): boolean {
  return existsSync(file) && plain(readFileSync(file, 'utf8')).includes(plain(text))
}

function plain(text: string): string {
  return text.replaceAll('\u2019', "'")
}

test.each(['README.md', 'SPEC.md'])('every test that %s names is there', (name) => {
  const named = namedTests(readFileSync(join(here, '..', name), 'utf8'))
  expect(named.length).toBeGreaterThan(20)
  const missing = named.filter(({ file, text }) => !holds(file, text))
  expect(missing.map(({ file, text }) => `${file.slice(root.length + 1)}: "${text}"`)).toEqual([])
})

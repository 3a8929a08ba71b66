/** The project's own source files and what they import, for the house rules. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

export interface Source {
  /** Path from the repository's root. */
  path: string
  text: string
  /** Paths from the root of the project's files that it imports, types included. */
  files: string[]
  /** Names of the npm packages that it imports. */
  packages: string[]
}

/** Every file that is in the repository or would be. */
export function trackedFiles(): string[] {
  return execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
    .split('\n').filter((path) => path !== '' && existsSync(join(root, path)))
}

const importPattern = /(?:^|\n)\s*(?:import|export)\s+(?:type\s)?(?:[^'"`;]*?\sfrom\s+)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|import\.meta\.resolve\(\s*['"]([^'"]+)['"]\s*\)/g

export function sources(): Source[] {
  return trackedFiles().filter((path) => /\.(ts|mjs)$/.test(path)).map((path) => {
    const text = readFileSync(join(root, path), 'utf8')
    const source: Source = { path, text, files: [], packages: [] }
    for (const [, ...names] of text.matchAll(importPattern)) {
      const target = names.find((name) => name !== undefined) ?? ''
      if (target.startsWith('.')) {
        source.files.push(normalize(join(dirname(path), target)))
      } else if (!target.startsWith('node:') && !builtinModules.includes(target)) {
        source.packages.push(target.split('/').slice(0, target.startsWith('@') ? 2 : 1).join('/'))
      }
    }
    return source
  })
}

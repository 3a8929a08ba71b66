/** Checks that every package that ships has a licence that the project may ship. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './sources.ts'

/** Permissive licences: no obligation beyond naming the authors. Anything else needs a decision first. */
const allowed = new Set(['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'BlueOak-1.0.0', 'Unlicense', 'CC0-1.0', 'Python-2.0'])

/** docs/decisions/0003-licences.md: dynamically linked, unmodified, replaceable by the operator. */
const decided = new Set(['LGPL-3.0-or-later'])

/** docs/decisions/0003-licences.md: stated in the package's own text, in this version, but not in its package.json. */
const inText: Readonly<Record<string, string>> = { 'dequeue@1.0.5': 'BSD-2-Clause', 'humanize@0.0.9': 'MIT', 'precond@0.2.3': 'MIT' }

interface Locked {
  packages: Record<string, { dev?: boolean; license?: string; optional?: boolean }>
}

/** Packages that ship and whose licence is not one we may ship. */
export function badLicences(): string[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Locked
  return Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true && existsSync(join(root, path)))
    .map(([path, { license }]) => ({ path, licence: license ?? licenceInPackage(path) }))
    .filter(({ licence }) => !isFine(licence))
    .map(({ path, licence }) => `${path.replace('node_modules/', '')}: ${licence}`)
}

function licenceInPackage(path: string): string {
  const { name, version, license, licenses } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8')) as { name: string; version: string; license?: string; licenses?: { type: string }[] }
  return license ?? licenses?.map(({ type }) => type).join(' OR ') ?? inText[`${name}@${version}`] ?? 'none stated'
}

/** Of alternatives one must be fine; of licences that hold together, all. */
function isFine(expression: string): boolean {
  return expression.replaceAll(/[()]/g, '').split(' OR ').some((choice) => choice.split(' AND ').every((licence) => allowed.has(licence) || decided.has(licence)))
}

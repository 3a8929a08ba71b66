/** Reads a profile and says, with line and column, everything that is wrong with it. */
import { readFile } from 'node:fs/promises'
import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import { driverNames, loadDriver } from '../drivers/catalog.ts'
import { ConfigError, describe } from '../edge/base/error.ts'
import { type Mistake, mistakes } from '../edge/base/schema.ts'
import { type LoadedPart, Profile } from './profile.ts'
import { referenceMistakes } from './references.ts'

export interface ProfileMistake {
  line: number
  column: number
  /** One plain sentence. */
  says: string
}

export interface LoadedProfile {
  profile: Profile
  parts: ReadonlyMap<string, LoadedPart>
}

/** A profile is at most this long. */
const sizeMax = 256 * 1024
/** How often YAML aliases may be expanded: few people need them, and they can be a bomb. */
const aliasMax = 50

/** @throws ConfigError (PC-PROFILE-READ, PC-PROFILE-INVALID); the latter names the first mistake. */
export async function loadProfile(file: string): Promise<LoadedProfile> {
  const { loaded, mistakes: [first] } = await checkProfile(await readProfile(file))
  if (loaded !== undefined && first === undefined) return loaded
  const where = first === undefined ? '' : `:${first.line}:${first.column}`
  throw new ConfigError('PC-PROFILE-INVALID', `${file}${where}: ${first?.says ?? 'This is no profile.'}`)
}

/** @throws ConfigError (PC-PROFILE-READ). */
export async function readProfile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new ConfigError('PC-PROFILE-READ', `The profile ${file} cannot be read.`, { cause })
  }
}

/** All mistakes of a profile, in the order in which they stand in the text. */
export async function checkProfile(text: string): Promise<{ loaded?: LoadedProfile; mistakes: ProfileMistake[] }> {
  if (text.length > sizeMax) return { mistakes: [{ line: 1, column: 1, says: `A profile has at most ${sizeMax / 1024} KiB.` }] }
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const syntax = document.errors.map((error) => ({ ...position(lines, error.pos[0]), says: sentence(error.message) }))
  if (syntax.length > 0) return { mistakes: syntax }
  const value = toValue(document)
  const found: Mistake[] = mistakes(Profile, value)
  const parts = new Map<string, LoadedPart>()
  for (const [name, part] of Object.entries(sectionOf(value, 'parts'))) {
    found.push(...await loadPart(name, part, parts))
  }
  if (found.length === 0) found.push(...referenceMistakes(value as Profile, parts))
  const placed = found
    .map(({ path, text }) => ({ ...position(lines, offsetOf(document, path)), says: sentence(`${path.length === 0 ? '' : `${path.join('.')}: `}${text}`) }))
    .sort((a, b) => a.line - b.line || a.column - b.column)
  return placed.length > 0 ? { mistakes: placed } : { loaded: { profile: value as Profile, parts }, mistakes: [] }
}

/** Checks a part's options against its driver's own schema; a good part is added to `parts`. */
async function loadPart(name: string, part: unknown, parts: Map<string, LoadedPart>): Promise<Mistake[]> {
  if (part === null || typeof part !== 'object') return []
  const { use, ...options } = part as Record<string, unknown>
  if (typeof use !== 'string') return []
  if (!driverNames.includes(use)) {
    return [{ path: ['parts', name, 'use'], text: `there is no driver named ${use}; there are ${driverNames.join(', ')}` }]
  }
  try {
    const driver = await loadDriver(use)
    const wrong = mistakes(driver.options, options).map((mistake) => ({ ...mistake, path: ['parts', name, ...mistake.path] }))
    if (wrong.length === 0) parts.set(name, { driver, options })
    return wrong
  } catch (error) {
    return [{ path: ['parts', name, 'use'], text: `its driver cannot be loaded: ${describe(error).message}` }]
  }
}

function toValue(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: aliasMax })
  } catch {
    return undefined
  }
}

function sectionOf(value: unknown, name: string): Record<string, unknown> {
  const section = value !== null && typeof value === 'object' ? (value as Record<string, unknown>)[name] : undefined
  return section !== null && typeof section === 'object' ? (section as Record<string, unknown>) : {}
}

/** Where the thing at `path` stands, or the nearest that is there when it is missing. */
function offsetOf(document: Document, path: readonly string[]): number {
  let node: unknown = document.contents
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === step)
      if (pair === undefined) break
      offset = isNode(pair.key) ? (pair.key.range?.[0] ?? offset) : offset
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(step)]
      offset = isNode(node) ? (node.range?.[0] ?? offset) : offset
    } else break
  }
  return offset
}

function position(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(1, line), column: Math.max(1, col) }
}

const sentence = (text: string): string => (text.endsWith('.') ? text : `${text}.`)

/** Reads a profile and says, with line and column, everything that is wrong with it. */
import { readFile } from 'node:fs/promises'
import { type Document, isMap, isNode, isScalar, isSeq, parseDocument, visit, type YAMLError } from 'yaml'
import { driverNames, loadDriver } from '../drivers/catalog.ts'
import { ConfigError, describe } from '../edge/base/error.ts'
import { type Mistake, mistakes } from '../edge/base/schema.ts'
import { type IgvProfile, type LoadedPart, partNamePattern, type Profile, profileKinds, takenNames } from './profile.ts'
import { referenceMistakes } from './references.ts'

export interface ProfileMistake {
  line: number
  column: number
  /** One plain sentence. */
  says: string
}

export interface LoadedProfile<P extends Profile = Profile> {
  profile: P
  parts: ReadonlyMap<string, LoadedPart>
}

/** A profile is at most this long. */
const sizeMax = 256 * 1024
/** How often YAML aliases may be expanded: few people need them, and they can be a bomb. */
const aliasMax = 50
/** Nobody corrects more at a time, and one slip can make a thousand syntax errors. */
const mistakesMax = 50
const partName = new RegExp(partNamePattern)

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

/** The mistakes of a profile, at most 50 at a time, in the order in which they stand in the text. */
export async function checkProfile(text: string): Promise<{ loaded?: LoadedProfile; mistakes: ProfileMistake[] }> {
  if (text.length > sizeMax) return { mistakes: [{ line: 1, column: 1, says: `A profile has at most ${sizeMax / 1024} KiB.` }] }
  const document = parseYaml(text)
  if (document === undefined) return { mistakes: [{ line: 1, column: 1, says: 'This text is nested too deeply.' }] }
  const syntax = document.errors.map((error) => ({ ...position(text, error.pos[0]), says: syntaxMistake(error) }))
  if (syntax.length > 0) return { mistakes: syntax.slice(0, mistakesMax) }
  const value = toValue(document)
  if (value === unexpandable) return { mistakes: [{ ...position(text, firstAlias(document)), says: `An alias (*name) is not defined, or aliases are expanded more than ${aliasMax} times.` }] }
  if (!isMap(document.contents)) return { mistakes: [{ line: 1, column: 1, says: 'A profile is a map with the sections device, parts, journal and those of its kind of device.' }] }
  const { loaded, mistakes: found } = await checkValue(value)
  const placed = found
    .map((mistake) => ({ ...position(text, offsetOf(document, mistake.path)), says: inWords(mistake) }))
    .sort((a, b) => a.line - b.line || a.column - b.column)
    .slice(0, mistakesMax)
  return { ...(loaded === undefined ? {} : { loaded }), mistakes: placed }
}

/** Checks a whole profile that is a value already, and fills in its defaults. */
export async function checkValue(value: unknown): Promise<{ loaded?: LoadedProfile; mistakes: Mistake[] }> {
  const found: Mistake[] = ofItsKind(value)
  const parts = new Map<string, LoadedPart>()
  for (const [name, part] of Object.entries(sectionOf(value, 'parts'))) {
    found.push(...await loadPart(name, part, parts))
  }
  if (found.length === 0) found.push(...referenceMistakes(value as Profile, parts))
  if (found.length === 0 && 'obstacles' in (value as Profile)) {
    // A gate has no use for what draws fields.
    const { protectionMistakes } = await import('./protection.ts')
    found.push(...protectionMistakes((value as IgvProfile).obstacles))
  }
  return found.length > 0 ? { mistakes: found } : { loaded: { profile: value as Profile, parts }, mistakes: [] }
}

export const inWords = ({ path, text }: Mistake): string => sentence(`${path.length === 0 ? '' : `${path.join('.')}: `}${text}`)

/** Checks against the schema of the kind of device that the profile says; of an e-Gate while it says none. */
function ofItsKind(value: unknown): Mistake[] {
  const { kind = 'egate' } = sectionOf(value, 'device')
  if (typeof kind === 'string' && Object.hasOwn(profileKinds, kind)) return mistakes(profileKinds[kind as keyof typeof profileKinds], value)
  return [{ path: ['device', 'kind'], text: `it must be one of ${Object.keys(profileKinds).join(', ')}` }]
}

/** Checks a part's options against its driver's own schema; a good part is added to `parts`. */
async function loadPart(name: string, part: unknown, parts: Map<string, LoadedPart>): Promise<Mistake[]> {
  if (!partName.test(name)) return [{ path: ['parts', name], text: 'the name of a part begins with a small letter and has up to 32 letters, digits and dashes' }]
  if (takenNames.has(name)) return [{ path: ['parts', name], text: 'a component of the runtime has this name: choose another' }]
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

/** `undefined` when the text is nested more deeply than the parser can follow. */
function parseYaml(text: string): Document | undefined {
  try {
    return parseDocument(text, { prettyErrors: false, logLevel: 'error' })
  } catch {
    return undefined
  }
}

/** The parser's own words suit people who write profiles, but for these. */
function syntaxMistake({ code, message }: YAMLError): string {
  if (code === 'MULTIPLE_DOCS') return 'A profile is one document: another one begins here.'
  return message.includes('call stack') ? 'This text is nested too deeply.' : sentence(message)
}

const unexpandable = Symbol('unexpandable')

function toValue(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: aliasMax })
  } catch {
    return unexpandable
  }
}

function firstAlias(document: Document): number {
  let offset = 0
  visit(document, {
    Alias(_, { range }) {
      offset = range?.[0] ?? 0
      return visit.BREAK
    },
  })
  return offset
}

function sectionOf(value: unknown, name: string): Record<string, unknown> {
  const section = value !== null && typeof value === 'object' ? (value as Record<string, unknown>)[name] : undefined
  return section !== null && typeof section === 'object' && !Array.isArray(section) ? (section as Record<string, unknown>) : {}
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

/** Counted from 1, as editors do. */
function position(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset)
  const line = before.split('\n').length
  return { line, column: before.length - before.lastIndexOf('\n') }
}

const sentence = (text: string): string => (text.endsWith('.') ? text : `${text}.`)

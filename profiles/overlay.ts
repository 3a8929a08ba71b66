/** The overlay of settings that were changed at the device, and the profile that comes of both. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe } from '../edge/base/error.ts'
import type { TSchema } from '../edge/base/schema.ts'
import { SafetyInput } from '../edge/device/capabilities.ts'
import { emptyOverlay, readOverlay, withChanges } from '../edge/service/overlay.ts'
import type { OverlayAtStart, SettingsRules } from '../edge/service/settings.ts'
import { checkValue, inWords, type LoadedProfile } from './load.ts'
import { type LoadedPart, PartSection, profileKinds } from './profile.ts'

export const overlayFile = (state: string): string => join(state, 'overlay.json')

/** The profile with what was changed at the device; an overlay that cannot be read or does not fit is left aside, and said. */
export async function withOverlay(loaded: LoadedProfile, state: string): Promise<{ loaded: LoadedProfile; start: OverlayAtStart }> {
  const start = await readStart(overlayFile(state))
  if (start.aside !== undefined || start.overlay.changes.length === 0) return { loaded, start }
  const whole = withChanges(loaded.profile, start.overlay.changes)
  const { loaded: changed, mistakes: [first] } = await checkValue(whole)
  if (changed !== undefined && first === undefined) return { loaded: changed, start }
  const why = first === undefined || whole === undefined ? 'There is no place in the profile for a change.' : inWords(first)
  return { loaded, start: { ...start, aside: { code: 'PC-SETTINGS-UNFIT', says: `The settings that were changed at the device do not fit the profile any more, which is used alone: ${why}` } } }
}

async function readStart(file: string): Promise<OverlayAtStart> {
  try {
    return { overlay: readOverlay(await readFile(file)) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { overlay: emptyOverlay() }
    const { code, message } = describe(error)
    return { overlay: emptyOverlay(), aside: { code, says: message } }
  }
}

/** The profile as people see it: with every default of every part. */
export function wholeProfile({ profile, parts }: LoadedProfile): unknown {
  const whole = [...parts].map(([name, { driver, options }]) => [name, { use: driver.name, ...options }] as const)
  return { ...profile, parts: Object.fromEntries(whole) }
}

/** What the settings must know of profiles. */
export function settingsRules({ profile, parts }: LoadedProfile): SettingsRules {
  const schemaOf = (path: readonly string[]): TSchema | undefined => {
    const [section, name, ...rest] = path
    const part = section === 'parts' && name !== undefined ? parts.get(name) : undefined
    if (section !== 'parts' || name === undefined) return stepInto(profileKinds[profile.device.kind], path)
    return part === undefined ? undefined : stepInto(partSchema(part), rest)
  }
  return {
    schemaOf: (path) => schemaOf(path) as Readonly<Record<string, unknown>> | undefined,
    isGuarded: (path) => holdsSecret(schemaOf(path)) || (path[0] === 'parts' && parts.get(path[1] ?? '')?.driver.contract.name === SafetyInput.name),
    async check(value) {
      const [first] = (await checkValue(structuredClone(value))).mistakes
      return first === undefined ? undefined : inWords(first)
    },
  }
}

/** The parts over whose wire a secret may go. */
export function secretiveParts(parts: ReadonlyMap<string, LoadedPart>): ReadonlySet<string> {
  return new Set([...parts].filter(([, { driver, options }]) =>
    Object.keys(options).some((option) => options[option] !== undefined && holdsSecret(stepInto(driver.options, [option])))).map(([name]) => name))
}

type SchemaNode = TSchema & {
  'properties'?: Record<string, TSchema>
  'patternProperties'?: Record<string, TSchema>
  'additionalProperties'?: TSchema | boolean
  'items'?: TSchema
  'x-secret'?: boolean
}

/** A part's driver is named beside its options. */
function partSchema({ driver }: LoadedPart): TSchema {
  const { properties } = driver.options as SchemaNode
  return { ...driver.options, properties: { ...PartSection.properties, ...properties }, description: driver.says }
}

function stepInto(schema: TSchema, path: readonly string[]): TSchema | undefined {
  let here: SchemaNode | undefined = schema
  for (const step of path) {
    if (here === undefined) return undefined
    here = next(here, step)
  }
  return here
}

function next({ properties, patternProperties, additionalProperties, items }: SchemaNode, step: string): TSchema | undefined {
  if (properties !== undefined && Object.hasOwn(properties, step)) return properties[step]
  if (items !== undefined && /^\d{1,4}$/.test(step)) return items
  const byPattern = Object.entries(patternProperties ?? {}).find(([pattern]) => new RegExp(pattern).test(step))
  if (byPattern !== undefined) return byPattern[1]
  return typeof additionalProperties === 'object' ? additionalProperties : undefined
}

function holdsSecret(schema: TSchema | undefined): boolean {
  if (schema === undefined) return false
  const { 'x-secret': isSecret, properties = {} } = schema as SchemaNode
  return isSecret === true || Object.values(properties).some(holdsSecret)
}

/** Whether the parts of a profile fit together: every name leads to a part that keeps the right contract. */
import {
  Barrier, Camera, CodeReader, DocumentReader, FingerprintScanner, Indicator, Lidar, PresenceSensor, SafetyInput,
} from '../edge/device/capabilities.ts'
import type { Contract } from '../edge/device/contract.ts'
import type { Mistake, TSchema } from '../edge/base/schema.ts'
import type { EgateProfile, IgvProfile, LoadedPart, Profile } from './profile.ts'

type GateUse = EgateProfile['gate']['use']

/** What a part must be to do its work for the gate. */
const needed: Record<keyof GateUse, Contract> = {
  reader: DocumentReader, codes: CodeReader, camera: Camera, finger: FingerprintScanner,
  entry: Barrier, exit: Barrier, front: PresenceSensor, inside: PresenceSensor, behind: PresenceSensor,
  lampEntry: Indicator, lampExit: Indicator, fire: SafetyInput, power: SafetyInput,
}

/** Of these roles no part may have two: a mantrap with one door for both is none. */
const apart: readonly (readonly (keyof GateUse)[])[] = [['entry', 'exit'], ['front', 'inside', 'behind'], ['fire', 'power']]

export function referenceMistakes(profile: Profile, parts: ReadonlyMap<string, LoadedPart>): Mistake[] {
  const ofItsKind = profile.device.kind === 'egate' ? ofTheGate(profile as EgateProfile, parts) : ofTheObstacles(profile as IgvProfile, parts)
  return [...betweenParts(parts), ...ofItsKind, ...ofTheAccess(profile, parts), ...ofTheTimeZone(profile)]
}

function ofTheAccess({ access: { tamper, authority }, uplink }: Profile, parts: ReadonlyMap<string, LoadedPart>): Mistake[] {
  if (tamper === undefined) return []
  const found = wrongPart(parts, tamper, SafetyInput.name, ['access', 'tamper'])
  if ((authority ?? uplink?.authority) !== undefined) return found
  return [...found, { path: ['access'], text: '"authority" is missing: once the housing was opened, only its answer lets anybody in again' }]
}

/** The names of the parts that a part's options refer to. */
export function partsNamedBy({ driver, options }: LoadedPart): { option: string; name: string; contract: string }[] {
  const properties = (driver.options as TSchema & { properties?: Record<string, Record<string, unknown>> }).properties ?? {}
  return Object.entries(properties).flatMap(([option, schema]) => {
    const contract = schema['x-part']
    const name = options[option]
    return typeof contract === 'string' && typeof name === 'string' ? [{ option, name, contract }] : []
  })
}

function betweenParts(parts: ReadonlyMap<string, LoadedPart>): Mistake[] {
  return [...parts].flatMap(([owner, part]) =>
    partsNamedBy(part).flatMap(({ option, name, contract }) => wrongPart(parts, name, contract, ['parts', owner, option])))
}

function ofTheGate({ gate }: EgateProfile, parts: ReadonlyMap<string, LoadedPart>): Mistake[] {
  const found = Object.entries(gate.use).flatMap(([role, name]) =>
    wrongPart(parts, name, needed[role as keyof GateUse].name, ['gate', 'use', role]))
  const need = (role: keyof GateUse, why: string): void => {
    if (gate.use[role] === undefined) found.push({ path: ['gate', 'use'], text: `"${role}" is missing: ${why}` })
  }
  for (const role of takenTwice(gate.use)) found.push({ path: ['gate', 'use', role], text: `${gate.use[role]} has another place at the gate already` })
  if (gate.layout === 'mantrap') {
    need('entry', 'a mantrap has two doors')
    need('inside', 'a mantrap must see who is in it')
  }
  if (gate.layout === 'single' && gate.presence !== 'none') need('front', 'the gate must see who stands before it')
  need('fire', 'people must get out in a fire')
  if (gate.policy.finger !== 'never') need('finger', `the policy asks for a fingerprint (${gate.policy.finger})`)
  return found
}

function ofTheObstacles({ obstacles: { sources, camera } }: IgvProfile, parts: ReadonlyMap<string, LoadedPart>): Mistake[] {
  const found = Object.keys(sources).flatMap((name) => wrongPart(parts, name, Lidar.name, ['obstacles', 'sources', name]))
  for (const [name, part] of parts) {
    // The sources live in a thread of their own, where no other part is.
    const named = name in sources ? partsNamedBy(part)[0] : undefined
    if (named !== undefined) found.push({ path: ['parts', name, named.option], text: `${name} is a source of obstacles and cannot use another part` })
    if (part.driver.contract.name === Lidar.name && !(name in sources)) found.push({ path: ['parts', name], text: `${name} is a lidar that no source of obstacles uses` })
  }
  if (camera !== undefined) found.push(...wrongPart(parts, camera.use, Camera.name, ['obstacles', 'camera', 'use']))
  return found
}

const takenTwice = (use: GateUse): (keyof GateUse)[] => apart.flatMap((roles) =>
  roles.filter((role, at) => use[role] !== undefined && roles.slice(0, at).some((other) => use[other] === use[role])))

/** The days of a document's validity are counted in it: one that this computer does not know would refuse everybody. */
function ofTheTimeZone({ device: { timeZone } }: Profile): Mistake[] {
  try {
    Intl.DateTimeFormat('en', { timeZone })
    return []
  } catch {
    return [{ path: ['device', 'timeZone'], text: `there is no time zone ${timeZone}` }]
  }
}

function wrongPart(parts: ReadonlyMap<string, LoadedPart>, name: string, contract: string, path: string[]): Mistake[] {
  const part = parts.get(name)
  if (part === undefined) return [{ path, text: `there is no part named ${name}` }]
  if (part.driver.contract.name === contract) return []
  return [{ path, text: `${name} is of the kind ${part.driver.contract.name}, and ${contract} is needed` }]
}

/** The components that do the gate's work, and the inputs that they give its machine. */
import type {
  Barrier, Camera, CodeReader, DocumentReader, FingerprintScanner, Indicator, PresenceSensor, SafetyInput,
} from '../device/capabilities.ts'
import type { Component, ComponentOf } from '../device/component.ts'
import type { Health } from '../device/contract.ts'
import type { DoorName, Input, Part, Zone } from './input.ts'

/** By what each is to the gate, as a profile's `gate.use` names them. */
export interface GateParts {
  reader: ComponentOf<typeof DocumentReader>
  codes?: ComponentOf<typeof CodeReader>
  camera: ComponentOf<typeof Camera>
  finger?: ComponentOf<typeof FingerprintScanner>
  entry?: ComponentOf<typeof Barrier>
  exit: ComponentOf<typeof Barrier>
  front?: ComponentOf<typeof PresenceSensor>
  inside?: ComponentOf<typeof PresenceSensor>
  behind?: ComponentOf<typeof PresenceSensor>
  lampEntry?: ComponentOf<typeof Indicator>
  lampExit?: ComponentOf<typeof Indicator>
  fire?: ComponentOf<typeof SafetyInput>
  power?: ComponentOf<typeof SafetyInput>
}

/** The name of each, by what it is to the gate. */
export const namesOf = (parts: GateParts): Record<string, string> =>
  Object.fromEntries((Object.entries(parts) as [string, { name: string } | undefined][]).flatMap(([role, component]) => (component === undefined ? [] : [[role, component.name]])))

type Feed = (input: Input) => void

/** Feeds what each part says now, and everything it says from now on. Returns what ends that. */
export function listenToParts(parts: GateParts, layout: 'mantrap' | 'single', feed: Feed): () => void {
  const front: Zone = layout === 'single' ? 'front' : 'entry'
  // Doors and emergencies first: by the time that the gate could wait for travellers, it knows both.
  const ends = [
    ...(parts.entry === undefined ? [] : door(parts.entry, 'entry', feed)),
    ...door(parts.exit, 'exit', feed),
    ...safety(parts.fire, 'fire', feed),
    ...safety(parts.power, 'power', feed),
    ...presence([[parts.front, front], [parts.inside, 'inside'], [parts.behind, 'exit']], feed),
    usable(parts.reader, 'reader', feed),
    usable(parts.camera, 'camera', feed),
    ...(parts.finger === undefined ? [] : [usable(parts.finger, 'finger', feed)]),
  ]
  return () => {
    for (const end of ends) end()
  }
}

const works = ({ status }: Health): boolean => status === 'ready' || status === 'degraded'

function usable(component: Component, part: Part, feed: Feed): () => void {
  const tell = (health: Health): void =>
    feed({ kind: 'part', part, usable: works(health), ...(health.code === undefined ? {} : { reason: health.code }) })
  tell(component.health)
  return component.onChange('health', tell)
}

function door(barrier: ComponentOf<typeof Barrier>, name: DoorName, feed: Feed): (() => void)[] {
  const tellState = (): void => feed({ kind: 'door', door: name, state: barrier.read('state') ?? 'unknown' })
  let passed = barrier.read('passed')
  const ends = [
    usable(barrier, name, feed),
    barrier.onChange('health', (health) => {
      if (works(health)) tellState()
      else feed({ kind: 'doorLost', door: name })
    }),
    barrier.onChange('state', tellState),
    barrier.onChange('passed', (count) => {
      // A count that begins anew, or is heard for the first time, says nothing about a passage.
      const more = passed === undefined ? 0 : count - passed
      for (let told = 0; told < more && more < 10; told++) feed({ kind: 'passed', door: name })
      passed = count
    }),
    barrier.onEvent('forced', () => feed({ kind: 'forced', door: name })),
  ]
  if (works(barrier.health)) tellState()
  return ends
}

/** The gate relies on all of its presence sensors together: with one lost, it believes none. */
function presence(sensors: [ComponentOf<typeof PresenceSensor> | undefined, Zone][], feed: Feed): (() => void)[] {
  const fitted = sensors.flatMap(([sensor, zone]) => (sensor === undefined ? [] : [{ sensor, zone }]))
  if (fitted.length === 0) return []
  const tell = ({ sensor, zone }: (typeof fitted)[number]): void => {
    const count = works(sensor.health) ? sensor.read('count') : undefined
    feed(count === undefined ? { kind: 'presenceLost', zone } : { kind: 'presence', zone, count })
  }
  const tellAll = (): void => {
    const broken = fitted.find(({ sensor }) => !works(sensor.health))
    feed({ kind: 'part', part: 'presence', usable: broken === undefined, ...(broken?.sensor.health.code === undefined ? {} : { reason: broken.sensor.health.code }) })
    for (const one of fitted) tell(one)
  }
  tellAll()
  return fitted.flatMap((one) => [one.sensor.onChange('count', () => tell(one)), one.sensor.onChange('health', tellAll)])
}

/** What is not known to be safe counts as an emergency: `active` is so from a lost contact, too. */
function safety(contact: ComponentOf<typeof SafetyInput> | undefined, input: 'fire' | 'power', feed: Feed): (() => void)[] {
  if (contact === undefined) return []
  const tell = (): void => feed({ kind: 'safety', input, active: contact.read('active') ?? true })
  tell()
  return [contact.onChange('active', tell)]
}

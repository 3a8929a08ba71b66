/** What a profile may say: which device this is, which parts it has, and how they work together. */
import { AccessSetup } from '../edge/access/section.ts'
import { type Static, Type } from '../edge/base/schema.ts'
import { ConsoleSection } from '../edge/console/contract.ts'
import { GateSetup } from '../edge/gate/policy.ts'
import { OpcuaSection } from '../edge/opcua/section.ts'
import { ObstacleSetup } from '../edge/perception/obstacles/setup.ts'
import { TechnicianSection } from '../edge/screen/technician/section.ts'
import { type Driver, secretReference } from '../drivers/kit/driver.ts'

const closed = <P extends Parameters<typeof Type.Object>[0]>(properties: P, description: string) =>
  Type.Object(properties, { additionalProperties: false, description })

/** What a part may be called. */
export const partNamePattern = '^[a-z][a-zA-Z0-9-]{0,31}$'
/** Components of the runtime itself: no part may have their names. */
export const takenNames: ReadonlySet<string> = new Set([
  'runtime', 'journal', 'face', 'gate', 'obstacles', 'uplink', 'screen',
  'logs', 'traces', 'settings', 'diagnosis', 'power', 'access', 'console', 'opcua', 'technician',
])

const partName = (what: string) => Type.String({ pattern: partNamePattern, description: `The name of the part that is ${what}.` })
const days = (usual: number, what: string) => Type.Integer({ default: usual, minimum: 1, maximum: 3650, description: `Days that facts about ${what} are kept.` })

const deviceSection = <K extends string>(kind: K) => closed({
  kind: Type.Literal(kind, { description: 'What kind of device this is.' }),
  id: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,31}$', description: 'This device, unique at its site.' }),
  site: Type.String({ pattern: '^[a-z0-9-]{1,32}(/[a-z0-9-]{1,32}){0,3}$', description: 'Where it stands, from the large to the small.' }),
  timeZone: Type.String({ pattern: '^[A-Za-z]+(/[A-Za-z_+0-9-]+)*$', default: 'Asia/Ho_Chi_Minh', description: 'IANA time zone of the site: when a document\'s last day ends.' }),
  languages: Type.Array(Type.Enum(['vi', 'zh', 'en']), { minItems: 1, uniqueItems: true, default: ['vi', 'zh', 'en'], description: 'Languages for travellers, the main one first.' }),
}, 'Which device this is.')

/** The parts that do the gate's work, by what they are to it. */
export const GateParts = closed({
  reader: partName('the document reader'),
  codes: Type.Optional(partName('the reader of QR codes')),
  camera: partName('the camera at the face'),
  finger: Type.Optional(partName('the fingerprint scanner')),
  entry: Type.Optional(partName('the entry barrier (mantrap only)')),
  exit: partName('the exit barrier, or the only one'),
  front: Type.Optional(partName('the presence sensor before the gate')),
  inside: Type.Optional(partName('the presence sensor between the doors')),
  behind: Type.Optional(partName('the presence sensor behind the exit')),
  lampEntry: Type.Optional(partName('the lamp at the entry')),
  lampExit: Type.Optional(partName('the lamp at the exit')),
  fire: Type.Optional(partName('the fire alarm contact')),
  power: Type.Optional(partName('the power failure contact')),
}, 'Which part does what for the gate.')

export const GateSection = closed({ use: GateParts, ...GateSetup.properties }, 'The gate: its parts, its layout, its policy and its limits.')

export const ListsSection = closed({
  folder: Type.String({ description: 'The folder that holds the signed lists (watchlist, revoked, residents).' }),
  authority: secretReference(),
  key: secretReference(),
}, 'Signed lists on the device: where they are, whose signature counts, and the key that their entries are hidden with.')

const models = {
  models: Type.String({ default: 'build/models', description: 'The folder that holds the models and their manifest.' }),
  engine: Type.Enum(['auto', 'onnx', 'litert'], { default: 'auto', description: 'The inference engine; auto takes the fastest that runs here.' }),
}
export const FaceSection = closed(models, 'Face recognition.')
export const ObjectsSection = Type.Object(models, { additionalProperties: false, default: {}, description: 'What finds people and vehicles in pictures.' })

export const JournalSection = closed({
  key: secretReference(),
  keep: Type.Object({
    personal: Type.Integer({ default: 7, minimum: 1, maximum: 365, description: 'Days after which the personal data of a day are erased, by destroying their key.' }),
    passage: days(30, 'passages'), safety: days(365, 'safety'), fault: days(90, 'faults'), command: days(365, 'commands'), audit: days(365, 'audit'),
  }, { additionalProperties: false, default: {}, description: 'How long facts are kept, by class.' }),
}, 'The journal.')

export const UplinkSection = closed({
  broker: Type.String({ pattern: '^mqtts?://[^@/]+$', description: 'The broker of the centre, without credentials: mqtts://host:port.' }),
  identity: Type.Optional(secretReference()),
  ca: Type.Optional(secretReference()),
  cert: Type.Optional(secretReference()),
  key: Type.Optional(secretReference()),
  authority: Type.Optional(secretReference()),
}, 'The way to the centre. `identity` is user:password; `ca` the certificates that the broker\'s must come from, `cert` and `key` the device\'s own (PEM); `authority` is the public key whose signature commands must bear.')

export const ScreenSection = closed({
  host: Type.String({ default: '127.0.0.1', description: 'The address that the page is served on.' }),
  port: Type.Integer({ default: 8080, minimum: 0, maximum: 65535, description: 'Its port; 0 takes any that is free.' }),
}, "The traveller's page.")

export const RuntimeSection = Type.Object({
  log: Type.Enum(['trace', 'debug', 'info', 'warn', 'error'], { default: 'info', description: 'The least urgent log lines that are written.' }),
  lag_ms_max: Type.Integer({ default: 200, minimum: 10, maximum: 10_000, description: 'How late the event loop may be.' }),
  memory_mb_max: Type.Integer({ default: 450, minimum: 100, maximum: 16_384, description: 'How much memory the process may use.' }),
}, { additionalProperties: false, default: {}, description: 'The program itself.' })

export const AccessSection = Type.Object({ authority: Type.Optional(secretReference()), ...AccessSetup.properties }, {
  additionalProperties: false, default: {},
  description: "Who gets in at the device. `authority` is the public key whose answers to challenges let people in without an account; left out, it is the uplink's.",
})

/** `use` names a driver; the rest are that driver's options and are checked against its own schema. */
export const PartSection = Type.Object({ use: Type.String({ description: 'The driver, as the catalogue names it.' }) })

/** What every device has, whatever its kind. */
const everywhere = {
  parts: Type.Record(Type.String({ pattern: partNamePattern }), PartSection, { description: 'The hardware, by the names that people use.' }),
  journal: JournalSection,
  uplink: Type.Optional(UplinkSection),
  access: AccessSection,
  console: ConsoleSection,
  opcua: Type.Optional(OpcuaSection),
  technician: Type.Optional(TechnicianSection),
  runtime: RuntimeSection,
}

export const EgateProfile = closed({
  device: deviceSection('egate'),
  ...everywhere,
  gate: GateSection,
  lists: ListsSection,
  face: FaceSection,
  screen: Type.Optional(ScreenSection),
}, 'The profile of an e-Gate.')
export type EgateProfile = Static<typeof EgateProfile>

export const IgvProfile = closed({
  device: deviceSection('igv'),
  ...everywhere,
  obstacles: ObstacleSetup,
  objects: ObjectsSection,
}, 'The profile of a driverless vehicle.')
export type IgvProfile = Static<typeof IgvProfile>

export type Profile = EgateProfile | IgvProfile

/** What a profile of each kind of device may say. */
export const profileKinds = { egate: EgateProfile, igv: IgvProfile } as const

/** A part of a profile with its driver. */
export interface LoadedPart {
  driver: Driver
  /** Checked, with defaults filled in. */
  options: Record<string, unknown>
}

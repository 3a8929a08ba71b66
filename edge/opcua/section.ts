/** What a profile says of the OPC UA server. Light: read without the server itself. */
import { type Static, type TSchema, Type } from '../base/schema.ts'
import { Fingerprint } from './contract.ts'

const closed = <P extends Record<string, TSchema>>(properties: P, description: string) =>
  Type.Object(properties, { additionalProperties: false, default: {}, description })
const limit = (usual: number, least: number, most: number, description: string) =>
  Type.Integer({ default: usual, minimum: least, maximum: most, description })

export const OpcuaLimits = closed({
  sessions: limit(50, 1, 200, 'Clients at the same time; one more is refused.'),
  subscriptions_per_session: limit(10, 1, 100, 'Subscriptions of one client.'),
  items_per_subscription: limit(1_000, 1, 20_000, 'Values and events of one subscription.'),
  items: limit(10_000, 1, 200_000, 'Values and events that all clients watch together.'),
  event_items: limit(200, 1, 10_000, 'Those of all items that watch events, which are kept whole.'),
  queue: limit(20, 1, 1_000, 'Values or events that wait for one slow client and one item; the oldest give way.'),
  publish_ms_min: limit(100, 50, 60_000, 'The shortest time between two reports of a subscription.'),
  sampling_ms_min: limit(100, 50, 60_000, 'The shortest time between two looks at a value.'),
  message_kB_max: limit(1_024, 64, 16_384, 'The longest message that a client may send.'),
  chunk_kB_max: limit(64, 8, 1_024, 'The longest piece that a message may come in.'),
  operations: limit(1_000, 10, 10_000, 'Nodes that one request may read, browse, watch.'),
  calls: limit(10, 1, 100, 'Methods that one request may call.'),
  silent_ms: limit(60_000, 2_000, 600_000, 'How long a connection may be silent, and how long it may take to say who it is.'),
  history_max: limit(10_000, 100, 100_000, 'Values or events of the journal that one request may read.'),
}, 'Limits of the server. Whoever asks for more is refused, and counted.')
export type OpcuaLimits = Static<typeof OpcuaLimits>

export const OpcuaSection = Type.Object({
  host: Type.String({ default: '0.0.0.0', description: 'The address that the server listens on.' }),
  port: Type.Integer({ default: 4840, minimum: 0, maximum: 65_535, description: 'Its port; 0 takes any that is free.' }),
  names: Type.Array(Type.String({ pattern: '^[A-Za-z0-9.:-]{1,253}$' }), { default: [], maxItems: 8, description: "Names and addresses that clients call this device by, the main one first; the computer's own name unless given. They stand in its certificate." }),
  anonymous: Type.Enum(['no', 'read'], { default: 'no', description: 'Whether a trusted client may look without a user. Every connection is encrypted all the same.' }),
  users: Type.Array(Type.Object({
    person: Type.String({ pattern: '^[a-z][a-z0-9.-]{0,31}$', description: 'Who this is, as it stands in the journal.' }),
    role: Type.Enum(['viewer', 'officer', 'technician', 'engineer'], { description: 'What they may do.' }),
    certificate: Type.String({ ...Fingerprint, description: 'SHA-256 of their user certificate, hexadecimal.' }),
  }, { additionalProperties: false }), { default: [], maxItems: 64, description: 'People and programs that prove themselves by a certificate instead of a password.' }),
  folder: Type.String({ default: 'opcua', description: "The folder of certificates (own, trusted, rejected, issuers), within the device's state." }),
  machine: closed({
    manufacturer: Type.String({ default: '', maxLength: 128, description: 'Who built the device.' }),
    model: Type.String({ default: '', maxLength: 128, description: 'Its model.' }),
    serial: Type.String({ default: '', maxLength: 128, description: "Its serial number; the device's id unless given." }),
  }, 'What stands on the nameplate (OPC 40001-1).'),
  limits: OpcuaLimits,
}, { additionalProperties: false, description: 'The OPC UA server; without this section there is none.' })
export type OpcuaSection = Static<typeof OpcuaSection>

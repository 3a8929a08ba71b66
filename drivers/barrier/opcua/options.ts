/** What a profile says of a barrier behind a PLC. Light: read without the OPC UA stack. */
import { type Static, type TSchema, Type } from '../../../edge/base/schema.ts'
import { expectOption, optionsOf, secretReference } from '../../kit/driver.ts'

const described = <P extends Record<string, TSchema>>(properties: P, description: string) =>
  Type.Object(properties, { additionalProperties: false, description })
const limit = (least: number, most: number, usual: number, description: string) =>
  Type.Integer({ minimum: least, maximum: most, default: usual, description })

/** OPC 10000-6, 5.1.12: with the namespace by its URI, because its index may change with each start of a server. */
const node = (description: string) =>
  Type.String({ pattern: '^nsu=[^;]+;(s=.+|i=[0-9]+|g=[0-9A-Fa-f-]{36}|b=[A-Za-z0-9+/=]+)$', maxLength: 512, description: `${description} As nsu=<namespace URI>;s=<name> (or i=, g=, b=).` })

const Value = Type.Union([Type.Boolean(), Type.Integer(), Type.String({ maxLength: 64 })])
export type PlcValue = Static<typeof Value>

const meaning = (says: string) => Type.Array(Value, { minItems: 1, maxItems: 16, description: `The values that mean ${says}.` })

const Writing = described({
  node: node('The variable that is written.'),
  value: Value,
  pulse: Type.Optional(described({
    rest: Value,
    for_ms: Type.Integer({ minimum: 20, maximum: 2_000, description: 'How long the value stands before the rest value is written.' }),
  }, 'For a PLC that acts on an edge and does not take the value back itself.')),
}, 'A command by writing a variable; its type is asked of the PLC.')

const Calling = described({
  object: node('The object that has the method.'),
  method: node('The method.'),
  takes: Type.Optional(Type.Enum(['for_ms'], { description: 'Its one argument: how long it may stay open (UInt32, ms).' })),
}, 'A command by calling a method.')

const Command = Type.Union([Writing, Calling])
export type PlcCommand = Static<typeof Command>

const Security = described({
  policy: Type.Optional(Type.Enum(['Basic256Sha256', 'Aes128_Sha256_RsaOaep', 'Aes256_Sha256_RsaPss'], { description: 'The security policy, Basic256Sha256 unless it is said; the mode is always SignAndEncrypt.' })),
  certificate: secretReference(),
  key: secretReference(),
  server: secretReference(),
  user: Type.Optional(described({ name: secretReference(), password: secretReference() }, 'Who logs in at the PLC; without it nobody does.')),
}, "Our own application certificate and its key (PEM), and the PLC's own certificate (PEM or DER), which must be exactly this one.")

export const options = optionsOf({
  endpoint: Type.String({ pattern: '^opc\\.tcp://[^/]+:[0-9]+(/.*)?$', description: 'Where the PLC listens: opc.tcp://host:4840.' }),
  security: Type.Union([Type.Literal('none'), Security], { description: 'Certificates, or `none` for a cable that nobody else can reach.' }),
  state: described({
    node: node('Where the barrier is.'),
    closed: meaning('closed'), opening: Type.Optional(meaning('opening')), open: meaning('open'),
    closing: Type.Optional(meaning('closing')), blocked: Type.Optional(meaning('blocked')),
  }, 'The feedback that commands are confirmed by; any other value is unknown.'),
  mode: described({
    node: node('What the barrier lets through.'),
    normal: meaning('one by one'), locked: Type.Optional(meaning('nobody')), free: meaning('everybody, out of an emergency'),
  }, 'The feedback that anti-panic is confirmed by.'),
  passed: Type.Optional(node('Counts passages; it may wrap around at 16 or 32 bits.')),
  fault: Type.Optional(described({
    node: node("The PLC's own fault."),
    none: meaning('no fault'),
  }, 'Any other value is a fault.')),
  commands: described({
    open: Command, close: Command, free: Command,
    /** Ends anti-panic. */
    normal: Command,
  }, 'How the barrier is moved.'),
  open_ms: Type.Optional(node('Takes how long it may stay open (ms), written before each opening, so that the PLC closes by itself.')),
  beat: described({
    ours: node('What we write while we live: a number that counts from 0 to 100, or a level that changes. When it stands still, the PLC must close the barrier by itself.'),
    theirs: node('What the program of the PLC changes while it runs.'),
    every_ms: limit(50, 5_000, 250, 'How often ours is written.'),
    alive_ms: limit(200, 30_000, 2_000, 'How long theirs may stand still.'),
  }, 'The signs of life of both sides.'),
  publish_ms: limit(20, 1_000, 100, 'How often the PLC tells what has changed.'),
  sampling_ms: limit(10, 1_000, 50, 'How often the PLC looks for changes.'),
  stale_ms: limit(100, 30_000, 1_500, "How old the PLC's sign of life may be on arrival, by its own time stamps."),
  confirm_ms: limit(100, 3_000, 1_500, 'How long the feedback may take to follow a command.'),
  reply_ms: limit(50, 5_000, 1_000, 'How long the PLC may take to answer a request.'),
  reconnect_ms: limit(10, 60_000, 250, 'The first pause before trying again after the link was lost; it doubles up to 30 times this.'),
  expect: expectOption(),
})
export type OpcuaBarrierOptions = Static<typeof options>

/** What the driver watches, by the name of its use. */
export const uses = ['state', 'mode', 'passed', 'fault', 'beat'] as const
export type Use = (typeof uses)[number]

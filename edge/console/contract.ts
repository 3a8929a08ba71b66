/** The console as a component: what every face sees of it, and files over the line of whoever asks. */
import { type Static, Type } from '../base/schema.ts'
import { command, contract, event, property } from '../device/contract.ts'
import { TransferSettings } from './transfer/transfer.ts'

const Files = Type.Array(Type.Object({ file: Type.String(), bytes: Type.Integer() }))
const protocol = Type.Enum(['zmodem', 'ymodem'], { default: 'zmodem' })
/** As long as the slowest line may need. */
const transfer_ms = 4 * 3_600_000

export const ConsoleContract = contract('console', 'Commands for technicians over serial lines, a local terminal, and TLS.', {
  lines: property(Type.Record(Type.String(), Type.String()), 'Each line, and whether it is open, waits for its port, or who is logged in.'),
  progress: property(Type.Object({ file: Type.String(), done: Type.Integer(), of: Type.Integer() }), 'How far the transfer is; of a file whose size nobody said, it says 0 in all.'),
  outbox: property(Files, 'Files that can be sent.'),
  inbox: property(Files, 'Files that were received.'),
  send: command({ file: Type.String({ minLength: 1, maxLength: 255 }), protocol }, 'Sends a file over the line of whoever asks at the console.', {
    role: 'technician', limit_ms: transfer_ms, result: Type.Object({ bytes: Type.Integer() }),
  }),
  receive: command({ protocol }, 'Receives files over the line of whoever asks at the console.', {
    role: 'technician', limit_ms: transfer_ms, result: Type.Object({ files: Type.Array(Type.Object({ file: Type.String(), bytes: Type.Integer(), sha256: Type.String() })) }),
  }),
  remove: command({ file: Type.String({ minLength: 1, maxLength: 255 }) }, 'Removes a file that was received; nothing brings it back.', { role: 'technician' }),
  received: event({ file: Type.String(), bytes: Type.Integer(), sha256: Type.String(), by: Type.String() }, 'A file came over a line and lies in the inbox.', { severity: 'warning' }),
})

const bauds = [9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600] as const

const Port = Type.Object({
  port: Type.String({ pattern: '^/.+$', description: 'The serial port, such as /dev/ttyS0.' }),
  baud: Type.Enum([...bauds], { default: 115_200, description: 'Its speed; 8 data bits, no parity, 1 stop bit.' }),
}, { additionalProperties: false })

const secret = (description: string) => Type.String({ pattern: '^(credential|file|env):.+$', 'x-secret': true, description })

const Network = Type.Object({
  host: Type.String({ description: 'The address to listen on; 0.0.0.0 for all.' }),
  port: Type.Integer({ default: 8_023, minimum: 0, maximum: 65_535, description: 'Its port; 0 takes any that is free.' }),
  ca: secret('The certificates that clients\' certificates must come from (PEM).'),
  cert: secret('The device\'s own certificate (PEM).'),
  key: secret('Its key (PEM).'),
}, { additionalProperties: false, description: 'Over the network, with TLS and a certificate of the client. A login follows.' })

/** The section `console` of a profile. */
export const ConsoleSection = Type.Object({
  ports: Type.Array(Port, { default: [], maxItems: 8, description: 'Serial ports with a technician\'s terminal at the other end.' }),
  local: Type.Boolean({ default: true, description: 'Whether `portcullis console` works on the device itself.' }),
  network: Type.Optional(Network),
  history: Type.Boolean({ default: true, description: 'Whether each person\'s lines are kept for their next session.' }),
  receive_mb_max: Type.Integer({ default: 64, minimum: 1, maximum: 1_024, description: 'How much may be received at a time.' }),
  transfer: Type.Optional(TransferSettings),
}, { additionalProperties: false, default: {}, description: 'The technician\'s console.' })
export type ConsoleSection = Static<typeof ConsoleSection>

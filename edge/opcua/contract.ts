/** The OPC UA server as a component, so that every face shows how it fares and lets a technician trust a client. */
import { Type } from '../base/schema.ts'
import { command, contract, event, property } from '../device/contract.ts'

/** SHA-256 of a certificate, as the profile and every face write it. */
export const Fingerprint = Type.String({ pattern: '^[0-9a-f]{64}$' })

/** Rejected clients that are kept for the technician. */
export const waitingMax = 32

export const Opcua = contract('opcua', 'Shows the device to OPC UA clients.', {
  address: property(Type.String(), 'Where clients connect.'),
  fingerprint: property(Fingerprint, "The server's own certificate, to compare with what a client shows."),
  until: property(Type.String(), 'Until when that certificate is good; clients turn away from a server with one that is over.'),
  sessions: property(Type.Integer(), 'Clients that are connected now.', '1'),
  subscriptions: property(Type.Integer(), 'Subscriptions of all clients.', '1'),
  items: property(Type.Integer(), 'Values and events that clients watch.', '1'),
  queued: property(Type.Integer(), 'What of them waits for slow clients to fetch it; what gave way meanwhile is counted as overflows.', '1'),
  waiting: property(
    Type.Array(Type.Object({ fingerprint: Fingerprint, application: Type.String({ maxLength: 256 }), until: Type.String() }), { maxItems: waitingMax }),
    'Clients that were turned away because nobody trusts their certificate yet.',
  ),
  trust: command({ fingerprint: Fingerprint }, 'Lets a client in whose certificate was turned away.', { role: 'technician' }),
  distrust: command({ fingerprint: Fingerprint }, 'Turns a client away again whose certificate was trusted.', { role: 'technician' }),
  /** Viewers may not: whoever acknowledges takes it upon themselves. */
  acknowledge: command(
    { component: Type.String({ maxLength: 64 }), alarm: Type.String({ maxLength: 64 }), comment: Type.String({ maxLength: 256, default: '' }) },
    'Says that somebody knows of an alarm and cares for it.', { role: 'viewer' },
  ),
  refused: event({ why: Type.Enum(['untrusted', 'user', 'limit', 'broken']) }, 'A client was turned away.', { severity: 'info' }),
})
export type Opcua = typeof Opcua

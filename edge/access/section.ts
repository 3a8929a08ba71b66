/** What a site decides about who gets in at the device: the section `access` of a profile, with defaults. */
import { type Static, Type } from '../base/schema.ts'

const Idle = (face: string) => Type.Integer({ default: 600, minimum: 30, maximum: 86_400, description: `Seconds after which somebody who does nothing is logged out ${face}.` })

export const AccessSetup = Type.Object({
  accounts: Type.String({ default: 'accounts.json', pattern: '^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$', description: 'The file in the state folder that holds the accounts.' }),
  sessions_max: Type.Integer({ default: 8, minimum: 1, maximum: 32, description: 'How many people may be logged in at a time, over all faces but OPC UA.' }),
  person_sessions_max: Type.Integer({ default: 4, minimum: 1, maximum: 32, description: 'How many times one person may be logged in at a time, over all faces but OPC UA.' }),
  opcua_sessions_max: Type.Integer({ default: 64, minimum: 1, maximum: 256, description: 'How many users of OPC UA may be logged in at a time.' }),
  idle_s: Type.Object({
    serial: Idle('of a serial port'), terminal: Idle('of a local terminal'), network: Idle('of the network console'),
    page: Idle("of the technician's page"), opcua: Idle('of OPC UA'),
  }, { additionalProperties: false, default: {}, description: 'Idle times, by face.' }),
  challenge_min: Type.Integer({ default: 15, minimum: 1, maximum: 120, description: 'Minutes for which a challenge may be answered.' }),
  grant_h_max: Type.Integer({ default: 12, minimum: 1, maximum: 24, description: "Hours after which a session ends at the latest that the authority's answer began; a longer answer is cut to this." }),
  tamper: Type.Optional(Type.String({ pattern: '^[a-z][a-zA-Z0-9-]{0,31}$', description: 'The part that tells when the housing is opened: everybody is logged out, and nobody let in until an engineer brings an answer of the authority.' })),
}, { additionalProperties: false })
export type AccessSetup = Static<typeof AccessSetup>

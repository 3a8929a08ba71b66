/** What a site decides about its gate: the section `gate` of a profile, with defaults. */
import { type Static, Type } from '../base/schema.ts'

const Choice = <const Values extends string[]>(values: [...Values], chosen: Values[number], description: string) =>
  Type.Enum(values, { default: chosen, description })

const Seconds = (usual: number, description: string, most = 60) =>
  Type.Number({ default: usual, minimum: 0.1, maximum: most, description })

const Tries = (usual: number, description: string) => Type.Integer({ default: usual, minimum: 1, maximum: 5, description })

export const ListName = Type.Enum(['watchlist', 'revoked', 'residents'])
export type ListName = Static<typeof ListName>

export const DocumentPolicy = Type.Object({
  codes: Type.Array(Type.String({ pattern: '^[A-Z]{1,2}$' }), {
    default: ['P', 'I', 'A', 'C'], description: 'Document codes that are accepted (ICAO 9303); one letter stands for all that begin with it.',
  }),
  issuers: Type.Array(Type.String({ pattern: '^[A-Z]{1,3}$' }), { default: [], description: 'Issuing states that are accepted; none named: all.' }),
  claims: Choice(['refuse', 'residents'], 'refuse', 'What an unsigned claim, such as a citizen card\'s QR code, may do: nothing, or name a registered resident.'),
}, { additionalProperties: false, default: {} })
export type DocumentPolicy = Static<typeof DocumentPolicy>

export const GatePolicy = Type.Object({
  face: Choice(['required'], 'required', 'Whether the live face is compared with the photograph on record.'),
  onFaceLost: Choice(['officer', 'closed'], 'officer', 'Without camera or face recognition: every traveller to an officer, or the gate closed.'),
  finger: Choice(['never', 'when-resident', 'always'], 'when-resident', 'Who gives a fingerprint after the face.'),
  onFingerLost: Choice(['face-only', 'officer'], 'officer', 'Without fingerprint scanner: the face alone is enough, or an officer decides.'),
  admit: Choice(['everyone', 'residents'], 'everyone', 'Who may use this gate.'),
  lists: Type.Array(ListName, { default: ['watchlist', 'revoked'], description: 'Lists without which the gate does not decide.' }),
  onListsStale: Choice(['accept', 'officer', 'closed'], 'officer', 'A needed list is past its expiry. One that is missing never means accept.'),
  onRefusal: Choice(['back', 'officer'], 'back', 'A traveller refused between the doors goes back by the entry door, or waits for an officer.'),
  emergencyWay: Choice(['exit', 'entry'], 'exit', 'Which door is freed in an emergency when both are closed.'),
  documents: DocumentPolicy,
}, { additionalProperties: false, default: {} })
export type GatePolicy = Static<typeof GatePolicy>

export const GateLimits = Type.Object({
  passage_s: Seconds(45, 'A whole passage, from the document to the decision.', 300),
  reading_s: Seconds(10, 'Between two tries to read a document.'),
  checking_s: Seconds(5, 'Checking a document that was read.'),
  entering_s: Seconds(10, 'How long the entry door stays open.'),
  alone_s: Seconds(10, 'Until exactly one traveller stands in the gate and the entry door is closed.'),
  face_s: Seconds(10, 'One try at the face.'),
  finger_s: Seconds(10, 'One try at the fingerprint.', 30),
  deciding_s: Seconds(5, 'From the decision until the exit door may open.'),
  exiting_s: Seconds(10, 'How long the exit door stays open.'),
  leaving_s: Seconds(15, 'How long the entry door stays open for going back.'),
  message_s: Seconds(5, 'How long a refusal is shown to a traveller outside.'),
  clear_s: Seconds(10, 'After that, how long the gate waits for the traveller to step aside.'),
  walkBack_s: Seconds(2, 'How long a place is empty before its traveller counts as gone.'),
  officer_s: Seconds(60, 'How long a traveller outside is kept for the officer, and how often the officer is reminded.', 600),
  door_s: Seconds(7, 'A door on its way from one end to the other.'),
  documentTries: Tries(3, 'Tries to read a document.'),
  faceTries: Tries(2, 'Tries at the face.'),
  fingerTries: Tries(3, 'Tries at the fingerprint.'),
}, { additionalProperties: false, default: {} })
export type GateLimits = Static<typeof GateLimits>

export const GateSetup = Type.Object({
  /** mantrap: entry and exit door with a zone between; single: one door, the exit. */
  layout: Choice(['mantrap', 'single'], 'mantrap', 'Two doors with a space between, or one door.'),
  presence: Choice(['counts', 'detects', 'none'], 'counts', 'What the presence sensors can: count people, see that somebody is there, or there are none (single door only).'),
  policy: GatePolicy,
  limits: GateLimits,
}, { additionalProperties: false })
export type GateSetup = Static<typeof GateSetup>

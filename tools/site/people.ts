/** Simulated travellers: who they are, what they carry, how they behave, and how that should end. */
import type { Outcome, Reason } from '../../edge/gate/contract.ts'
import { composeMrz, type MrzFields } from '../../edge/perception/document/mrz-compose.ts'

/** What somebody does who walks through the gate. */
export type Behaviour =
  | 'walks-through'
  /** Lays the document down crookedly once. */
  | 'damaged-once'
  /** Lays down a document that cannot be read, every time. */
  | 'unreadable'
  /** The first touch of the scanner is too dry. */
  | 'dry-finger-once'
  /** Every touch is too dry. */
  | 'dry-finger'
  /** Nobody can be seen at the camera, or somebody looks over the shoulder. */
  | 'hides-face'
  | 'two-faces'
  /** Somebody else's face or finger. */
  | 'other-face'
  | 'other-finger'
  /** Holds up a photograph of the holder. */
  | 'holds-up-photo'
  /** Takes somebody along. */
  | 'tailgates'
  /** Turns round at the open door. */
  | 'walks-back'

export interface Traveller {
  /** For the table: says what is special. */
  label: string
  behaviour: Behaviour
  document: MrzFields
  /** Whose face, of the demo's faces, is on record for the document. */
  holder: string
  /** Whose face stands before the camera. */
  face: string
  resident: boolean
  enrolled: boolean
  listed?: 'watchlist' | 'revoked'
  expected: { outcome: Outcome; reason?: Reason }
}

interface Plan {
  label: string
  behaviour?: Behaviour
  resident?: boolean
  enrolled?: boolean
  listed?: 'watchlist' | 'revoked'
  expiry?: string
  expected?: { outcome: Outcome; reason?: Reason }
}

const granted = { outcome: 'granted' } as const
const refused = (reason: Reason) => ({ outcome: 'refused', reason }) as const

/** One round of the demo: most are granted, the others fail for a reason that can be seen. */
const plans: readonly Plan[] = [
  { label: 'visitor' },
  { label: 'resident, face and finger', resident: true },
  { label: 'document laid down crookedly once', behaviour: 'damaged-once' },
  { label: 'visitor' },
  { label: 'document has expired', expiry: '2025-03-01', expected: refused('document-expired') },
  { label: 'resident, finger dry at first', resident: true, behaviour: 'dry-finger-once' },
  { label: 'visitor' },
  { label: 'somebody else\'s passport', behaviour: 'other-face', expected: refused('face-no-match') },
  { label: 'visitor' },
  { label: 'photograph held up to the camera', behaviour: 'holds-up-photo', expected: refused('face-attack') },
  { label: 'resident, face and finger', resident: true },
  { label: 'document was revoked', listed: 'revoked', expected: { outcome: 'referred', reason: 'document-revoked' } },
  { label: 'visitor' },
  { label: 'takes somebody along', behaviour: 'tailgates', expected: refused('not-alone') },
  { label: 'visitor' },
  { label: 'resident, somebody else\'s finger', resident: true, behaviour: 'other-finger', expected: refused('finger-no-match') },
  { label: 'turns round at the open door', behaviour: 'walks-back', expected: { outcome: 'abandoned', reason: 'walked-back' } },
  { label: 'document cannot be read', behaviour: 'unreadable', expected: refused('document-unreadable') },
  { label: 'is on the watchlist', listed: 'watchlist', expected: { outcome: 'referred', reason: 'watchlist-hit' } },
  { label: 'visitor' },
]

const families = ['NGUYEN', 'TRAN', 'LE', 'PHAM', 'WANG', 'LI', 'ZHANG', 'LIU', 'CHEN', 'VU'] as const
const given = ['VAN AN', 'THI BINH', 'MINH CHAU', 'WEI', 'FANG', 'NA', 'DUC', 'HOA', 'LEI', 'YANG'] as const

const pick = <T>(from: readonly T[], index: number): T => from[index % from.length] as T

/** Who there is to be seen: the demo's faces, and the one of whom there is a photograph to hold up. */
export interface Cast {
  faces: readonly string[]
  photographed: string
}

/** The traveller with the given number, from 0; everyone carries a document of their own. */
export function traveller(number: number, { faces, photographed }: Cast): Traveller {
  const plan = pick(plans, number)
  const behaviour = plan.behaviour ?? 'walks-through'
  const holder = behaviour === 'holds-up-photo' ? photographed : pick(faces, number)
  const issuer = number % 3 === 2 ? 'CHN' : 'VNM'
  return {
    label: plan.label,
    behaviour,
    document: {
      format: 'TD3', issuer, documentNumber: `${issuer === 'VNM' ? 'C' : 'E'}${String(1_000_001 + number * 7919).slice(0, 8)}`,
      surname: pick(families, number * 7), givenNames: pick(given, number * 3),
      birth: `${1960 + ((number * 13) % 45)}-0${1 + (number % 9)}-1${number % 10}`,
      sex: number % 2 === 0 ? 'female' : 'male', expiry: plan.expiry ?? '2031-08-14',
    },
    holder,
    face: behaviour === 'other-face' ? pick(faces, number + 1) : holder,
    resident: plan.resident ?? false,
    enrolled: plan.enrolled ?? true,
    ...(plan.listed === undefined ? {} : { listed: plan.listed }),
    expected: plan.expected ?? granted,
  }
}

/** What the reader reads. */
export const documentLines = ({ document }: Traveller): string[] => composeMrz(document)

/** The holder's finger, by the word under which the emulated scanner knows it. */
export const fingerOf = ({ document }: Traveller): string => `finger of ${document.documentNumber}`

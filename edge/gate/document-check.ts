/** What a document means for this gate today: lists, dates and policy, without the document itself. */
import type { Reason } from './contract.ts'
import type { DocumentFindings } from './input.ts'
import type { ListedDocument, Lists } from './lists.ts'
import type { DocumentPolicy, GatePolicy } from './policy.ts'

/** What the check needs of a document that was read. */
export interface DocumentFields extends ListedDocument {
  /** mrz: read and self-consistent (ICAO 9303-3); claim: unsigned text that anybody can print, such as a citizen card's QR code. */
  authenticity: 'mrz' | 'claim'
  /** One or two letters (ICAO 9303), '' for a claim. */
  documentCode: string
  /** `YYYY-MM-DD`; '' for a claim that names none. */
  expiry: string
}

/** What the device keeps about the person whom the document names. */
export interface OnRecord {
  photo: boolean
  fingerTemplate: boolean
}

export interface DocumentCheck {
  lists: Lists
  policy: Pick<GatePolicy, 'admit' | 'documents' | 'lists'>
  /** The day at the site, `YYYY-MM-DD`: a document is valid to the end of its last day. */
  today: string
  /** Wall clock, for the age of the lists, in ms since 1970. */
  wall: number
}

export function checkDocument(fields: DocumentFields, record: OnRecord, { lists, policy, today, wall }: DocumentCheck): DocumentFindings {
  const listed = lists.check(fields, wall)
  const ages = Object.fromEntries(policy.lists.map((name) => [name, listed.freshness[name]]))
  return { result: resultOf(fields, listed, policy, today), resident: listed.resident, ...record, lists: ages }
}

type Listed = ReturnType<Lists['check']>

/** A hit comes first: whoever is looked for is not told that the document has run out. */
function resultOf(fields: DocumentFields, listed: Listed, policy: DocumentCheck['policy'], today: string): 'accepted' | Reason {
  if (listed.watchlist === 'hit') return 'watchlist-hit'
  if (listed.revoked === 'hit') return 'document-revoked'
  if (!accepts(policy.documents, fields)) return 'document-not-accepted'
  if (fields.authenticity === 'mrz' && !/^\d{4}-\d\d-\d\d$/.test(fields.expiry)) return 'document-inconsistent'
  if (fields.expiry !== '' && fields.expiry < today) return 'document-expired'
  const residentsOnly = policy.admit === 'residents' || fields.authenticity === 'claim'
  if (residentsOnly && listed.resident === 'unknown') return 'lists-too-old'
  return residentsOnly && !listed.resident ? 'not-resident' : 'accepted'
}

/** A claim proves nothing: it may only point at a registered resident, whose face is then compared. */
function accepts({ claims, codes, issuers }: DocumentPolicy, { authenticity, documentCode, issuer }: DocumentFields): boolean {
  const known = issuers.length === 0 || issuers.includes(issuer)
  if (authenticity === 'claim') return claims === 'residents' && known
  return known && codes.some((code) => documentCode === code || (code.length === 1 && documentCode.startsWith(code)))
}

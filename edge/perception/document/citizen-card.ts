/**
 * The QR code of the Vietnamese citizen card (CCCD, since 2021): seven fields between `|`.
 *
 * The code carries no signature: anybody can print one. What it says is a claim that may open a
 * lookup or be compared with a chip, never a proof of who stands there.
 */
import type { WallTime } from '../../base/clock.ts'

export interface CitizenCardClaim {
  /** Unsigned text: must not be taken for an authenticated document. */
  readonly authenticity: 'claim-without-proof'
  /** Twelve digits. */
  personalNumber: string
  /** Nine digits of the identity card before; '' when the card names none. */
  formerNumber: string
  fullName: string
  /** `YYYY-MM-DD`. */
  birth: string
  sex: 'female' | 'male'
  address: string
  /** `YYYY-MM-DD`. */
  issued: string
}

/**
 * fields: not seven; number, former-number, name, birth, sex, address, issued: not of the right form;
 * province: no such place of registration; number-sex, number-birth: the number says otherwise;
 * order: issued before birth, or a day in the future.
 */
export type CitizenCardReason =
  | 'fields' | 'number' | 'former-number' | 'name' | 'birth' | 'sex' | 'address' | 'issued'
  | 'province' | 'number-sex' | 'number-birth' | 'order'

export type CitizenCardReading = { ok: true; claim: CitizenCardClaim } | { ok: false; reasons: CitizenCardReason[] }

/** Provinces and cities of birth registration as coded in personal numbers (63 units, before 2025). */
const provinces = new Set(
  `001 002 004 006 008 010 011 012 014 015 017 019 020 022 024 025 026 027 030 031 033 034 035 036 037 038 040 042
   044 045 046 048 049 051 052 054 056 058 060 062 064 066 067 068 070 072 074 075 077 079 080 082 083 084 086 087
   089 091 092 093 094 095 096`.split(/\s+/),
)

/** A version 40 QR code holds no more. */
const contentMax = 4_296
const nameMax = 100
const addressMax = 400

/** @param reference the day of reading: nobody was born, and no card issued, after it */
export function parseCitizenCard(content: string, reference: WallTime): CitizenCardReading {
  if (content.length > contentMax) return { ok: false, reasons: ['fields'] }
  const fields = content.trim().normalize('NFC').split('|').map((field) => field.trim())
  if (fields.length !== 7) return { ok: false, reasons: ['fields'] }
  const [personalNumber = '', formerNumber = '', fullName = '', birthText = '', sexText = '', address = '', issuedText = ''] = fields
  const birth = isoDate(birthText)
  const sex = sexes[sexText.toLowerCase()]
  const issued = isoDate(issuedText)

  const reasons: CitizenCardReason[] = []
  const require = (holds: boolean, reason: CitizenCardReason): void => {
    if (!holds) reasons.push(reason)
  }
  require(/^\d{12}$/.test(personalNumber), 'number')
  require(/^(\d{9})?$/.test(formerNumber), 'former-number')
  require(fullName.length <= nameMax && /^\p{L}[\p{L}\p{M} '.-]*$/u.test(fullName), 'name')
  require(address !== '' && address.length <= addressMax, 'address')
  if (birth === undefined || sex === undefined || issued === undefined || reasons.length > 0) {
    require(birth !== undefined, 'birth')
    require(sex !== undefined, 'sex')
    require(issued !== undefined, 'issued')
    return { ok: false, reasons }
  }

  const number = decodeNumber(personalNumber)
  require(provinces.has(number.province), 'province')
  require(number.sex === sex, 'number-sex')
  require(number.birthYear === Number(birth.slice(0, 4)), 'number-birth')
  require(birth <= issued && issued <= new Date(reference).toISOString().slice(0, 10), 'order')
  if (reasons.length > 0) return { ok: false, reasons }
  return {
    ok: true,
    claim: { authenticity: 'claim-without-proof', personalNumber, formerNumber, fullName, birth, sex, address, issued },
  }
}

const sexes: Record<string, 'female' | 'male'> = { nam: 'male', nữ: 'female' }

/** PPP G YY NNNNNN: province, sex and century (0 and 1 mean 1900-1999, 2 and 3 the next ...), year; no check digit. */
function decodeNumber(number: string): { province: string; sex: 'female' | 'male'; birthYear: number } {
  const sexAndCentury = Number(number.charAt(3))
  return {
    province: number.slice(0, 3),
    sex: sexAndCentury % 2 === 0 ? 'male' : 'female',
    birthYear: 1900 + Math.floor(sexAndCentury / 2) * 100 + Number(number.slice(4, 6)),
  }
}

/** From DDMMYYYY, which some readers write as DD/MM/YYYY. */
function isoDate(text: string): string | undefined {
  const parts = /^(\d\d)(\/?)(\d\d)\2(\d{4})$/.exec(text)
  if (parts === null) return undefined
  const [, day = '', , month = '', year = ''] = parts
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)))
  const iso = `${year}-${month}-${day}`
  return Number(year) >= 1800 && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(iso) ? iso : undefined
}

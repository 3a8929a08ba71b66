/**
 * The UDP data profiles of OS0, OS1 and OS2: where in a channel's bytes each field stands.
 *
 * Source: Ouster, Software User Manual, "Lidar Data Packet Format" (firmware 2.0 to 3.2), and what
 * its public SDK gives as field tables. All numbers are little-endian.
 */

export const profileNames = [
  'LEGACY',
  'RNG19_RFL8_SIG16_NIR16',
  'RNG19_RFL8_SIG16_NIR16_DUAL',
  'RNG15_RFL8_NIR8',
  'RNG15_RFL8_NIR8_DUAL',
  'FUSA_RNG15_RFL8_NIR8_DUAL',
  'RNG15_RFL8_WIN8',
  'RNG15_RFL8_NIR8_ZONE16',
  'RNG19_RFL8_SIG16_NIR16_ZONE16',
  'RNG19_RFL8_SIG16_ZONE16_DUAL',
  'RNG19_RFL8_SIG16_NIR16_RGB16',
  'RNG19_RFL8_SIG16_NIR16_RGB16_DUAL',
  'FIVE_WORD_PIXEL',
] as const
export type ProfileName = (typeof profileNames)[number]

/** A field of a channel. */
export interface Field {
  /** First bit in the channel's bytes. */
  bit: number
  bits: number
  /** The low bits that the sensor left out. */
  upshift: number
}

export interface Profile {
  /** Bytes of one channel of one column. */
  channelBytes: number
  /** Echoes of a beam. */
  returns: 1 | 2
  fields: Readonly<Record<string, Field>>
}

const field = (bit: number, bits: number, upshift = 0): Field => ({ bit, bits, upshift })

/** The channel as whole 32-bit words, as diagnostics show it. */
function words(bytes: number): Record<string, Field> {
  const raw: Record<string, Field> = {}
  for (let word = 0; word * 4 < bytes; word++) raw[`RAW32_WORD${word + 1}`] = field(word * 32, 32)
  return raw
}

const profile = (channelBytes: number, returns: 1 | 2, fields: Record<string, Field>): Profile => ({
  channelBytes, returns, fields: { ...fields, ...words(channelBytes) },
})

const fullFirst = { RANGE: field(0, 19), FLAGS: field(19, 5) }
const fullPair = {
  ...fullFirst, REFLECTIVITY: field(24, 8),
  RANGE2: field(32, 19), FLAGS2: field(51, 5), REFLECTIVITY2: field(56, 8),
  SIGNAL: field(64, 16), SIGNAL2: field(80, 16),
}
const lowFirst = { RANGE: field(0, 15, 3), FLAGS: field(15, 1), REFLECTIVITY: field(16, 8) }
const lowPair = profile(8, 2, {
  ...lowFirst, NEAR_IR: field(24, 8, 4),
  RANGE2: field(32, 15, 3), FLAGS2: field(47, 1), REFLECTIVITY2: field(48, 8), WINDOW: field(56, 8),
})

export const profiles: Readonly<Record<ProfileName, Profile>> = {
  LEGACY: profile(12, 1, {
    RANGE: field(0, 20), FLAGS: field(28, 4), REFLECTIVITY: field(32, 8), SIGNAL: field(48, 16), NEAR_IR: field(64, 16),
  }),
  RNG19_RFL8_SIG16_NIR16: profile(12, 1, {
    ...fullFirst, REFLECTIVITY: field(32, 8), SIGNAL: field(48, 16), NEAR_IR: field(64, 16), WINDOW: field(88, 8),
  }),
  RNG19_RFL8_SIG16_NIR16_DUAL: profile(16, 2, { ...fullPair, NEAR_IR: field(96, 16), WINDOW: field(120, 8) }),
  RNG15_RFL8_NIR8: profile(4, 1, { ...lowFirst, NEAR_IR: field(24, 8, 4) }),
  RNG15_RFL8_NIR8_DUAL: lowPair,
  FUSA_RNG15_RFL8_NIR8_DUAL: lowPair,
  RNG15_RFL8_WIN8: profile(4, 1, { ...lowFirst, WINDOW: field(24, 8) }),
  RNG15_RFL8_NIR8_ZONE16: profile(8, 1, {
    ...lowFirst, NEAR_IR: field(24, 8, 4), ZONE_MASK: field(32, 16), WINDOW: field(48, 8),
  }),
  RNG19_RFL8_SIG16_NIR16_ZONE16: profile(12, 1, {
    ...fullFirst, REFLECTIVITY: field(32, 8), WINDOW: field(40, 8), SIGNAL: field(48, 16), NEAR_IR: field(64, 16), ZONE_MASK: field(80, 16),
  }),
  RNG19_RFL8_SIG16_ZONE16_DUAL: profile(16, 2, { ...fullPair, ZONE_MASK: field(96, 16), WINDOW: field(120, 8) }),
  RNG19_RFL8_SIG16_NIR16_RGB16: profile(16, 1, {
    ...fullFirst, REFLECTIVITY: field(24, 8), SIGNAL: field(32, 16), NEAR_IR: field(48, 16),
    R: field(64, 16), G: field(80, 16), B: field(96, 16),
  }),
  RNG19_RFL8_SIG16_NIR16_RGB16_DUAL: profile(20, 2, {
    ...fullPair, NEAR_IR: field(96, 16), R: field(112, 16), G: field(128, 16), B: field(144, 16),
  }),
  FIVE_WORD_PIXEL: profile(20, 2, { ...fullPair, NEAR_IR: field(96, 16) }),
}

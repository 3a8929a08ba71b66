/** Crockford's base 32: what people can read to each other and type; case, hyphens and blanks do not matter. */

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const values = new Map(alphabet.split('').map((letter, value) => [letter, value]))
// Letters that are taken for digits.
for (const [letter, value] of [['O', 0], ['I', 1], ['L', 1]] as const) values.set(letter, value)

/** @param group how many characters stand between two hyphens */
export function toBase32(bytes: Uint8Array, group: number): string {
  let text = ''
  for (let bit = 0; bit < bytes.length * 8; bit += 5) text += alphabet[bitsAt(bytes, bit)] ?? ''
  return (text.match(new RegExp(`.{1,${group}}`, 'g')) ?? []).join('-')
}

function bitsAt(bytes: Uint8Array, bit: number): number {
  const at = bit >> 3
  const pair = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
  return (pair >> (11 - (bit & 7))) & 31
}

/** Exactly `length` bytes; `undefined` when the text holds anything else, or more, or less. */
export function fromBase32(text: string, length: number): Uint8Array | undefined {
  const letters = text.toUpperCase().replaceAll(/[\s-]/g, '')
  if (letters.length !== Math.ceil(length * 8 / 5)) return undefined
  const bytes = new Uint8Array(length)
  let held = 0
  let bits = 0
  let at = 0
  for (const letter of letters) {
    const value = values.get(letter)
    if (value === undefined) return undefined
    held = ((held << 5) | value) & 0xfff
    bits += 5
    if (bits >= 8) {
      bits -= 8
      bytes[at++] = held >> bits
    }
  }
  // What is left over says nothing, so it must be zero: one text for one value.
  return (held & ((1 << bits) - 1)) === 0 ? bytes : undefined
}

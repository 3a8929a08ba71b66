/**
 * Any text as a terminal may see it: printable ASCII and nothing else.
 *
 * A serial terminal need not know UTF-8, and a device's name must not be able to move its cursor or
 * answer for the person in front of it (escape-sequence injection): controls become blanks.
 */

/** What canonical decomposition (Unicode NFD) leaves that has a usual spelling in ASCII. */
const spelling: Readonly<Record<string, string>> = {
  'đ': 'd', 'Đ': 'D', 'ø': 'o', 'Ø': 'O', 'ß': 'ss', 'æ': 'ae', 'Æ': 'AE', 'ł': 'l', 'Ł': 'L', 'µ': 'u', 'Ω': 'Ohm', '°': 'deg', '²': '2', '³': '3',
  '–': '-', '—': '-', '‘': "'", '’': "'", '“': '"', '”': '"', '…': '...', '·': '.', '×': 'x', '→': '->', '≤': '<=', '≥': '>=', '\u00a0': ' ',
}

/** One line of printable ASCII; marks are dropped, what has no spelling becomes `?`. */
export function toAscii(text: string): string {
  if (/^[ -~]*$/.test(text)) return text
  return Array.from(text.normalize('NFD').replaceAll(/\p{M}/gu, ''), (letter) => {
    if (letter >= ' ' && letter <= '~') return letter
    if (/\p{Cc}/u.test(letter)) return ' '
    return spelling[letter] ?? '?'
  }).join('')
}

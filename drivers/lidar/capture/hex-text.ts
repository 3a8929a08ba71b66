/** Bytes that a terminal program wrote down as text: `A5 5A`, `0xA5 0x5A`, `A55A`, with or without remarks. */

/** What people write behind the bytes of a line. */
const remark = /(->|\/\/|#|\|).*$/
const label = /^\s*[A-Za-z]{2,}\s*:/
const byteToken = /^(0x)?(?:[0-9a-f]{2})+$/i

/** The bytes of each line that has some; `undefined` when most of the text is no hexadecimal. */
export function hexLines(text: string): Buffer[] | undefined {
  const lines: Buffer[] = []
  let others = 0
  for (const line of text.split(/\r?\n/)) {
    const tokens = line.replace(remark, '').replace(label, '').split(/[\s,;]+/).filter((token) => token !== '')
    if (tokens.length === 0) continue
    if (tokens.every((token) => byteToken.test(token))) lines.push(Buffer.from(tokens.map((token) => token.replace(/^0x/i, '')).join(''), 'hex'))
    else others++
  }
  return lines.length > others ? lines : undefined
}

/** How ZMODEM (8.2) and block 0 of YMODEM (chapter 5) describe a file: name, NUL, then figures. */
import { ascii } from '../../base/bytes.ts'
import type { Offer, Outgoing } from './script.ts'

const octal = (seconds: number): string => Math.max(0, Math.floor(seconds)).toString(8)

/** Name, NUL, size, time (octal), mode (octal), serial number, files and bytes left; without the last NUL. */
export function describeFile({ name, size, modified_s }: Outgoing, left: readonly Outgoing[]): Uint8Array {
  const bytesLeft = left.reduce((sum, file) => sum + file.size, 0)
  return ascii(`${name}\0${size} ${octal(modified_s)} 100644 0 ${left.length} ${bytesLeft}`)
}

/** Both protocols count bytes in 32 bits. */
const sizeMax = 2 ** 32 - 1

/** `undefined` when there is no name. */
export function readDescription(bytes: Uint8Array): Offer | undefined {
  const [name = '', figures = ''] = Buffer.from(bytes).toString('latin1').split('\0', 2)
  if (name === '') return undefined
  const [size = '', modified = ''] = figures.trim().split(' ')
  const length = /^\d{1,10}$/.test(size) && Number(size) <= sizeMax ? Number(size) : undefined
  return { name, size: length, modified_s: /^[0-7]{1,12}$/.test(modified) ? Number.parseInt(modified, 8) : 0 }
}

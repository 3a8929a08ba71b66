/** What a module's confirmation codes mean: an answer, or a refusal that becomes an error. */
import { DeviceError, type ErrorCode } from '../../../edge/base/error.ts'

export const Confirmation = {
  ok: 0x00,
  damagedPacket: 0x01,
  noFinger: 0x02,
  imageFailed: 0x03,
  imageMessy: 0x06,
  fewFeatures: 0x07,
  noMatch: 0x08,
  notFound: 0x09,
  notSame: 0x0a,
  noSuchSlot: 0x0b,
  badTemplate: 0x0c,
  uploadFailed: 0x0d,
  downloadFailed: 0x0e,
  imageUploadFailed: 0x0f,
  deleteFailed: 0x10,
  emptyFailed: 0x11,
  wrongPassword: 0x13,
  noImage: 0x15,
  flashFailed: 0x18,
  undefinedError: 0x19,
  noSuchRegister: 0x1a,
  badRegister: 0x1b,
  noSuchPage: 0x1c,
  portFailed: 0x1d,
  libraryFull: 0x1f,
  wrongAddress: 0x20,
  passwordNeeded: 0x21,
} as const

const refusals = new Map<number, [code: ErrorCode, says: string]>([
  [Confirmation.damagedPacket, ['PC-FINGER-WIRE', 'received a damaged packet']],
  [Confirmation.noSuchSlot, ['PC-FINGER-SLOT', 'has no such template slot']],
  [Confirmation.badTemplate, ['PC-FINGER-MEMORY', 'cannot read a template from its memory']],
  [Confirmation.uploadFailed, ['PC-FINGER-TRANSFER', 'could not hand out a template']],
  [Confirmation.downloadFailed, ['PC-FINGER-TRANSFER', 'cannot take a template']],
  [Confirmation.imageUploadFailed, ['PC-FINGER-TRANSFER', 'could not hand out a picture']],
  [Confirmation.deleteFailed, ['PC-FINGER-MEMORY', 'could not delete a template']],
  [Confirmation.emptyFailed, ['PC-FINGER-MEMORY', 'could not empty its memory']],
  [Confirmation.wrongPassword, ['PC-FINGER-PASSWORD', 'refuses the password']],
  [Confirmation.flashFailed, ['PC-FINGER-MEMORY', 'could not write to its memory']],
  [Confirmation.undefinedError, ['PC-FINGER-REFUSED', 'reports an error it has no name for']],
  [Confirmation.noSuchRegister, ['PC-FINGER-REFUSED', 'has no such register']],
  [Confirmation.badRegister, ['PC-FINGER-REFUSED', 'cannot set a register to this value']],
  [Confirmation.noSuchPage, ['PC-FINGER-REFUSED', 'has no such notepad page']],
  [Confirmation.portFailed, ['PC-FINGER-REFUSED', 'cannot work its serial port']],
  [Confirmation.libraryFull, ['PC-FINGER-MEMORY', 'has no room for another template']],
  [Confirmation.wrongAddress, ['PC-FINGER-ADDRESS', 'has another address']],
  [Confirmation.passwordNeeded, ['PC-FINGER-PASSWORD', 'wants its password first']],
])

/** The error for a confirmation code that is no answer to what was asked. */
export function refusal(component: string, confirmation: number): DeviceError {
  const number = `0x${confirmation.toString(16).padStart(2, '0')}`
  const [code, says] = refusals.get(confirmation) ?? ['PC-FINGER-REFUSED', 'refused a request'] as const
  return new DeviceError(code, `The fingerprint module ${component} ${says} (${number}).`, { component })
}

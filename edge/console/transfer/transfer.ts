/** Files over the technician's line: what the console calls. */
import type { Clock } from '../../base/clock.ts'
import { DeviceError } from '../../base/error.ts'
import { type Static, Type } from '../../base/schema.ts'
import type { TerminalIo, Transfer, TransferProgress, TransferProtocol, WholeFile } from '../io.ts'
import { conduct, type Files, type Heard } from './conduct.ts'
import { Inbox, inboxDefaults } from './inbox.ts'
import { OpenFile } from './outbox.ts'
import { patienceDefaults, type Script } from './script.ts'
import { receiveYmodem } from './ymodem/receive.ts'
import { sendYmodem } from './ymodem/send.ts'
import { receiveZmodem, zmodemReceiveDefaults } from './zmodem/receive.ts'
import { sendZmodem, zmodemSendDefaults } from './zmodem/send.ts'

/** `console.transfer` of a profile. */
export const TransferSettings = Type.Object({
  escape_controls: Type.Boolean({ default: zmodemSendDefaults.escapeControls, description: 'Send no control character as it is: for lines that act on them, such as terminal servers.' }),
  window: Type.Integer({ minimum: 4_096, maximum: 1_048_576, default: zmodemSendDefaults.window, description: 'Bytes that may be on their way unconfirmed.' }),
  answer_ms: Type.Integer({ minimum: 500, maximum: 60_000, default: patienceDefaults.answer_ms, description: 'How long one answer of the other side may take before it is asked again.' }),
  idle_ms: Type.Integer({ minimum: 1_000, maximum: 600_000, default: patienceDefaults.idle_ms, description: 'The longest time without getting further; also how long the technician has to start the other side.' }),
  total_ms: Type.Integer({ minimum: 10_000, maximum: 86_400_000, default: 14_400_000, description: 'The longest time of one transfer.' }),
  file_bytes_max: Type.Integer({ minimum: 1, maximum: 4_294_967_295, default: inboxDefaults.fileBytesMax, description: 'The largest file that is received.' }),
  files_max: Type.Integer({ minimum: 1, maximum: 1_000, default: inboxDefaults.filesMax, description: 'Files in the folder of received files.' }),
}, { additionalProperties: false })
export type TransferSettings = Static<typeof TransferSettings>

export interface FileTransferOptions {
  clock: Clock
  settings: TransferSettings
}

export class FileTransfer implements Transfer {
  readonly #clock: Clock
  readonly #settings: TransferSettings

  constructor({ clock, settings }: FileTransferOptions) {
    this.#clock = clock
    this.#settings = settings
  }

  /**
   * @param file a path; the other side is told the name only.
   * @throws UsageError (PC-TRANSFER-FILE), DeviceError (PC-TRANSFER-CANCELLED, PC-TRANSFER-NOT-TAKEN, PC-TRANSFER-CHANGED,
   *   PC-TRANSFER-STORAGE, PC-CONSOLE-LOST), InputError (PC-TRANSFER-NOISE), TimeoutError (PC-TRANSFER-SILENT, PC-TRANSFER-TIME), CancelledError.
   */
  async send(io: TerminalIo, file: string, protocol: TransferProtocol, signal: AbortSignal, progress: TransferProgress, options: { resume?: boolean } = {}): Promise<{ bytes: number }> {
    const opened = await OpenFile.open(file)
    try {
      const script = protocol === 'zmodem' ? this.#zmodemSender(opened, options.resume ?? false) : sendYmodem([opened], this.#patience())
      const { result } = await this.#conduct(io, script, { outgoing: [opened], inbox: undefined }, signal, progress)
      if (result[0] !== true) throw new DeviceError('PC-TRANSFER-NOT-TAKEN', 'The other side did not take the file: it may have one of this name.')
      return { bytes: opened.size }
    } finally {
      await opened.close()
    }
  }

  /**
   * What was interrupted in this folder before is resumed where the sender still has the same file (ZMODEM).
   * @returns every file that came whole, with its SHA-256.
   * @throws as `send`; ResourceError (PC-TRANSFER-LIMIT) when what came was too much.
   */
  async receive(
    io: TerminalIo, folder: string, bytes_max: number, protocol: TransferProtocol, signal: AbortSignal, progress: TransferProgress,
    onWhole?: (file: WholeFile) => void,
  ): Promise<WholeFile[]> {
    const { file_bytes_max: fileBytesMax, files_max: filesMax, escape_controls: escapeControls } = this.#settings
    const inbox = new Inbox({ ...inboxDefaults, folder, bytesMax: bytes_max, fileBytesMax, filesMax })
    const script = protocol === 'zmodem' ? receiveZmodem({ ...zmodemReceiveDefaults, ...this.#patience(), escapeControls }) : receiveYmodem(this.#patience())
    const refused: string[] = []
    const { received } = await this.#conduct(io, script, { outgoing: [], inbox }, signal, progress, {
      onRefused: (_, why) => refused.push(why), ...(onWhole === undefined ? {} : { onWhole }),
    })
    if (received.length === 0 && refused.length > 0) {
      throw new DeviceError('PC-TRANSFER-REFUSED', refused.includes('full') ? 'Nothing was received: the folder is full.' : 'Nothing was received: the file is too large.')
    }
    return received
  }

  async #conduct<Result>(
    io: TerminalIo, script: Script<Result>, files: Files, signal: AbortSignal, progress: TransferProgress, heard: Heard = {},
  ): Promise<{ result: Result; received: WholeFile[] }> {
    const { total_ms, idle_ms } = this.#settings
    io.setRaw(true)
    try {
      return await conduct(io, script, files, { clock: this.#clock, signal, progress, total_ms, stall_ms: idle_ms }, heard)
    } finally {
      io.setRaw(false)
    }
  }

  #zmodemSender(file: OpenFile, resume: boolean): Script<boolean[]> {
    const { escape_controls: escapeControls, window } = this.#settings
    return sendZmodem([file], { ...this.#patience(), escapeControls, window, resume })
  }

  #patience() {
    const { answer_ms, idle_ms } = this.#settings
    return { clock: this.#clock, answer_ms, idle_ms, errorsMax: patienceDefaults.errorsMax }
  }
}

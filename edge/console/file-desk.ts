/**
 * Files over the line of whoever asks for them.
 *
 * A transfer is a command of the console's component, so that it is on the record like any other; the
 * line itself is offered by the session that asked, for that one command.
 */
import { join } from 'node:path'
import { ResourceError, UsageError } from '../base/error.ts'
import type { Caller } from '../device/component.ts'
import type { TerminalIo, Transfer, TransferProgress, TransferProtocol, WholeFile } from './io.ts'
import type { FileRoom } from './transfer/file-room.ts'

/** Lends the raw line for as long as `work` lasts. */
export type Lend = <T>(work: (io: TerminalIo) => Promise<T>) => Promise<T>

export interface NamedFile {
  file: string
  bytes: number
}

export interface FileDeskOptions {
  transfer: Transfer
  room: FileRoom
  /** Files to be sent lie here, and received ones there. */
  outbox: string
  inbox: string
  /** Of one receiving, all files together. */
  bytes_max: number
}

export class FileDesk {
  readonly #options: FileDeskOptions
  readonly #offers = new Map<string, Lend>()

  constructor(options: FileDeskOptions) {
    this.#options = options
  }

  get room(): FileRoom {
    return this.#options.room
  }

  /** The line of a person stands open for what they ask for meanwhile. @throws ResourceError (PC-CONSOLE-OFFER). */
  async offering<T>(person: string, lend: Lend, work: () => Promise<T>): Promise<T> {
    if (this.#offers.has(person)) throw new ResourceError('PC-CONSOLE-OFFER', 'Another transfer of yours is running.')
    this.#offers.set(person, lend)
    try {
      return await work()
    } finally {
      this.#offers.delete(person)
    }
  }

  /** @throws UsageError (PC-CONSOLE-OFFER, PC-CONSOLE-FILE), and what the transfer throws. */
  async send(name: string, protocol: TransferProtocol, caller: Caller, signal: AbortSignal, progress: TransferProgress): Promise<{ bytes: number }> {
    const lend = this.#lineOf(caller)
    const found = (await this.#options.room.outbox.list()).find((file) => file.name === name)
    if (found === undefined) throw new UsageError('PC-CONSOLE-FILE', 'There is no such file to send; "files" lists those there are.')
    return await lend((io) => this.#options.transfer.send(io, join(this.#options.outbox, found.name), protocol, signal, progress))
  }

  /** @throws UsageError (PC-CONSOLE-OFFER), and what the transfer throws. */
  async receive(
    protocol: TransferProtocol, caller: Caller, signal: AbortSignal, progress: TransferProgress, onWhole: (file: WholeFile) => void,
  ): Promise<WholeFile[]> {
    const { transfer, inbox, bytes_max } = this.#options
    return await this.#lineOf(caller)((io) => transfer.receive(io, inbox, bytes_max, protocol, signal, progress, onWhole))
  }

  /** Of those that were received. @throws UsageError (PC-CONSOLE-FILE), DeviceError (PC-TRANSFER-STORAGE). */
  async remove(name: string): Promise<void> {
    if (!await this.#options.room.inbox.remove(name)) throw new UsageError('PC-CONSOLE-FILE', 'No such file was received; "files" lists those there are.')
  }

  /** What can be sent and what was received, for whoever chooses a file by its name. */
  async names(): Promise<{ outbox: NamedFile[]; inbox: NamedFile[] }> {
    const named = ({ name, size }: { name: string; size: number }): NamedFile => ({ file: name, bytes: size })
    const { outbox, inbox } = this.#options.room
    return { outbox: (await outbox.list()).map(named), inbox: (await inbox.list()).map(named) }
  }

  #lineOf({ id }: Caller): Lend {
    const lend = this.#offers.get(id)
    if (lend === undefined) throw new UsageError('PC-CONSOLE-OFFER', 'Files go over the line of whoever types send or receive at the console.')
    return lend
  }
}

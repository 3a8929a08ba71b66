/** The two ends of a technician's line, and who may take it over: file transfers and framed programs. */
import type { Face } from '../access/contract.ts'

/** A line as the operating system gives it: a serial port, a Unix socket, a TLS connection. */
export interface Wire {
  /** Resolves when the operating system has taken the bytes: that is the back-pressure. */
  write(bytes: Uint8Array): Promise<void>
  /** Stops reading, or goes on: so much waits already that the other side must wait. What has been read still comes. */
  hold?(on: boolean): void
  /** Idempotent. `onClosed` of its listener is called once, whoever closed. */
  close(): void
}

export interface WireListener {
  onBytes(bytes: Uint8Array): void
  onClosed(): void
}

/**
 * The bytes of one line, for one reader and one writer at a time.
 *
 * What comes in waits in a bounded queue; what goes out is written in the order of the calls, and a
 * call that is awaited holds its caller until the line has taken the bytes.
 */
export interface TerminalIo {
  readonly face: Face
  /** Which port, terminal or address. */
  readonly where: string
  /** The speed of a serial line; `undefined` where there is none. */
  readonly baud: number | undefined
  /**
   * The bytes that have come, at least one; none after `limit_ms` without any. Bytes are never lost by
   * a read that is given up.
   * @throws DeviceError (PC-CONSOLE-LOST) when the line is gone, CancelledError when `signal` aborts.
   */
  read(limit_ms?: number, signal?: AbortSignal): Promise<Uint8Array>
  /** Puts bytes back, to be read next. */
  unread(bytes: Uint8Array): void
  /** @throws DeviceError (PC-CONSOLE-LOST) when the line is gone. */
  write(bytes: Uint8Array): Promise<void>
  /** Raw: XON and XOFF are bytes like any other. Otherwise they hold the output and are not read. */
  setRaw(on: boolean): void
}

/** How far a transfer is: bytes done of bytes in all, where the sender said how many. */
export type TransferProgress = (file: string, done: number, of: number | undefined) => void

/** A file that was received, by its name in the folder. */
export interface WholeFile {
  file: string
  bytes: number
  /** Lower-case hexadecimal. */
  sha256: string
}

export type TransferProtocol = 'zmodem' | 'ymodem'

/** Sends and receives files over the technician's line; the line is raw and nobody else's meanwhile. */
export interface Transfer {
  /** @throws DeviceError or InputError when the other side gave up or broke the protocol; CancelledError. */
  send(io: TerminalIo, file: string, protocol: TransferProtocol, signal: AbortSignal, progress: TransferProgress): Promise<{ bytes: number }>
  /**
   * Receives into a folder, at most `bytes_max` in all; file names from the other side are stripped of every path.
   * @param onWhole hears of each file as soon as it is whole and durable, also when a later one fails.
   */
  receive(
    io: TerminalIo, folder: string, bytes_max: number, protocol: TransferProtocol, signal: AbortSignal, progress: TransferProgress,
    onWhole?: (file: WholeFile) => void,
  ): Promise<WholeFile[]>
}

/** A program at the other end of the line: COBS frames with a CRC instead of text, with a login of its own. */
export interface FrameService {
  /** The longest frame with both its delimiters, bytes. */
  readonly frameMax: number
  /** Whether these bytes, from one 0x00 to the next (both included), are a whole frame that nothing else would be by chance. */
  recognises(frame: Uint8Array): boolean
  /** Serves the line, which is raw, until the other side ends it; the first frame has been put back to be read. @throws as `read`. */
  serve(io: TerminalIo, signal: AbortSignal): Promise<void>
}

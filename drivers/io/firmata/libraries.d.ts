/** What this driver uses of two libraries that bring no types. */
declare module 'firmata-io' {
  import type { EventEmitter } from 'node:events'

  export interface Pin {
    supportedModes: number[]
    mode: number | undefined
    value: number
    /** What the board says of an output: the level last written to it. */
    state?: number
    analogChannel?: number
  }

  export class Firmata extends EventEmitter {
    constructor(transport: EventEmitter, options: { skipCapabilities: boolean }, ready?: (error?: Error) => void)
    readonly reportVersionTimeoutId: NodeJS.Timeout
    readonly isReady: boolean
    readonly pins: Pin[]
    readonly analogPins: number[]
    readonly buffer: number[]
    readonly firmware: { name?: string; version?: { major: number; minor: number } }
    reportVersion(heard: () => void): void
    queryFirmware(heard: () => void): void
    queryCapabilities(heard: () => void): void
    queryAnalogMapping(heard: () => void): void
    queryPinState(pin: number, heard: () => void): void
    pinMode(pin: number, mode: number): void
    digitalWrite(pin: number, level: 0 | 1, enqueue?: boolean): void
    flushDigitalPorts(): void
    reportDigitalPin(pin: number, on: 0 | 1): void
  }

  const bind: { Firmata: typeof Firmata }
  export default bind
}

declare module 'johnny-five' {
  import type { EventEmitter } from 'node:events'

  export class Board extends EventEmitter {
    constructor(options: { io: EventEmitter; repl: false; debug: false; sigint: false })
    static readonly cache: Board[]
  }

  export class Relay {
    constructor(options: { pin: number | string; board: Board; type: 'NO' | 'NC' })
    readonly isClosed: boolean
    open(): void
    close(): void
  }

  export interface JohnnyFive { Board: typeof Board; Relay: typeof Relay }
  const five: JohnnyFive
  export default five
}

/** The conversation with a TiM: who it is, how it scans, which fields it watches, and telling it to send. */
import { ConfigError, DeviceError } from '../../../edge/base/error.ts'
import type { Identity } from '../../../edge/device/contract.ts'
import type { Connection } from '../../kit/session.ts'
import { carriedBy, isRefusal, type Payload, Reader, refusalCode, telegram, u16, Writer } from './cola.ts'
import { type Field, fieldName, fieldsMax, parseField } from './fields.ts'
import { type FieldResult, parseResults } from './results.ts'

/** What a sensor answers to a command of each kind. */
const answerOf = { sRN: 'sRA', sWN: 'sWA', sMN: 'sAN', sEN: 'sEA' } as const
type Kind = keyof typeof answerOf

type Answer<T> = { refused: number } | { value: T }

/** Device state (sRN SCdevicestate): while somebody is logged in it is busy, too. */
export const deviceState = { busy: 0, ready: 1, error: 2 } as const
/** User level (sMN SetAccessMode) that may start the measurement. */
const authorizedClient = 3

/** How the sensor is set up. */
export interface SensorSetup {
  /** Every how manieth scan it sends. */
  every: number
  /** Beams of a scan; 0 when it does not say. */
  beams: number
  fields: readonly Field[]
  /** The active set, where it was chosen by telegram; else the inputs choose it. */
  set: number | undefined
}

export class TimSensor {
  readonly #connection: Connection<Payload>
  readonly #component: string

  constructor(connection: Connection<Payload>, component: string) {
    this.#connection = connection
    this.#component = component
  }

  async identity(): Promise<Identity> {
    const ident = await this.#text('DeviceIdent', 2)
    const type = await this.#text('DItype', 1)
    const firmware = ident?.[1] ?? (await this.#text('FirmwareVersion', 1))?.[0]
    const serial = (await this.#text('SerialNumber', 1))?.[0]
    const model = type?.[0] || ident?.[0] || 'TiM'
    return { manufacturer: 'SICK', model, ...(serial === undefined ? {} : { serial }), ...(firmware === undefined ? {} : { firmware }) }
  }

  async setup(): Promise<SensorSetup> {
    const every = await this.#read('LMDscandatacfg', (carried) => (carried.length < 13 ? 1 : Math.max(1, u16(carried, 11))))
    const beams = await this.#read('LMPoutputRange', beamsOf)
    return { every: every ?? 1, beams: beams ?? 0, fields: await this.#fields(), set: await this.#chosenSet() }
  }

  /** The device state, undefined when it does not tell. */
  state(): Promise<number | undefined> {
    return this.#read('SCdevicestate', (carried) => carried[0] ?? deviceState.error)
  }

  /** What its fields say now; undefined when it evaluates none, or only tells of changes. */
  async results(): Promise<FieldResult[] | undefined> {
    const answer = await this.#ask('sRN', 'LFErec', undefined, (_, payload) => parseResults(payload))
    return 'value' in answer ? answer.value : undefined
  }

  /** Scans, and changes of field results, are sent from now on. @throws DeviceError (PC-SICK-REFUSED) when it sends no scans. */
  async subscribe(): Promise<void> {
    const scans = await this.#event('LMDscandata')
    if (scans !== undefined) throw this.#refused('sending scans', scans)
    // Sensors that evaluate no fields refuse this.
    await this.#event('LFErec')
  }

  /** For sensors whose measurement stands still. @throws DeviceError (PC-SICK-REFUSED). */
  async startMeasuring(passwordHash: number): Promise<void> {
    const access = new Writer().u8(authorizedClient).u32(passwordHash).done()
    for (const [name, carried, good] of [['SetAccessMode', access, 1], ['LMCstartmeas', undefined, 0], ['Run', undefined, 1]] as const) {
      const answer = await this.#ask('sMN', name, carried, (reply) => reply[0] ?? good)
      if ('refused' in answer) throw this.#refused(name, answer.refused)
      if (answer.value !== good) throw this.#refused(name, answer.value)
    }
  }

  /** In the order of their numbers, up to the first that the sensor does not have. */
  async #fields(): Promise<Field[]> {
    const fields: Field[] = []
    for (let index = 0; index < fieldsMax; index++) {
      const answer = await this.#ask('sRN', fieldName(index), undefined, (_, payload) => parseField(payload))
      if ('refused' in answer) break
      if (answer.value === undefined) throw this.#refused(`telling of ${fieldName(index)}`, 0)
      fields.push(answer.value)
    }
    return fields
  }

  async #chosenSet(): Promise<number | undefined> {
    const byTelegram = await this.#read('FieldSetSelectionMethod', (carried) => carried[0] === 1)
    if (byTelegram !== true) return undefined
    return await this.#read('ActiveFieldSet', (carried) => (carried.length < 2 ? 1 : Math.max(1, u16(carried, 0))))
  }

  async #event(name: string): Promise<number | undefined> {
    const answer = await this.#ask('sEN', name, Uint8Array.of(1), (carried) => carried[0] === 1)
    if ('refused' in answer) return answer.refused
    return answer.value ? undefined : 0
  }

  #text(name: string, texts: number): Promise<string[] | undefined> {
    return this.#read(name, (carried) => {
      const reader = new Reader(carried)
      const read = Array.from({ length: texts }, () => reader.text().replaceAll(/[^\x20-\x7e]/g, '').trim())
      return reader.ok ? read : undefined
    })
  }

  /** A variable; undefined when the sensor does not have it. */
  async #read<T>(name: string, read: (carried: Payload) => T | undefined): Promise<T | undefined> {
    const answer = await this.#ask('sRN', name, undefined, read)
    return 'value' in answer ? answer.value : undefined
  }

  #ask<T>(kind: Kind, name: string, carried: Uint8Array | undefined, read: (carried: Payload, whole: Payload) => T): Promise<Answer<T>> {
    return this.#connection.request<Answer<T>>(telegram(`${kind} ${name}`, carried), (payload) => {
      if (isRefusal(payload)) return { refused: refusalCode(payload) }
      const reply = carriedBy(payload, answerOf[kind], name)
      return reply === undefined ? undefined : { value: read(reply, payload) }
    })
  }

  #refused(what: string, code: number): DeviceError {
    return new DeviceError('PC-SICK-REFUSED', `${this.#component} refused ${what} (${code}).`, { component: this.#component })
  }
}

function beamsOf(carried: Payload): number {
  const reader = new Reader(carried, 2)
  const step = reader.u32()
  const start = reader.i32()
  const stop = reader.i32()
  return reader.ok && step > 0 && stop > start ? Math.floor((stop - start) / step) + 1 : 0
}

/** Four bytes, or eight hexadecimal digits. @throws ConfigError (PC-SICK-PASSWORD). */
export function passwordHash(secret: Uint8Array, component: string): number {
  const text = Buffer.from(secret).toString('latin1').trim()
  if (/^[0-9a-f]{8}$/i.test(text)) return Number.parseInt(text, 16)
  if (secret.length === 4) return Buffer.from(secret).readUInt32BE()
  throw new ConfigError('PC-SICK-PASSWORD', `The password of ${component} must be four bytes or eight hexadecimal digits.`, { component })
}

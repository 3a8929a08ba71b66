/** An emulated TiM781: it answers CoLa B, scans what stands in its scene at true pace, and watches its fields. */
import { ascii, equal } from '../../../edge/base/bytes.ts'
import { type StreamDevice, StreamTwin, type Via } from '../../kit/twin.ts'
import { FaultyView, type ViewFaults } from '../yard/faulty-view.ts'
import { Scene } from '../yard/scene.ts'
import { colaFramer, frame, type Payload, telegram, Writer } from './cola.ts'
import { encodeField, encodeResults, encodeScan, type ScanContent } from './encode.ts'
import { type Field, FieldEvaluation, fieldName, fieldsMax, fieldsPerSet } from './fields.ts'
import { fieldOf, type FieldResult, setOfInputs } from './results.ts'
import { forward_deg } from './scan.ts'

export interface SickTimTwinOptions {
  /** By default a room of 8 m by 6 m. */
  scene?: Scene
  /** Configured fields; the others are there, but empty. */
  fields?: readonly Field[]
  /** Scans in a row that must show something before a field counts as infringed. */
  responseScans?: number
  serial?: number
  /** Who may start its measurement. */
  passwordHash?: number
  /** Times as fast as the real one. */
  rate?: number
}

export interface SickTimFaults extends ViewFaults {
  /** The same distances again and again. */
  frozen: boolean
  /** It answers, but scans no more: somebody has stopped the measurement. */
  stopped: boolean
  /** Low byte of the device status. */
  status: number
  /** How far its clock is off, microseconds: to change it is a jump. */
  clockJump_us: number
  /** So many of the next scans are lost inside the sensor. */
  loseNext: number
}

const scans_perS = 15
const beams = { start_deg: -45, step_deg: 0.3333, count: 811 }
/** A white wall at arm's length gives about this. */
const strongest = 10_000
const defaultHash = 0xf472_4744
const wrap_us = 2 ** 32
const nearest_mm = 50
const farthest_mm = 25_000

const around = (index: number, name: string, far_mm: number): Field => ({
  index, name, incomplete: false,
  shapes: [{ kind: 'segmented', corners: [0, 200, 405, 610, 810].map((step) => ({ angle_deg: beams.start_deg + step * beams.step_deg, near_mm: 0, far_mm })) }],
})

/** A rectangle ahead, and two rings of which the nearer is meant to stop, the farther to warn. */
const defaultFields: readonly Field[] = [
  around(0, 'Near', 800), around(1, 'Far', 2_000),
  { index: 2, name: 'Ahead', incomplete: false, shapes: [{ kind: 'rectangle', corner: { angle_deg: 135, distance_mm: 707 }, turned_deg: 0, width_mm: 1_000, length_mm: 3_000 }] },
  around(3, 'Near, slow', 500),
]

function room(): Scene {
  const scene = new Scene({ mount: { z: 0.2 } })
  scene.near_m = nearest_mm / 1_000
  const corners = [[4, 3], [-4, 3], [-4, -3], [4, -3]] as const
  corners.forEach((from, index) => scene.wall({ from, to: corners[(index + 1) % corners.length] ?? from, height: 2 }))
  return scene
}

export class SickTimEmulation implements StreamDevice {
  readonly faults: SickTimFaults = { frozen: false, stopped: false, status: 0, clockJump_us: 0, loseNext: 0, dirty: 0, reversed: false, backwards: false, upsideDown: false }
  /** What it sees, to set. */
  readonly scene: Scene
  /** Its digital inputs choose the field set. */
  inputs = 0
  /** What its evaluation says of each place of the active set. */
  results: FieldResult[] = []
  readonly #send: (bytes: Uint8Array) => void
  readonly #framer = colaFramer()
  readonly #view: FaultyView
  readonly #fields: readonly Field[]
  readonly #evaluation: FieldEvaluation
  readonly #options: SickTimTwinOptions
  readonly #began = performance.now()
  readonly #distances = new Uint16Array(beams.count)
  readonly #strengths = new Uint16Array(beams.count)
  readonly #metres = new Float32Array(beams.count)
  #sendsScans = false
  #sendsResults = false
  #isLoggedIn = false
  #counter = 0
  #timer: NodeJS.Timeout | undefined
  #next = 0

  constructor(send: (bytes: Uint8Array) => void, options: SickTimTwinOptions = {}) {
    this.#send = send
    this.#options = options
    this.scene = options.scene ?? room()
    this.#view = new FaultyView(this.scene, this.faults)
    const fields = options.fields ?? defaultFields
    this.#fields = Array.from({ length: fieldsMax }, (_, index) =>
      fields.find((field) => field.index === index) ?? { index, name: `Field${String(index + 1).padStart(3, '0')}`, shapes: [], incomplete: false })
    this.#evaluation = new FieldEvaluation(this.#fields, beams, { scans: options.responseScans ?? 2, blanking_mm: 0 })
  }

  /** A new connection has no subscriptions. */
  connected(): void {
    this.#framer.reset()
    this.#sendsScans = false
    this.#sendsResults = false
    this.#isLoggedIn = false
    if (this.#timer === undefined) this.#scanLater()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#next = 0
  }

  receive(bytes: Uint8Array): void {
    for (const payload of this.#framer.push(bytes)) this.#send(this.#answer(payload))
  }

  #answer(payload: Payload): Uint8Array {
    const [kind = '', name = ''] = Buffer.from(payload).toString('latin1').split(' ', 2)
    const words = ascii(`${kind} ${name}`)
    const carried = payload.subarray(Math.min(payload.length, words.length + 1))
    const answered = kind === 'sRN' ? this.#read(name) : kind === 'sEN' ? this.#subscribe(name, carried) : kind === 'sMN' ? this.#run(name, carried) : undefined
    // 3 is what sensors say to a name that they do not know.
    return answered ?? telegram('sFA', Uint8Array.of(0, 3))
  }

  #read(name: string): Uint8Array | undefined {
    const says = (carried: Writer): Uint8Array => telegram(`sRA ${name}`, carried.done())
    const field = this.#fields.find(({ index }) => fieldName(index) === name)
    if (field !== undefined) return frame(encodeField(field))
    switch (name) {
      case 'DeviceIdent': return says(new Writer().text('TiM781').text('V3.17-emulated'))
      case 'DItype': return says(new Writer().text('TIM781-2174104'))
      case 'FirmwareVersion': return says(new Writer().text('V3.17'))
      case 'SerialNumber': return says(new Writer().text(String(this.#serial)))
      case 'SCdevicestate': return says(new Writer().u8((this.faults.status & 1) === 1 ? 2 : this.#isLoggedIn ? 0 : 1))
      case 'LMPoutputRange': return says(new Writer().u16(1).u32(3_333).u32(-450_000).u32(2_250_000))
      case 'LMDscandatacfg': return says(new Writer().u16(0x0100).u8(1).u8(1).u8(0).u16(0).u8(0).u8(0).u8(0).u8(1).u16(1))
      case 'FieldSetSelectionMethod': return says(new Writer().u8(0))
      case 'ActiveFieldSet': return says(new Writer().u16(setOfInputs(this.inputs)))
      case 'LFErec': return frame(encodeResults(this.results, 'sRA'))
      default: return undefined
    }
  }

  #subscribe(name: string, carried: Uint8Array): Uint8Array | undefined {
    const on = carried[0] === 1
    if (name === 'LMDscandata') this.#sendsScans = on
    else if (name === 'LFErec') this.#sendsResults = on
    else return undefined
    return telegram(`sEA ${name}`, Uint8Array.of(on ? 1 : 0))
  }

  #run(name: string, carried: Uint8Array): Uint8Array | undefined {
    const says = (code: number): Uint8Array => telegram(`sAN ${name}`, Uint8Array.of(code))
    switch (name) {
      case 'SetAccessMode':
        this.#isLoggedIn = equal(carried, new Writer().u8(3).u32(this.#options.passwordHash ?? defaultHash).done())
        return says(this.#isLoggedIn ? 1 : 0)
      case 'LMCstartmeas':
        if (this.#isLoggedIn) this.faults.stopped = false
        return says(this.#isLoggedIn ? 0 : 1)
      case 'Run':
        this.#isLoggedIn = false
        return says(1)
      default: return undefined
    }
  }

  get #serial(): number {
    return this.#options.serial ?? 20_430_001
  }

  /** At true pace: a scan that comes late does not delay the next. */
  #scanLater(): void {
    const period_ms = 1_000 / scans_perS / (this.#options.rate ?? 1)
    const now = performance.now()
    this.#next = Math.max(this.#next + period_ms, now)
    this.#timer = setTimeout(() => {
      this.#scanLater()
      this.#scan()
    }, this.#next - now)
  }

  #scan(): void {
    const { faults } = this
    if (faults.stopped) return
    this.#counter = (this.#counter + 1) & 0xffff
    this.scene.advance(1_000 / scans_perS)
    if (!faults.frozen) this.#look()
    this.#evaluate()
    if (faults.loseNext > 0) faults.loseNext--
    else if (this.#sendsScans) this.#send(frame(encodeScan(this.#content())))
  }

  #look(): void {
    for (let beam = 0; beam < beams.count; beam++) {
      const azimuth = ((beams.start_deg + beam * beams.step_deg - forward_deg) * Math.PI) / 180
      const away_mm = Math.round(this.#view.distance(azimuth, 0, 0) * 1_000)
      this.#distances[beam] = away_mm < nearest_mm || away_mm > farthest_mm ? 0 : away_mm
      this.#strengths[beam] = this.#distances[beam] === 0 ? 0 : Math.round(this.#view.reflectance * strongest)
      this.#metres[beam] = (this.#distances[beam] as number) / 1_000
    }
  }

  /** Says what its fields say when it is something else than before. */
  #evaluate(): void {
    this.#evaluation.evaluate(this.#metres)
    const set = setOfInputs(this.inputs)
    const before = this.results
    this.results = Array.from({ length: fieldsPerSet }, (_, index) => {
      const place = index + 1
      const state = this.#evaluation.state(fieldOf(set, place))
      const last = before[index]
      return last?.state === state ? last : { place, state, date_us: this.#now_us() }
    })
    if (this.#sendsResults && this.results.some((result, index) => result !== before[index])) this.#send(frame(encodeResults(this.results)))
  }

  #content(): ScanContent {
    return {
      serial: this.#serial, status: this.faults.status, counter: this.#counter, uptime_us: this.#now_us() % wrap_us,
      inputs: this.inputs, outputs: 0, scans_perS, start_deg: beams.start_deg, step_deg: beams.step_deg,
      distances_mm: this.#distances, strengths: this.#strengths, date_us: this.#now_us(),
    }
  }

  /** Since power-up; its date begins with it in 1970. */
  #now_us(): number {
    return Math.max(0, Math.round((performance.now() - this.#began) * 1_000 + this.faults.clockJump_us))
  }
}

export class SickTimTwin extends StreamTwin<SickTimEmulation> {
  constructor(options: SickTimTwinOptions = {}, via: Via = 'tcp') {
    super((send) => new SickTimEmulation(send, options), via)
  }
}

/**
 * The emulated hardware of `profiles/egate.yaml` and the space around it: two doors, light curtains,
 * a camera, a scanner, and the people who move among them.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DoorWorld } from '../../drivers/barrier/io/door-world.ts'
import { turnstileTwin } from '../../drivers/barrier/lot-turnstile/twin.ts'
import { MjpegTwin } from '../../drivers/camera/mjpeg/twin.ts'
import { type Finger, R30xTwin } from '../../drivers/fingerprint/r30x/twin.ts'
import { firmataTwin } from '../../drivers/io/firmata/twin.ts'
import { GpioTwin } from '../../drivers/io/gpio/twin.ts'
import type { Twin, Via } from '../../drivers/kit/twin.ts'
import { MrzTwin } from '../../drivers/reader/mrz-serial/twin.ts'
import { QrTwin } from '../../drivers/reader/qr-serial/twin.ts'
import { systemClock } from '../../edge/base/clock.ts'
import { sleep } from '../../edge/base/wait.ts'
import type { Instruction } from '../../edge/gate/contract.ts'
import type { Traveller } from './people.ts'
import { type Faces, facesFolder } from './site-state.ts'

/** How the profile's lines are wired; checked against the profile when the site starts. */
const pins = { beat: 3, entryLock: 4, entryClosed: 9 }
const beat_ms = 200
const lines = { fire: 0, power: 1, front: 2, insideLeft: 3, insideRight: 4, behind: 5 }

/** People pass a light curtain in a moment. */
const step_ms = 150
const patience_ms = 8_000
/** More than a check takes, at the camera's rate. */
const stay_frames = 300

export class EgateWorld {
  readonly twins: Readonly<Record<string, Twin>>
  readonly camera = new MjpegTwin()
  readonly #relays
  readonly #contacts = new GpioTwin({ chip: 'egate-contacts' })
  readonly #flap
  readonly #passport: MrzTwin
  readonly #finger: R30xTwin
  readonly #entry: DoorWorld
  readonly #faces: Faces
  readonly #pictures = new Map<string, Uint8Array[]>()

  constructor(faces: Faces, { tempo = 1, via, boardFirmware }: { tempo?: number; via?: Via; boardFirmware?: string } = {}) {
    this.#faces = faces
    this.#relays = firmataTwin({ watchdog: { pin: pins.beat, period_ms: beat_ms }, ...(boardFirmware === undefined ? {} : { firmware: boardFirmware }) }, via)
    this.#flap = turnstileTwin({}, via)
    this.#passport = new MrzTwin({}, via)
    this.#finger = new R30xTwin({ tempo }, via)
    this.#entry = new DoorWorld(this.#relays.device, { relay: pins.entryLock, contact: { line: pins.entryClosed, level: true } })
    this.twins = {
      passport: this.#passport, card: new QrTwin({}, via), finger: this.#finger, camera: this.camera,
      relays: this.#relays, contacts: this.#contacts, exitFlap: this.#flap,
    }
  }

  /** Resolves with the options of each part that say where its twin is. */
  async start(): Promise<Record<string, Record<string, unknown>>> {
    const places = await Promise.all(Object.entries(this.twins).map(async ([part, twin]) => [part, await twin.start()] as const))
    // Safety contacts are closed loops, and nobody stands in a light curtain yet.
    this.#contacts.drive(lines.fire, true)
    this.#contacts.drive(lines.power, true)
    this.showNobody()
    return Object.fromEntries(places)
  }

  async stop(): Promise<void> {
    this.#entry.stop()
    await Promise.all(Object.values(this.twins).map((twin) => twin.stop()))
  }

  get passport() {
    return this.#passport.device
  }

  /** Whether each door lets anybody through now. */
  get doors(): { entry: boolean; exit: boolean } {
    return { entry: !this.#entry.isClosed, exit: this.#flap.device.flap !== 'closed' }
  }

  async approach(): Promise<void> {
    this.#contacts.drive(lines.front, true)
  }

  async leaveFront(): Promise<void> {
    this.#contacts.drive(lines.front, false)
  }

  /** Through the entry door; with `people` 2 somebody slips in behind. */
  async stepIn(people: 1 | 2): Promise<void> {
    this.#contacts.drive(lines.insideLeft, true)
    if (people === 2) {
      await sleep(systemClock, step_ms)
      this.#contacts.drive(lines.insideRight, true)
    }
    await sleep(systemClock, step_ms)
    this.#contacts.drive(lines.front, false)
  }

  /** Back out by the entry door, once it is open. */
  async stepBack(): Promise<void> {
    for (let waited = 0; this.#entry.isClosed && waited < patience_ms; waited += 20) await sleep(systemClock, 20)
    if (this.#entry.isClosed) return
    this.#contacts.drive(lines.front, true)
    this.#contacts.drive(lines.insideLeft, false)
    this.#contacts.drive(lines.insideRight, false)
  }

  /** Through the exit flap; `false` when it stayed shut. */
  async stepOut(): Promise<boolean> {
    if (await this.#flap.device.walk('entry', { patience_ms }) === 'refused') return false
    this.#contacts.drive(lines.behind, true)
    this.#contacts.drive(lines.insideLeft, false)
    await sleep(systemClock, 2 * step_ms)
    this.#contacts.drive(lines.behind, false)
    return true
  }

  /** Whoever is still there goes, as people do in the end. */
  async clear(): Promise<void> {
    for (const line of [lines.front, lines.insideLeft, lines.insideRight, lines.behind]) this.#contacts.drive(line, false)
    this.#flap.device.goOn()
  }

  /** The entry door does not move any more. */
  jamEntry(jammed: boolean): void {
    this.#entry.jammed = jammed
  }

  /** Somebody goes into the exit flap and stands there; `clear` sends them on. Resolves with whether they got in. */
  async stopInFlap(): Promise<boolean> {
    void this.#flap.device.walk('entry', { patience_ms, stops: true })
    for (let waited = 0; !this.#flap.device.occupied && waited < patience_ms; waited += 20) await sleep(systemClock, 20)
    if (this.#flap.device.occupied) this.#contacts.drive(lines.insideLeft, false)
    return this.#flap.device.occupied
  }

  alarm(on: boolean): void {
    this.#contacts.drive(lines.fire, !on)
  }

  /** What the camera sees of somebody who does what the page asks for. */
  showFace({ face, behaviour }: Traveller, instruction: Instruction): void {
    if (behaviour === 'hides-face') return this.showNobody()
    if (behaviour === 'two-faces') return this.#play('two', this.#faces.scenes['two'] ?? [])
    const scripts = this.#faces.people.find(({ id }) => id === face)?.scripts ?? {}
    const script = behaviour === 'holds-up-photo' ? (this.#faces.attacks['photo']?.frames ?? []) : (scripts[instruction] ?? scripts['neutral'] ?? [])
    this.#play(`${behaviour} ${face} ${instruction}`, script, { stay: instruction !== 'look-at-camera' && behaviour !== 'holds-up-photo' })
  }

  showNobody(): void {
    this.#play('nobody', this.#faces.scenes['empty'] ?? [])
  }

  touch(finger: Finger | 'dry'): void {
    this.#finger.device.setFinger(finger)
  }

  liftFinger(): void {
    this.#finger.device.setFinger('none')
  }

  /** @param stay in the last picture, as somebody does who has turned; otherwise the pictures begin again */
  #play(name: string, files: readonly string[], { stay = false } = {}): void {
    let pictures = this.#pictures.get(name)
    if (pictures === undefined) {
      pictures = files.map((file) => readFileSync(join(facesFolder, file)))
      const last = pictures.at(-1)
      if (stay && last !== undefined) pictures.push(...Array.from({ length: stay_frames }, () => last))
      this.#pictures.set(name, pictures)
    }
    this.camera.world.play(pictures)
  }
}

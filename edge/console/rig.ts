/** What the tests of the console stand on: a device with real access, and somebody who sits at its line. */
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import type { Test } from 'tap'
import { Access } from '../access/access.ts'
import { Accounts } from '../access/accounts.ts'
import { answerChallenge, readChallenge } from '../access/challenge.ts'
import type { PersonRole } from '../access/contract.ts'
import { AccessSetup } from '../access/section.ts'
import { SecretHashing } from '../access/secret.ts'
import { systemClock } from '../base/clock.ts'
import { DeviceError } from '../base/error.ts'
import { silent } from '../base/log.ts'
import { parse, type Static, Type } from '../base/schema.ts'
import { sleep } from '../base/wait.ts'
import { Barrier, Indicator } from '../device/capabilities.ts'
import { Component, type ComponentOf } from '../device/component.ts'
import { command, contract, property } from '../device/contract.ts'
import { DeviceModel } from '../device/model.ts'
import { madeUpDrive } from '../device/rig.ts'
import { Gate } from '../gate/contract.ts'
import type { NewFact } from '../journal/fact.ts'
import { Console, type ConsoleOptions } from './console.ts'
import { ConsoleSection } from './contract.ts'
import type { WireListener } from './io.ts'

const clock = systemClock
const cost = { logN: 4, r: 1, p: 1 }
const authority = generateKeyPairSync('ed25519')
const people: Readonly<Record<string, PersonRole>> = { nguyen: 'technician', li: 'engineer', vien: 'viewer' }
export const secretOf = (person: string): string => `${person} keeps a long secret`

/** Something that no line of the console has heard of. */
const Gizmo = contract('gizmo', 'A thing that was made up for this test.', {
  colour: property(Type.Enum(['red', 'green', 'blue']), 'What it looks like.'),
  speed: property(Type.Number(), 'How fast it turns.', 'r/min'),
  pins: property(Type.Record(Type.String(), Type.Boolean()), 'What its pins carry.'),
  paint: command({ colour: Type.Enum(['red', 'green', 'blue']), coats: Type.Integer({ minimum: 1, maximum: 9, default: 1 }) }, 'Paints it.', {
    role: 'technician', result: Type.Object({ painted: Type.String() }),
  }),
  pulse: command({ pin: Type.String(), on: Type.Boolean() }, 'Drives a pin.', { role: 'technician' }),
  spin: command({}, 'Turns it.', { role: 'engineer', moves: true }),
  teach: command({ phrase: Type.String(), kind: Type.Enum(['short', 'long']) }, 'Takes something personal.', { role: 'technician', personal: true, result: Type.Object({ phrase: Type.String() }) }),
  hang: command({}, 'Waits until it is cancelled.', { role: 'technician', limit_ms: 60_000 }),
})

export class Device {
  readonly model = new DeviceModel()
  readonly facts: NewFact[] = []
  readonly done: string[] = []
  readonly folder: string
  readonly access: Access
  readonly barrier: ComponentOf<typeof Barrier>
  readonly gate: ComponentOf<typeof Gate>

  constructor(folder: string, section: Partial<AccessSetup>) {
    this.folder = folder
    const selfTest = async () => ({ passed: true, checks: [{ name: 'alive', passed: true, value: 0.5, unit: 'ms', says: 'It answers.' }] })
    const gizmo = new Component('gizmo', Gizmo, clock, {
      selfTest: async () => ({ passed: false, checks: [{ name: 'paint', passed: false, says: 'It peels.' }] }),
      paint: async ({ colour, coats }) => {
        this.done.push(`paint ${colour} ${coats}`)
        gizmo.publish('colour', colour)
        return { painted: `${colour} x ${coats}` }
      },
      pulse: async ({ pin, on }) => this.#noted(`pulse ${pin} ${on}`),
      spin: async () => this.#noted('spin'),
      teach: async ({ phrase }) => this.#noted(`teach ${phrase}`, { phrase }),
      hang: (_args, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve({}))),
    })
    gizmo.publish('health', { status: 'ready' })
    gizmo.publish('identity', { manufacturer: 'Acme\u001b[2J', model: 'Gi\u001b]0;owned\u0007zmo', firmware: '1.2' })
    gizmo.publish('speed', 12.5)
    gizmo.publish('pins', { motorLeft: true, motorRight: false })
    gizmo.publish('counters', { turns: 3, stalls: 0 })
    this.barrier = this.#barrier(selfTest)
    this.gate = new Component('gate', Gate, clock, { selfTest, decide: async () => ({}), service: async () => ({}) })
    this.gate.publish('view', { passage: 1, phase: 'idle', instruction: 'lay-document', steps: [], attempt: 1 })
    this.gate.publish('inService', true)
    this.gate.publish('health', { status: 'ready' })
    const lamp = new Component('lamp', Indicator, clock, { selfTest, show: async ({ sign }) => this.#noted(`lamp ${sign}`) })
    lamp.publish('health', { status: 'failed', code: 'PC-LINK-OPEN', says: 'The serial port cannot be opened.' })
    this.model.add(gizmo)
    this.model.add(this.barrier)
    this.model.add(this.gate)
    this.model.add(lamp)
    this.model.add(madeUpDrive(clock, this.done))
    this.access = new Access({
      clock, log: silent, model: this.model, sink: { append: async (fact) => ({ seq: this.facts.push(fact) }) }, device: 'mong-cai/bl1-e07', cost,
      file: join(folder, 'accounts.json'), authorities: [authority.publicKey.export({ type: 'spki', format: 'pem' }).toString()],
      section: { ...parse(AccessSetup, {}, 'PC-TEST-INPUT', 'section'), ...section },
    })
    this.model.add(this.access.component)
  }

  #barrier(selfTest: () => Promise<{ passed: boolean; checks: [] | { name: string; passed: boolean; says: string }[] }>): ComponentOf<typeof Barrier> {
    let cancel = (): void => undefined
    const become = (state: 'open' | 'closed'): void => {
      cancel()
      if (barrier.read('state') !== state) this.done.push(`barrier ${state}`)
      barrier.publish('state', state)
    }
    const barrier: ComponentOf<typeof Barrier> = new Component('flap', Barrier, clock, {
      selfTest,
      open: async ({ for_ms }) => {
        become('open')
        cancel = clock.after(for_ms, () => become('closed'))
        return {}
      },
      close: async () => {
        become('closed')
        return {}
      },
      free: async () => ({}),
    })
    barrier.publish('state', 'closed')
    barrier.publish('health', { status: 'ready' })
    return barrier
  }

  #noted<T extends object>(what: string, result: T = {} as T): T {
    this.done.push(what)
    return result
  }

  outOfService(): void {
    this.gate.publish('inService', false)
    this.gate.publish('view', { passage: 1, phase: 'out-of-service', instruction: 'use-other-gate', steps: [], reason: 'service', attempt: 1 })
  }

  answerTo(challenge: string, role: PersonRole): string {
    const read = readChallenge(challenge)
    if (read === undefined) throw new Error('this is no challenge')
    return answerChallenge(read, { role, for_min: 60 }, authority.privateKey)
  }
}

/** Somebody with a terminal at a serial port that is a queue in memory. */
export class Seat {
  out = ''
  /** Bytes that the console wrote, in all. */
  bytes = 0
  /** Refuses to take bytes for as long as it is set. */
  stalled: Promise<void> | undefined
  #listener: WireListener | undefined

  /** For the console: plugs the cable in. */
  open(listener: WireListener): Promise<{ write(bytes: Uint8Array): Promise<void>; close(): void }> {
    this.#listener = listener
    return Promise.resolve({
      write: async (bytes) => {
        await this.stalled
        this.bytes += bytes.length
        this.out += Buffer.from(bytes).toString('latin1')
      },
      close: () => this.unplug(),
    })
  }

  get plugged(): boolean {
    return this.#listener !== undefined
  }

  unplug(): void {
    const listener = this.#listener
    this.#listener = undefined
    listener?.onClosed()
  }

  type(text: string | Uint8Array): void {
    this.#listener?.onBytes(typeof text === 'string' ? Buffer.from(text, 'latin1') : text)
  }

  /** What has come since it was last asked, once the pattern is in it. */
  async until(pattern: RegExp): Promise<string> {
    for (let waited_ms = 0; waited_ms < 20_000; waited_ms += 5) {
      const text = stripVTControlCharacters(this.out)
      const found = pattern.exec(text)
      if (found !== null) {
        this.out = ''
        return text
      }
      await sleep(clock, 5)
    }
    throw new Error(`${String(pattern)} did not come; this came: ${JSON.stringify(this.out.slice(-600))}`)
  }

  async login(person: string): Promise<void> {
    await this.until(/login: $/)
    this.type(`${person}\r`)
    await this.until(/secret.*: $/)
    this.type(`${secretOf(person)}\r`)
    await this.until(/Welcome.*\r\n.*> $/)
  }

  /** A line, and what it told, without echo and next prompt. */
  async ask(line: string): Promise<string> {
    this.type(`${line}\r`)
    const text = await this.until(/\r\nbl1-e07> $/)
    return text.slice(text.indexOf('\r\n') + 2).replace(/bl1-e07> $/, '').replaceAll('\r', '')
  }
}

export interface Rig {
  device: Device
  console: Console
  seat: Seat
}

const port = '/dev/ttyTEST'

export async function rig(t: Test, { section = {}, access = {}, ...options }: { section?: Partial<Static<typeof ConsoleSection>>; access?: Partial<AccessSetup> } & Partial<Omit<ConsoleOptions, 'section'>> = {}): Promise<Rig> {
  // The path of a socket must be short.
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-console-'))
  const device = new Device(folder, access)
  const file = new Accounts(join(device.folder, 'accounts.json'))
  for (const [person, role] of Object.entries(people)) await file.put({ person, role, secret: await new SecretHashing(cost).hash(secretOf(person)), by: 'test', at: 0 })
  await device.access.start()
  const seat = new Seat()
  let plugs = 0
  const openSerial = () => ({
    open: (listener: WireListener) => (plugs++ > 0 && seat.plugged ? Promise.reject(new DeviceError('PC-LINK-OPEN', 'busy')) : seat.open(listener)),
  })
  const console = new Console({
    model: device.model, gatekeeper: device.access, clock, log: silent, device: 'mong-cai/bl1-e07', version: '1.2.3', state: device.folder, openSerial,
    section: { ...parse(ConsoleSection, {}, 'PC-TEST-INPUT', 'section'), local: false, ports: [{ port, baud: 115_200 }], ...section }, ...options,
  })
  device.model.add(console.component)
  await console.start()
  t.teardown(async () => {
    await console.stop()
    await device.access.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  return { device, console, seat }
}

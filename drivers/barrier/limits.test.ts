/**
 * Whatever is commanded, unplugged or killed, and whenever: a barrier commanded once is not open
 * past its limit. In virtual time, with the twins in this process.
 */
import fc from 'fast-check'
import t from 'tap'
import { ManualClock } from '../../edge/base/clock.ts'
import { DeviceError, unreachable } from '../../edge/base/error.ts'
import type { Barrier } from '../../edge/device/capabilities.ts'
import type { ComponentOf } from '../../edge/device/component.ts'
import { firmataOver } from '../io/firmata/driver.ts'
import { FirmataDevice } from '../io/firmata/twin.ts'
import { standaloneContext } from '../kit/conformance.ts'
import type { LinkListener, Transport } from '../kit/transport.ts'
import type { StreamDevice } from '../kit/twin.ts'
import { driver as ioDoor } from './io/driver.ts'
import { shortestLimit_ms } from './lot-turnstile/codec.ts'
import { turnstileOver } from './lot-turnstile/driver.ts'
import { TurnstileDevice } from './lot-turnstile/twin.ts'

/** Lets everything that waits for no timer happen. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 12; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** A cable in virtual time, from any number of drivers' lives to one emulated device. */
class Cable<D extends StreamDevice> {
  readonly device: D
  plugged = true
  #listener: LinkListener | undefined
  #life = 0

  constructor(make: (send: (bytes: Uint8Array) => void) => D) {
    this.device = make((bytes) => queueMicrotask(() => this.#listener?.onBytes(bytes)))
  }

  /** For a new life of the driver; the one before is heard no more, as if it had been killed. */
  transport(): Transport {
    this.kill()
    const life = this.#life
    return {
      where: 'here',
      open: async (listener) => {
        if (!this.plugged || life !== this.#life) throw new DeviceError('PC-LINK-OPEN', 'Nothing is plugged in.')
        this.#listener = listener
        this.device.connected?.()
        return {
          write: async (bytes) => {
            if (this.#listener === listener) queueMicrotask(() => this.device.receive(bytes))
          },
          close: () => {
            if (this.#listener === listener) this.unlink()
          },
        }
      },
    }
  }

  /** Ends the driver's life without a word to it. */
  kill(): void {
    this.#life++
    this.#listener = undefined
  }

  unlink(): void {
    const listener = this.#listener
    this.#listener = undefined
    listener?.onClosed()
  }

  unplug(): void {
    this.plugged = false
    this.unlink()
  }
}

type Step =
  | { kind: 'open' | 'wait'; for_ms: number }
  | { kind: 'close' | 'unplug' | 'plug' | 'kill' | 'start' | 'walk' | 'reboot' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), for_ms: fc.integer({ min: 0, max: 3_000 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('close' as const, 'unplug' as const, 'plug' as const, 'kill' as const, 'start' as const, 'walk' as const, 'reboot' as const) }) },
)
const limit = fc.integer({ min: 100, max: 9_000 })
const tick_ms = 50
const motion_ms = 300
const walk_ms = 600

type BarrierPart = ComponentOf<typeof Barrier>

/** One kind of barrier, its twin, and how its driver is started on a cable. */
interface Kind<D extends StreamDevice> {
  device(send: (bytes: Uint8Array) => void, clock: ManualClock): D
  start(clock: ManualClock, transport: Transport): Promise<BarrierPart>
  walk(device: D): void
  reboot(device: D): void
  isOpen(device: D): boolean
  /** How long after a command for `limit_ms` it may be open; `undisturbed` while nothing was unplugged or killed. */
  most_ms(limit_ms: number, undisturbed: boolean): number
}

/** A barrier in virtual time, and what happens to it. */
class Course<D extends StreamDevice> {
  wasOpen = false
  readonly #kind: Kind<D>
  readonly #clock = new ManualClock()
  readonly #cable: Cable<D>
  #part: BarrierPart | undefined
  #undisturbed = true
  #opened: { at: number; limit_ms: number } | undefined

  constructor(kind: Kind<D>) {
    this.#kind = kind
    this.#cable = new Cable((send) => kind.device(send, this.#clock))
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const next of steps) {
      await this.#act(next)
      await settle()
      this.#check()
    }
    this.#cable.device.stop?.()
  }

  async #act(next: Step): Promise<void> {
    const cable = this.#cable
    if (next.kind === 'unplug' || next.kind === 'kill' || next.kind === 'reboot') this.#undisturbed = false
    switch (next.kind) {
      case 'wait': return this.#wait(next.for_ms)
      case 'open':
        if (this.#part === undefined) return
        this.#opened = { at: this.#clock.now(), limit_ms: next.for_ms }
        return void this.#part.invoke('open', { for_ms: next.for_ms }).catch(() => undefined)
      case 'close': return void this.#part?.invoke('close', {}).catch(() => undefined)
      case 'unplug': return cable.unplug()
      case 'plug':
        cable.plugged = true
        return
      case 'kill':
        cable.kill()
        this.#part = undefined
        return
      case 'start':
        this.#part ??= await this.#kind.start(this.#clock, cable.transport())
        return
      case 'walk': return this.#kind.walk(cable.device)
      case 'reboot': return this.#kind.reboot(cable.device)
      default: return unreachable(next)
    }
  }

  async #wait(duration_ms: number): Promise<void> {
    for (let passed = 0; passed < duration_ms; passed += tick_ms) {
      this.#clock.advance(tick_ms)
      await settle()
      this.#check()
    }
  }

  #check(): void {
    const isOpen = this.#kind.isOpen(this.#cable.device)
    if (this.#opened === undefined || !isOpen) return
    this.wasOpen = true
    const { at, limit_ms } = this.#opened
    const open_ms = this.#clock.now() - at
    if (open_ms > this.#kind.most_ms(limit_ms, this.#undisturbed) + 2 * tick_ms) throw new Error(`open ${open_ms} ms after a command for ${limit_ms} ms`)
  }
}

const running: readonly Step[] = [{ kind: 'start' }, { kind: 'wait', for_ms: 500 }]

/** @returns in how many courses the barrier did open. */
async function everyCourse<D extends StreamDevice>(kind: Kind<D>, numRuns: number): Promise<number> {
  let opened = 0
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 4 }), limit, fc.array(step, { maxLength: 10 }), async (before, for_ms, after) => {
    const course = new Course(kind)
    await course.run([...running, ...before, { kind: 'open', for_ms }, ...after, { kind: 'wait', for_ms: for_ms + 4_000 }])
    opened += Number(course.wasOpen)
  }), { numRuns })
  return opened
}

const turnstile: Kind<TurnstileDevice> = {
  device: (send, clock) => new TurnstileDevice(send, { clock, motion_ms, walk_ms }),
  start: async (clock, transport) => {
    const device = turnstileOver({
      port: '', baud: 115_200, unit: 1, direction: 'entry', poll_ms: 100, move_ms: motion_ms, clear_ms: 1_000, reply_ms: 200, retries: 1, reconnect_ms: 100,
    }, standaloneContext('barrier', clock), transport)
    void device.start(new AbortController().signal)
    return device.component
  },
  walk: (device) => void device.walk('entry', { patience_ms: 2_000 }),
  reboot: (device) => device.reboot(),
  isOpen: (device) => device.flap !== 'closed',
  // Its own times are whole seconds; who is inside when they are over goes on through.
  most_ms: (limit_ms, undisturbed) => (undisturbed ? limit_ms : Math.max(limit_ms, shortestLimit_ms)) + walk_ms + 2 * motion_ms,
}

const watchdog = { pin: 4, period_ms: 200 }
const relay = 7

const door: Kind<FirmataDevice> = {
  device: (send, clock) => new FirmataDevice(send, { clock, watchdog }),
  start: async (clock, transport) => {
    const board = firmataOver({
      port: '', baud: 57_600, outputs: { beat: { pin: watchdog.pin, invert: false }, door: { pin: relay, invert: false } }, inputs: {},
      keepAlive: { line: 'beat', period_ms: 100 }, poll_ms: 500, boot_ms: 1_000, reply_ms: 200, retries: 1, reconnect_ms: 100,
    }, standaloneContext('board', clock), transport)
    void board.start(new AbortController().signal)
    await settle()
    const part = ioDoor.create({ board: 'board', open: 'door', move_ms: motion_ms }, standaloneContext('door', clock, [board.component]))
    await part.start(new AbortController().signal)
    return part.component
  },
  walk: () => undefined,
  reboot: (device) => device.reset(),
  isOpen: (device) => device.energised(relay),
  // The safety relay drops two periods after the last beat.
  most_ms: (limit_ms) => limit_ms + 2 * watchdog.period_ms,
}

void t.test('a turnstile commanded once is shut after its limit, whatever happens', async (t) => {
  t.ok(await everyCourse(turnstile, 30) > 5, 'it often did open in between')
})

void t.test('a door behind a kept-alive relay commanded once is let go after its limit, whatever happens', async (t) => {
  await Promise.all([import('firmata-io'), import('johnny-five')])
  t.ok(await everyCourse(door, 30) > 5, 'it often did open in between')
})

void t.test('without a keep-alive, a relay stays on from the death of the program to its next start', async (t) => {
  const alone: Kind<FirmataDevice> = { ...door, device: (send, clock) => new FirmataDevice(send, { clock }) }
  const killed: Step[] = [...running, { kind: 'open', for_ms: 1_000 }, { kind: 'kill' }, { kind: 'wait', for_ms: 5_000 }]
  await t.rejects(new Course(alone).run(killed), /after a command for 1000 ms/)
  await t.resolves(new Course(alone).run([...killed.slice(0, -1), { kind: 'start' }, { kind: 'wait', for_ms: 5_000 }]))
})

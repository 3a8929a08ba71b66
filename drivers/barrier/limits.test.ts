/**
 * Whatever is commanded, unplugged or killed, and whenever: a barrier commanded once is not open
 * past its limit. In virtual time, with the twins in this process.
 */
import fc from 'fast-check'
import t from 'tap'
import { ManualClock } from '../../edge/base/clock.ts'
import { DeviceError } from '../../edge/base/error.ts'
import type { Barrier } from '../../edge/device/capabilities.ts'
import { standaloneContext } from '../kit/conformance.ts'
import type { Device } from '../kit/driver.ts'
import type { LinkListener, Transport } from '../kit/transport.ts'
import type { StreamDevice } from '../kit/twin.ts'
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

  constructor(make: (send: (bytes: Uint8Array) => void) => D) {
    this.device = make((bytes) => queueMicrotask(() => this.#listener?.onBytes(bytes)))
  }

  /** A new life of the driver; the one before hears and says nothing more, as if it had been killed. */
  transport(): Transport {
    this.#listener = undefined
    const mine = (listener: LinkListener): boolean => this.#listener === listener
    return {
      where: 'here',
      open: async (listener) => {
        if (!this.plugged) throw new DeviceError('PC-LINK-OPEN', 'Nothing is plugged in.')
        this.#listener = listener
        this.device.connected?.()
        return {
          write: async (bytes) => {
            if (mine(listener)) queueMicrotask(() => this.device.receive(bytes))
          },
          close: () => {
            if (mine(listener)) this.unlink()
          },
        }
      },
    }
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
  | { kind: 'open'; for_ms: number }
  | { kind: 'close' | 'unplug' | 'plug' | 'kill' | 'start' | 'walk' | 'reboot' }
  | { kind: 'wait'; for_ms: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), for_ms: fc.integer({ min: 0, max: 3_000 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('close' as const, 'unplug' as const, 'plug' as const, 'kill' as const, 'start' as const, 'walk' as const, 'reboot' as const) }) },
)
const for_ms = fc.integer({ min: 100, max: 9_000 })
const motion_ms = 300
const walk_ms = 600
const tick_ms = 50

void t.test('a turnstile commanded once is shut after its limit, whatever happens', async (t) => {
  let openings = 0
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 4 }), for_ms, fc.array(step, { maxLength: 10 }), async (before, limit_ms, after) => {
    const clock = new ManualClock()
    const cable = new Cable((send) => new TurnstileDevice(send, { clock, motion_ms, walk_ms }))
    const world = cable.device
    let life: Device<(typeof Barrier)['members']> | undefined
    let undisturbed = true
    let openedAt = Number.POSITIVE_INFINITY

    const start = async (): Promise<void> => {
      if (life !== undefined) return
      life = turnstileOver({
        port: '', baud: 115_200, unit: 1, direction: 'entry', poll_ms: 100, move_ms: motion_ms, clear_ms: 1_000, reply_ms: 200, retries: 1, reconnect_ms: 100,
      }, standaloneContext('barrier', clock), cable.transport())
      const started = life.start(new AbortController().signal)
      await settle()
      void started
    }
    const check = (): void => {
      const own_ms = undisturbed ? limit_ms : Math.max(limit_ms, shortestLimit_ms)
      const overdue = clock.now() > openedAt + own_ms + walk_ms + 2 * motion_ms + 2 * tick_ms
      if (overdue && world.flap !== 'closed') throw new Error(`open ${clock.now() - openedAt} ms after a command for ${limit_ms} ms`)
      if (world.flap === 'open') openings++
    }
    const wait = async (duration_ms: number): Promise<void> => {
      for (let passed = 0; passed < duration_ms; passed += tick_ms) {
        clock.advance(tick_ms)
        await settle()
        check()
      }
    }
    const act = async (next: Step): Promise<void> => {
      if (['unplug', 'kill', 'reboot'].includes(next.kind)) undisturbed = false
      if (next.kind === 'wait') await wait(next.for_ms)
      if (next.kind === 'open' && life !== undefined) {
        openedAt = clock.now()
        void life.component.invoke('open', { for_ms: next.for_ms }).catch(() => undefined)
      }
      if (next.kind === 'close') void life?.component.invoke('close', {}).catch(() => undefined)
      if (next.kind === 'unplug') cable.unplug()
      if (next.kind === 'plug') cable.plugged = true
      if (next.kind === 'kill') {
        cable.transport()
        life = undefined
      }
      if (next.kind === 'start') await start()
      if (next.kind === 'walk') void world.walk('entry', { patience_ms: 2_000 })
      if (next.kind === 'reboot') world.reboot()
      await settle()
      check()
    }

    await start()
    for (const next of [...before, { kind: 'open' as const, for_ms: limit_ms }, ...after]) await act(next)
    await wait(Math.max(limit_ms, shortestLimit_ms) + 2_000)
    world.stop()
  }), { numRuns: 25 })
  t.not(openings, 0, 'it did open in between')
})

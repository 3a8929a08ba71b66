/**
 * The raw bytes between this computer and a part, kept for a while when a technician asks.
 *
 * Parts whose contract names anything personal (document readers, scanners, cameras), and parts that
 * are given a secret, are kept as lengths alone: a trace can be carried away. Parts without a wire of
 * their own, and those that live in another thread, have nothing to trace.
 */
import type { Cancel, Clock, Instant } from '../base/clock.ts'
import { hex } from '../base/bytes.ts'
import { ResourceError, UsageError } from '../base/error.ts'
import { Component, type WireBytes } from '../device/component.ts'
import type { Contract, MemberSpec } from '../device/contract.ts'
import type { DeviceModel } from '../device/model.ts'
import { Traces } from './contract.ts'
import { NumberedRing } from './numbered-ring.ts'

/** Parts that are traced, or whose trace is kept, at the same time. */
const traces_max = 4
/** Pieces and bytes that are kept of a part. */
const kept = { items: 1_000, size: 128 * 1024 }
/** Pieces and bytes of one answer. */
const answer = { items: 250, size: 16 * 1024 }
/** The first bytes of a piece, such as a datagram or what a port gave at once. */
const piece_max = 512
/** What keeping a piece costs beside its bytes. */
const overhead_bytes = 32
const show_ms = 1_000

export interface TracedFrame {
  at_ms: number
  direction: 'in' | 'out'
  /** Empty when it may be personal. */
  hex: string
  /** How long it was on the wire. */
  bytes: number
}

interface Trace {
  ring: NumberedRing<TracedFrame>
  /** While it runs. */
  running: { until: Instant; stop: Cancel } | undefined
}

export interface TracesOptions {
  model: DeviceModel
  clock: Clock
  /** Parts over whose wire a secret may go. */
  secretive: ReadonlySet<string>
}

export class TraceService {
  readonly component: Component<(typeof Traces)['members']>
  readonly #options: TracesOptions
  readonly #traces = new Map<string, Trace>()
  #cancelShow: Cancel = () => undefined

  constructor(options: TracesOptions) {
    this.#options = options
    this.component = new Component('traces', Traces, options.clock, {
      start: async ({ part, for_s }) => this.#start(part, for_s * 1_000),
      stop: async ({ part }) => this.#stop(part),
      read: async ({ part, after = 0 }) => this.read(part, after),
      selfTest: async () => {
        const traceable = options.model.list().filter(({ wire }) => wire !== undefined).length
        return { passed: true, checks: [{ name: 'parts', passed: true, value: traceable, unit: '1', says: 'So many parts have a wire that can be traced.' }] }
      },
    })
    this.component.publish('running', {})
    this.component.publish('health', { status: 'ready' })
  }

  /** What is kept of each part. */
  get parts(): string[] {
    return [...this.#traces.keys()]
  }

  /** @throws UsageError (PC-TRACE-NONE) */
  read(part: string, after: number): { frames: (TracedFrame & { seq: number })[]; lost: number } {
    const trace = this.#traces.get(part)
    if (trace === undefined) throw new UsageError('PC-TRACE-NONE', `Nothing is kept of ${part}: start a trace first.`)
    const { items, lost } = trace.ring.after(after, answer)
    return { frames: items.map(({ seq, item }) => ({ seq, ...item })), lost }
  }

  stop(): void {
    for (const part of this.#traces.keys()) this.#stop(part)
    this.#cancelShow()
    this.component.publish('health', { status: 'stopped' })
  }

  /** A trace that runs goes on for the new time, and keeps what it has. */
  #start(part: string, for_ms: number): Record<string, never> {
    const { model, clock } = this.#options
    const { wire, contract } = model.get(part)
    if (wire === undefined) throw new UsageError('PC-TRACE-WIRE', `${part} cannot be traced: it has no wire of its own, sends pictures or points, or lives in another thread.`)
    const before = this.#traces.get(part)
    before?.running?.stop()
    if (before === undefined) this.#makeRoom()
    const ring = before?.running === undefined ? new NumberedRing<TracedFrame>(kept) : before.ring
    const lengthsOnly = this.#options.secretive.has(part) || isPersonal(contract)
    const stopListening = wire.add((piece) => keep(ring, piece, clock, lengthsOnly))
    const cancel = clock.after(for_ms, () => this.#stop(part))
    const stop = (): void => {
      stopListening()
      cancel()
    }
    this.#traces.set(part, { ring, running: { until: clock.now() + for_ms, stop } })
    this.#show()
    return {}
  }

  /** What was kept stays to be read. */
  #stop(part: string): Record<string, never> {
    const trace = this.#traces.get(part)
    if (trace?.running === undefined) return {}
    trace.running.stop()
    trace.running = undefined
    this.#show()
    return {}
  }

  /** The oldest that has ended gives way. @throws ResourceError (PC-TRACE-FULL) when all run. */
  #makeRoom(): void {
    if (this.#traces.size < traces_max) return
    const [ended] = [...this.#traces].find(([, { running }]) => running === undefined) ?? []
    if (ended === undefined) throw new ResourceError('PC-TRACE-FULL', `At most ${traces_max} parts are traced at the same time: stop one first.`)
    this.#traces.delete(ended)
  }

  #show(): void {
    this.#cancelShow()
    const now = this.#options.clock.now()
    const left = [...this.#traces].flatMap(([part, { running }]) => (running === undefined ? [] : [[part, Math.max(0, Math.ceil((running.until - now) / 1_000))] as const]))
    this.component.publish('running', Object.fromEntries(left))
    if (left.length > 0) this.#cancelShow = this.#options.clock.after(show_ms, () => this.#show())
  }
}

function keep(ring: NumberedRing<TracedFrame>, { direction, bytes }: WireBytes, clock: Clock, lengthsOnly: boolean): void {
  const shown = lengthsOnly ? new Uint8Array(0) : bytes.subarray(0, piece_max)
  ring.push({ at_ms: clock.wall(), direction, hex: hex(shown), bytes: bytes.length }, 2 * shown.length + overhead_bytes)
}

/** Whether what the part tells or is told may be about a person. */
export const isPersonal = (contract: Contract): boolean =>
  Object.values<MemberSpec>(contract.members).some((member) => 'personal' in member && member.personal)

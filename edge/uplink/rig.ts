/** What the tests of the uplink stand on: a journal in memory, a centre that takes notes, a cable that can be cut. */
import { connect, createServer, type Server, type Socket } from 'node:net'
import { canonical, sha256 } from '../base/canonical.ts'
import { systemClock } from '../base/clock.ts'
import { silent } from '../base/log.ts'
import { sleep } from '../base/wait.ts'
import { DeviceModel } from '../device/model.ts'
import type { Fact, FactSink, FactSource, NewFact } from '../journal/fact.ts'
import { Broker, type BrokerOptions } from './broker.ts'
import { topicsOf } from './topics.ts'
import { Uplink, type UplinkOptions } from './uplink.ts'

export const where = { site: 'mong-cai/bac-luan-1', device: 'bl1-e07' }
export const topics = topicsOf(where)
export const quick = { reconnect_ms_min: 20, reconnect_ms_max: 50, tick_ms: 10, stop_ms_max: 2_000 }

/** Survives an uplink, as the journal's file would; counts how often it is read. */
export class MemoryJournal implements FactSource, FactSink {
  readonly facts: Fact[] = []
  reads = 0
  readonly #cursors = new Map<string, number>()
  readonly #listeners = new Set<(last: number) => void>()
  onCursor: (seq: number) => void = () => undefined

  get last(): number {
    return this.facts.at(-1)?.seq ?? 0
  }

  add(count: number, body: NewFact['body'] = { step: 'idle' }): void {
    for (let index = 0; index < count; index++) this.#write({ kind: 'gate.step', class: 'passage', body })
  }

  async append(fact: NewFact): Promise<{ seq: number }> {
    await new Promise((resolve) => setImmediate(resolve))
    return { seq: this.#write(fact) }
  }

  after(seq: number, most: number): Fact[] {
    this.reads++
    return this.facts.filter((fact) => fact.seq > seq).slice(0, most)
  }

  onAppend(listener: (last: number) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  cursor(reader: string): number {
    return this.#cursors.get(reader) ?? 0
  }

  setCursor(reader: string, seq: number): void {
    this.onCursor(seq)
    this.#cursors.set(reader, seq)
  }

  #write(fact: NewFact): number {
    const before = this.facts.at(-1)
    const { kind, class: factClass, body } = fact
    const open = { device: where.device, epoch: 1, seq: this.last + 1, wall: systemClock.wall(), mono_ms: 0, kind, class: factClass, body, prev: before?.hash ?? '0'.repeat(64) }
    this.facts.push({ ...open, hash: sha256(canonical(open)).toString('hex') })
    for (const listener of this.#listeners) listener(this.last)
    return this.last
  }
}

export async function until(holds: () => boolean, what: string): Promise<void> {
  const givenUp = systemClock.now() + 20_000
  while (!holds()) {
    if (systemClock.now() > givenUp) throw new Error(`waited in vain: ${what}`)
    await sleep(systemClock, 5)
  }
}

/** Every fact that reached a broker, in order of arrival, over all brokers of a test. */
export class Centre {
  readonly seqs: number[] = []
  readonly unique = new Set<number>()
  readonly presence: string[] = []

  hear = ({ topic, payload }: { topic: string; payload: Uint8Array }): void => {
    if (topic === topics.presence) this.presence.push((JSON.parse(Buffer.from(payload).toString()) as { status: string }).status)
    if (topic !== topics.facts) return
    const fact = JSON.parse(Buffer.from(payload).toString()) as Fact
    this.seqs.push(fact.seq)
    this.unique.add(fact.seq)
  }

  /** No fact comes before one that is missing. */
  get gapless(): boolean {
    let most = 0
    return this.seqs.every((seq) => {
      const next = seq <= most + 1
      most = Math.max(most, seq)
      return next
    })
  }
}

export const broker = (options: Partial<BrokerOptions> = {}): Promise<Broker> => Broker.start({ log: silent, ...options })

export function uplink(journal: MemoryJournal, url: string, options: Partial<UplinkOptions> = {}): Uplink {
  const model = new DeviceModel()
  const made = new Uplink({
    ...where, version: '0.1.0', epoch: 1, source: journal, sink: journal, model, clock: systemClock, log: silent,
    connect: { url }, ...options, limits: { ...quick, ...options.limits },
  })
  model.add(made.component)
  return made
}

export const forever = new AbortController().signal

export interface Cable {
  url: string
  whole: boolean
  cut(): void
  close(): Promise<void>
}

/** Passes bytes on until it is cut, and again once it is `whole`: what a cable does. */
export async function cable(port: number): Promise<Cable> {
  const ends = new Set<Socket>()
  const server: Server = createServer((near) => {
    if (!made.whole) near.destroy()
    const far = connect(port, '127.0.0.1')
    for (const [end, other] of [[near, far], [far, near]] as const) {
      ends.add(end)
      end.on('error', () => undefined)
      end.on('close', () => {
        ends.delete(end)
        other.destroy()
      })
    }
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = (): void => {
    for (const end of ends) end.destroy()
  }
  const close = (): Promise<void> => new Promise((resolve) => {
    server.close(() => resolve())
    cut()
  })
  const made: Cable = { url: `mqtt://127.0.0.1:${(server.address() as { port: number }).port}`, whole: true, cut, close }
  return made
}

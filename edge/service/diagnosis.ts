/** Tests the whole device, and packs what somebody far away needs to understand it. */
import type { Clock, Instant } from '../base/clock.ts'
import { ResourceError } from '../base/error.ts'
import { redact } from '../base/log.ts'
import { type Caller, Component } from '../device/component.ts'
import type { SelfTestReport } from '../device/contract.ts'
import type { DeviceModel } from '../device/model.ts'
import type { FactSource } from '../journal/fact.ts'
import type { Piece } from './bundle.ts'
import { Diagnosis } from './contract.ts'
import type { LogBook } from './log-book.ts'
import type { SettingsService } from './settings.ts'
import { testComponents } from './self-tests.ts'
import type { TraceService } from './traces.ts'
import { withoutSecrets } from '../base/without-secrets.ts'

/** Within the limits of the commands (60 s and 30 s), so that what is late is named and not all lost. */
const testAll_ms = 55_000
const bundleTest_ms = 15_000
/** A report that is younger goes into the bundle as it is. */
const fresh_ms = 300_000
const logLines = 2_000

export interface DiagnosisOptions {
  clock: Clock
  model: DeviceModel
  journal: FactSource
  book: LogBook
  traces: TraceService
  settings: SettingsService
  /** The profile that the device runs on. */
  profile: unknown
  /** `site/device`, and the version of the program. */
  device: string
  version: string
  /** Where the device keeps its state; bundles go to its folder `outbox`. */
  state: string
  /** Where bundles lie. */
  outbox: string
}

interface Tested {
  passed: boolean
  components: Record<string, SelfTestReport>
  took_ms: number
}

export class DiagnosisService {
  readonly component: Component<(typeof Diagnosis)['members']>
  readonly #options: DiagnosisOptions
  #busy = false
  #newest: { tested: Tested; at: Instant; wall: number } | undefined

  constructor(options: DiagnosisOptions) {
    this.#options = options
    this.component = new Component('diagnosis', Diagnosis, options.clock, {
      testAll: (_, signal, caller) => this.#alone(() => this.#test(testAll_ms, signal, caller)),
      bundle: (_, signal, caller) => this.#alone(() => this.#bundle(signal, caller)),
      selfTest: async () => ({ passed: true, checks: [{ name: 'ready', passed: true, says: 'It can test the others.' }] }),
    })
    this.component.publish('health', { status: 'ready' })
  }

  stop(): void {
    this.component.publish('health', { status: 'stopped' })
  }

  /** @throws ResourceError (PC-DIAG-BUSY) */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#busy) throw new ResourceError('PC-DIAG-BUSY', 'A test or a diagnosis is being made already: wait for it.')
    this.#busy = true
    try {
      return await work()
    } finally {
      this.#busy = false
    }
  }

  #progress(what: string, done: number, of: number): void {
    this.component.publish('progress', { what, done, of })
  }

  async #test(limit_ms: number, signal: AbortSignal, caller: Caller): Promise<Tested> {
    const { clock, model } = this.#options
    const began = clock.now()
    const components = await testComponents(model.list(), { clock, caller, limit_ms, signal, onProgress: (done, of) => this.#progress('self-test', done, of) })
    const tested = { passed: Object.values(components).every(({ passed }) => passed), components, took_ms: Math.round(clock.now() - began) }
    this.#newest = { tested, at: clock.now(), wall: clock.wall() }
    return tested
  }

  async #bundle(signal: AbortSignal, caller: Caller): Promise<{ file: string; bytes: number; sha256: string; took_ms: number }> {
    const { clock, device, version, outbox } = this.#options
    const began = clock.now()
    // What packs it is not needed until then.
    const { makeBundle } = await import('./bundle.ts')
    const made = new Date(clock.wall()).toISOString()
    const name = `diag-${device.split('/').at(-1) ?? 'device'}-${made.replaceAll(/[-:]|\.\d+/g, '')}`
    const bundle = await makeBundle({
      folder: outbox, name, signal, about: { device, version, made, by: caller.id }, pieces: await this.#pieces(signal, caller),
      onProgress: (what, done, of) => this.#progress(what, done, of),
    })
    const took_ms = Math.round(clock.now() - began)
    this.#progress('done', 1, 1)
    return { ...bundle, took_ms }
  }

  async #pieces(signal: AbortSignal, caller: Caller): Promise<Piece[]> {
    const { model, journal, book, traces, settings, profile, state, version } = this.#options
    const [{ pretty, piece_max }, { extractJournal }, { machineInfo, versions }] = await Promise.all([import('./bundle.ts'), import('./journal-extract.ts'), import('./machine-info.ts')])
    return [
      { name: 'selftest.json', make: async () => pretty(await this.#report(signal, caller)) },
      { name: 'profile.json', make: () => pretty(withoutSecrets(profile)) },
      { name: 'overlay.json', make: () => pretty(withoutSecrets(settings.changes)) },
      { name: 'versions.json', make: () => pretty(versions(version)) },
      { name: 'model.json', make: () => pretty(snapshot(model)) },
      { name: 'machine.json', make: async () => pretty(await machineInfo(state)) },
      { name: 'log.jsonl', make: () => book.tail(logLines).lines.map(({ item }) => `${item}\n`).join('') },
      { name: 'journal.jsonl', make: () => extractJournal(journal, piece_max) },
      ...traces.parts.map((part) => ({ name: `trace-${part}.jsonl`, make: () => wholeTrace(traces, part) })),
    ]
  }

  /** The newest report, or one that is made now. */
  async #report(signal: AbortSignal, caller: Caller): Promise<unknown> {
    const isFresh = this.#newest !== undefined && this.#options.clock.now() - this.#newest.at < fresh_ms
    if (!isFresh) await this.#test(bundleTest_ms, signal, caller)
    return { at: this.#newest?.wall, ...this.#newest?.tested }
  }
}

/** Every value that is known, with its time; what a slip may have put there is left out as in a log. */
function snapshot(model: DeviceModel): Record<string, unknown> {
  return Object.fromEntries(model.list().map((component) => {
    const { name, contract } = component
    const names = Object.entries(contract.members).filter(([, { kind }]) => kind === 'property').map(([property]) => property)
    const readings = names.flatMap((property) => {
      const reading = component.reading(property)
      return reading === undefined ? [] : [[property, { value: withoutSecrets(redact(reading.value)), at: reading.at }] as const]
    })
    return [name, { contract: contract.name, readings: Object.fromEntries(readings) }]
  }))
}

function wholeTrace(traces: TraceService, part: string): string {
  const lines: string[] = []
  for (let after = 0; ;) {
    const { frames } = traces.read(part, after)
    lines.push(...frames.map((frame) => `${JSON.stringify(frame)}\n`))
    const last = frames.at(-1)
    if (last === undefined) return lines.join('')
    after = last.seq
  }
}

import fc from 'fast-check'
import t from 'tap'
import { invariant, unreachable } from '../base/error.ts'
import type { BarrierState } from '../device/capabilities.ts'
import type { Effect } from './effect.ts'
import type { DoorName, Input } from './input.ts'
import { marker, Rehearsal, type SetupChoice } from './rehearsal.ts'
import { emergencyOf } from './state.ts'
import { view } from './view.ts'

const choices: fc.Arbitrary<SetupChoice> = fc.record({
  layout: fc.constantFrom('mantrap', 'single'),
  presence: fc.constantFrom('counts', 'counts', 'detects', 'none'),
  policy: fc.record({
    finger: fc.constantFrom('never', 'when-resident', 'always'),
    onFingerLost: fc.constantFrom('face-only', 'officer'),
    onFaceLost: fc.constantFrom('officer', 'closed'),
    onListsStale: fc.constantFrom('accept', 'officer', 'closed'),
    onRefusal: fc.constantFrom('back', 'officer'),
    emergencyWay: fc.constantFrom('exit', 'entry'),
  }, { requiredKeys: [] }),
  limits: fc.constantFrom({}, { passage_s: 15, walkBack_s: 0.5 }, { faceTries: 1, fingerTries: 1, documentTries: 1, officer_s: 5 }),
}, { requiredKeys: ['layout'] })

const door = fc.constantFrom<DoorName>('entry', 'exit')
const zone = fc.constantFrom('entry', 'inside', 'exit', 'front')
const ref = fc.constantFrom('r1', 'r2', 'r3')
const attempt = fc.integer({ min: 1, max: 3 })
const usable = fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, fc.constant(false))
const reasonOf = fc.constantFrom('document-expired', 'document-revoked', 'watchlist-hit', 'document-inconsistent')
const accepted = fc.oneof({ weight: 4, arbitrary: fc.constant('accepted' as const) }, reasonOf)
const age = fc.constantFrom('fresh', 'fresh', 'fresh', 'stale', 'absent')
const name = fc.constant(marker)

const emergencies = fc.oneof(
  fc.record({ kind: fc.constant('start'), emergency: fc.constantFrom('fire-alarm', 'power-fail') }),
  fc.record({ kind: fc.constant('safety'), input: fc.constantFrom('fire', 'power'), active: fc.boolean() }),
) as fc.Arbitrary<Input>

/** Anything else at any time, with personal data where a careless controller might leave some. */
const anyInput = fc.oneof(
  fc.record({ kind: fc.constantFrom('timeout', 'documentPresented', 'documentUnreadable', 'start'), name }),
  fc.record({ kind: fc.constant('documentRead'), ref, name }),
  fc.record({
    kind: fc.constant('documentVerdict'), ref, result: accepted, resident: fc.constantFrom(true, false, 'unknown'), photo: usable, fingerTemplate: usable,
    lists: fc.record({ watchlist: age, revoked: age }), name,
  }),
  fc.record({ kind: fc.constantFrom('facePrompt', 'fingerPrompt'), ref, attempt, instruction: fc.constantFrom('blink', 'lift-finger'), name }),
  fc.record({
    kind: fc.constant('faceVerdict'), ref, attempt, result: fc.constantFrom('match', 'match', 'no-match', 'not-found', 'several', 'attack', 'unavailable'),
    score: fc.constantFrom(0.9, 0.1, undefined), threshold: fc.constantFrom(0.5, undefined), name,
  }),
  fc.record({ kind: fc.constant('fingerVerdict'), ref, attempt, result: fc.constantFrom('match', 'match', 'no-match', 'no-finger', 'poor-image', 'unavailable'), score: fc.constantFrom(90, undefined), name }),
  fc.record({ kind: fc.constant('door'), door, state: fc.constantFrom('closed', 'closed', 'opening', 'open', 'closing', 'blocked', 'unknown') }),
  fc.record({ kind: fc.constantFrom('doorLost', 'forced', 'passed'), door }),
  fc.record({ kind: fc.constant('presence'), zone, count: fc.constantFrom(0, 0, 1, 1, 2, -1, 0.5) }),
  fc.record({ kind: fc.constant('presenceLost'), zone }),
  fc.record({ kind: fc.constant('part'), part: fc.constantFrom('reader', 'camera', 'face', 'finger', 'entry', 'exit', 'presence', 'journal', 'lists', 'clock'), usable, reason: name }),
  fc.record({ kind: fc.constant('officer'), decision: fc.constantFrom('grant', 'refuse', 'release', 'service-on', 'service-off'), by: fc.constant('officer-7') }),
) as fc.Arbitrary<Input>

/** What a willing world would say next; without it, random inputs seldom come past the first stages. */
function likely({ state, setup }: Rehearsal): Input[] {
  const { stage, passage } = state
  const current = { ref: passage?.ref ?? 'r1', attempt: 'attempt' in stage ? stage.attempt : 1 }
  const inside = setup.layout === 'mantrap' ? 'inside' : 'front'
  const cycle: BarrierState[] = ['opening', 'open', 'closing', 'closed']
  const shut = (['entry', 'exit'] as const).flatMap((door) => cycle.map((state): Input => ({ kind: 'door', door, state })))
  switch (stage.at) {
    case 'idle':
      return [{ kind: 'documentRead', ref: 'r1' }]
    case 'checking':
      return [{ kind: 'documentVerdict', ref: current.ref, result: 'accepted', resident: true, photo: true, fingerTemplate: true, lists: { watchlist: 'fresh', revoked: 'fresh' } }]
    case 'entering':
      return [{ kind: 'door', door: 'entry', state: 'open' }, { kind: 'presence', zone: inside, count: 1 }]
    case 'alone':
      return [{ kind: 'presence', zone: inside, count: 1 }, ...shut]
    case 'face':
      return [{ kind: 'faceVerdict', ...current, result: 'match', score: 0.9, threshold: 0.5 }]
    case 'finger':
      return [{ kind: 'fingerVerdict', ...current, result: 'match', score: 90 }]
    case 'exiting':
      return [{ kind: 'door', door: 'exit', state: 'open' }, { kind: 'presence', zone: inside, count: 0 }, { kind: 'passed', door: 'exit' }]
    case 'referred':
      return [{ kind: 'officer', decision: 'grant', by: 'officer-7' }]
    case 'emergency':
      return [{ kind: 'safety', input: 'fire', active: false }, { kind: 'safety', input: 'power', active: false }, { kind: 'officer', decision: 'release', by: 'officer-7' }]
    case 'closed':
    case 'deciding':
    case 'leaving':
    case 'reading':
    case 'recording':
    case 'refused':
      return shut
    default:
      return unreachable(stage)
  }
}

/** One thing that happens: time passes, the world does as it should, or anything at all. */
type Event = { wait_s: number } | { likely: number } | { input: Input } | { failed: number }
const eventsWith = (likely: number): fc.Arbitrary<Event[]> => fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.record({ wait_s: fc.constantFrom(0.3, 1, 2.5, 8, 70) }) },
    { weight: likely, arbitrary: fc.record({ likely: fc.nat(7) }) },
    { weight: 12, arbitrary: fc.record({ input: anyInput }) },
    { weight: 1, arbitrary: fc.record({ input: emergencies }) },
    { weight: 1, arbitrary: fc.record({ failed: fc.nat(15) }) },
  ),
  { maxLength: 80, size: 'max' },
)
const mostlyLikely = eventsWith(100)
const events = fc.oneof(eventsWith(0), eventsWith(12), mostlyLikely, mostlyLikely)

function happen(gate: Rehearsal, event: Event): void {
  if ('wait_s' in event) gate.wait(event.wait_s)
  else if ('input' in event) gate.feed(event.input)
  else if ('failed' in event) {
    const effect = gate.effects[event.failed % Math.max(1, gate.effects.length)]
    if (effect !== undefined) gate.feed({ kind: 'effectFailed', effect, code: 'PC-TEST-FAILED' })
  } else {
    const inputs = likely(gate)
    const input = inputs[event.likely % inputs.length]
    if (input !== undefined) gate.feed(input)
  }
}

/** Doors and people as they are: doors obey, people go where a door is open, and all goes quiet. */
class QuietWorld {
  readonly #gate: Rehearsal
  readonly #doors = new Map<DoorName, { state: 'open' | 'closed'; freed: boolean; closes?: number }>()
  #inside: number

  constructor(gate: Rehearsal, inside: number) {
    this.#gate = gate
    this.#inside = gate.setup.layout === 'mantrap' ? inside : 0
    for (const name of gate.doors) this.#doors.set(name, { state: gate.state.world.doors[name].state === 'closed' ? 'closed' : 'open', freed: gate.state.world.doors[name].freed })
  }

  /** Everything works again, and every sensor says what is so. */
  settle(): void {
    this.#tell({ kind: 'safety', input: 'fire', active: false }, { kind: 'safety', input: 'power', active: false }, { kind: 'officer', decision: 'service-on', by: 'officer-7' })
    for (const input of this.#gate.allWell()) {
      if (input.kind === 'door') this.#tell({ ...input, state: this.#doors.get(input.door)?.state ?? 'closed' })
      else this.#tell(input.kind === 'presence' && input.zone === 'inside' ? { ...input, count: this.#inside } : input)
    }
  }

  /** A second goes by. The officer releases whoever waits, once in ten seconds. */
  second(count: number): void {
    for (const [name, own] of this.#doors) if (own.closes !== undefined && this.#gate.now >= own.closes) this.#close(name)
    const way = [...this.#doors].find(([, { state }]) => state === 'open')
    if (way !== undefined && this.#inside > 0) {
      this.#inside--
      this.#tell({ kind: 'presence', zone: 'inside', count: this.#inside })
    }
    const waiting = ['referred', 'emergency', 'closed'].includes(this.#gate.state.stage.at)
    if (waiting && count % 10 === 9) this.#tell({ kind: 'officer', decision: 'release', by: 'officer-7' })
    this.#obey(this.#gate.wait(1))
  }

  get calm(): boolean {
    return this.#inside === 0 && [...this.#doors.values()].every(({ state }) => state === 'closed')
  }

  #tell(...inputs: Input[]): void {
    for (const input of inputs) this.#obey(this.#gate.feed(input))
  }

  #obey(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'open') this.#open(effect.door, this.#gate.now + effect.for_ms)
      if (effect.kind === 'free') this.#free(effect.door, effect.on)
      if (effect.kind === 'close') this.#close(effect.door)
    }
  }

  #open(name: DoorName, closes?: number): void {
    const own = this.#doors.get(name)
    invariant(own !== undefined, 'there is such a door')
    this.#doors.set(name, { state: 'open', freed: own.freed, ...(closes === undefined ? {} : { closes }) })
    this.#tell({ kind: 'door', door: name, state: 'open' })
    const others = [...this.#doors].filter(([other, { state }]) => other !== name && state === 'open')
    invariant(others.length === 0 || emergencyOf(this.#gate.state) !== undefined || this.#gate.state.stage.at === 'emergency', 'never both doors open')
  }

  #free(name: DoorName, on: boolean): void {
    const own = this.#doors.get(name)
    if (own !== undefined) own.freed = on
    if (on && own?.state === 'closed') this.#open(name)
  }

  #close(name: DoorName): void {
    const own = this.#doors.get(name)
    if (own === undefined || own.freed || own.state === 'closed') return
    this.#doors.set(name, { state: 'closed', freed: false })
    this.#tell({ kind: 'door', door: name, state: 'closed' })
  }
}

/** The gate is idle within the sum of all its limits, with the officer's help. */
function quiet(gate: Rehearsal, inside: number): void {
  const world = new QuietWorld(gate, inside)
  world.settle()
  const { setup: { limits } } = gate
  const most_s = limits.passage_s + limits.officer_s + 3 * (limits.leaving_s + limits.door_s) + limits.message_s + limits.clear_s + 60
  let seconds = 0
  while (gate.state.stage.at !== 'idle' && seconds < most_s) world.second(seconds++)
  invariant(gate.state.stage.at === 'idle', `idle is reached again (${JSON.stringify(gate.state.stage)})`)
  invariant(world.calm, 'idle means closed and empty')
  invariant(gate.watch.kept.length === 0, 'everything personal is forgotten')
  invariant(gate.due === undefined || gate.due > gate.now, 'nothing is left to do')
}

void t.test('whatever happens: safe in every step, forgets everybody, idle in the end, replays to the byte', async () => {
  fc.assert(
    fc.property(choices, fc.boolean(), events, fc.integer({ min: 0, max: 2 }), (choice, ready, script, inside) => {
      const layout = choice.layout ?? 'mantrap'
      const gate = new Rehearsal({ ...choice, ...(layout === 'mantrap' && choice.presence === 'none' ? { presence: 'counts' } : {}) })
      if (ready) gate.ready()
      for (const event of script) happen(gate, event)
      quiet(gate, inside)
      gate.replay()
    }),
    { numRuns: 300 },
  )
})

function nameOf(effect: Effect): string {
  if (effect.kind === 'record') return effect.outcome
  return effect.kind === 'open' ? `open ${effect.door}` : effect.kind
}

void t.test('random passages do come through: the properties are not about nothing', async (t) => {
  const seen = new Map<string, number>()
  const count = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1)
  fc.assert(
    fc.property(choices, mostlyLikely, (choice, script) => {
      const gate = new Rehearsal(choice).ready()
      for (const event of script) {
        happen(gate, event)
        count(view(gate.state).phase)
      }
      for (const { effects } of gate.steps) effects.map(nameOf).forEach(count)
    }),
    { numRuns: 200, seed: 20_261_121 },
  )
  for (const what of ['granted', 'refused', 'referred', 'abandoned', 'open entry', 'open exit', 'free', 'cancelFace', 'startFinger', 'leaving', 'exiting', 'emergency']) {
    t.ok((seen.get(what) ?? 0) > 0, `${what}: ${seen.get(what) ?? 0}`)
  }
})

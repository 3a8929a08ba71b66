/** Notes everything that the centre is told and the page shows: what the tests of a whole site look at. */
import { systemClock } from '../../edge/base/clock.ts'
import { TimeoutError } from '../../edge/base/error.ts'
import { sleep } from '../../edge/base/wait.ts'
import type { GateView } from '../../edge/gate/contract.ts'
import type { Fact } from '../../edge/journal/fact.ts'
import type { EgateSite } from './egate-site.ts'
import { type PassageBody, passageOf } from './passages.ts'
import type { Traveller } from './people.ts'
import { seeded } from './random.ts'
import { walk } from './walk.ts'

const look_ms = 50
const walk_ms_max = 30_000

export class Observer {
  readonly facts: Fact[] = []
  readonly views: GateView[] = []
  readonly site: EgateSite
  /** What the officer says to everybody who waits. */
  officerSays: 'grant' | 'refuse' | 'release' | undefined = 'refuse'
  readonly #random = seeded(7)

  constructor(site: EgateSite) {
    this.site = site
    let answered = ''
    site.centre.facts.add((fact) => this.facts.push(fact))
    site.page.onChange((view) => {
      if (view === null) return
      this.views.push(view)
      const wait = `${view.passage} ${view.reason ?? ''}`
      if (view.instruction !== 'wait-for-officer' || this.officerSays === undefined || answered === wait) return
      answered = wait
      void site.centre.decide(this.officerSays, view.passage)
    })
  }

  /** One traveller, from the document to the end. Resolves with what the centre was told of it, and what the page showed. */
  async follow(traveller: Traveller): Promise<{ passage: PassageBody; views: readonly GateView[] }> {
    const views = this.views.length
    const before = this.passages.length
    await this.passBy(traveller)
    await this.until(() => this.passages.length > before, 'the centre was told of the passage')
    return { passage: this.passages[before] as PassageBody, views: this.views.slice(views) }
  }

  /** One traveller, whatever the centre hears of it. */
  async passBy(traveller: Traveller): Promise<void> {
    const { page, world } = this.site
    await walk(traveller, { page, world, pace: 'hurried', random: this.#random, signal: AbortSignal.timeout(walk_ms_max) })
  }

  get passages(): PassageBody[] {
    return this.facts.map(passageOf).filter((passage) => passage !== undefined)
  }

  /** Facts of a kind whose body holds this. */
  told(kind: string, part: Record<string, unknown> = {}): Fact[] {
    return this.facts.filter((fact) => fact.kind === kind && Object.entries(part).every(([name, value]) => (fact.body as Record<string, unknown> | null)?.[name] === value))
  }

  /** @throws TimeoutError (PC-SITE-OBSERVER). */
  async until(holds: () => boolean, what: string, limit_ms = 30_000): Promise<void> {
    for (let waited = 0; !holds(); waited += look_ms) {
      if (waited > limit_ms) throw new TimeoutError('PC-SITE-OBSERVER', `It did not come to this in time: ${what}.`)
      await sleep(systemClock, look_ms)
    }
  }

  /** Resolves when the page shows the phase. */
  phase(phase: GateView['phase'], limit_ms = 30_000): Promise<GateView> {
    return this.site.page.until((view) => view.phase === phase, limit_ms, `it is ${phase}`)
  }
}

/**
 * Kills the runtime at random moments while travellers walk through, and then looks what was lost:
 * no fact that anybody was told of, and no door that stayed open past its limit.
 */
import { join } from 'node:path'
import { systemClock } from '../../edge/base/clock.ts'
import { sleep, within } from '../../edge/base/wait.ts'
import { startKind, stepKind } from '../../edge/gate/controller.ts'
import type { Effect } from '../../edge/gate/effect.ts'
import { gateMachine } from '../../edge/gate/machine.ts'
import type { State } from '../../edge/gate/state.ts'
import type { Fact } from '../../edge/journal/fact.ts'
import { JournalReader } from '../../edge/journal/reader.ts'
import { factsOf, type RecordedMachine, replaySteps } from '../../edge/journal/steps.ts'
import { verifyJournal } from '../../edge/journal/verify.ts'
import { DoorWatch } from './door-watch.ts'
import { EgateSite } from './egate-site.ts'
import { walk } from './walk.ts'

export interface SoakOptions {
  folder: string
  kills: number
  program?: string
  random: () => number
  signal: AbortSignal
  onProgress(kills: number): void
}

export interface SoakReport {
  kills: number
  passages: number
  facts: number
  /** Facts that the centre had and the journal has not, or has otherwise. */
  lost: number
  /** Door openings that were seen and for which the journal has no command: must be 0. */
  openedWithoutFact: number
  /** The longest that each door was open, and the limit it had. */
  entry_ms: number
  exit_ms: number
  limit_ms: number
  both_ms: number
  chainHolds: boolean
  replays: boolean
  /** From a kill until the runtime was ready again, the longest. */
  back_ms: number
}

/** Doors open this long at most when the gate asks; hurried travellers need less. */
const open_s = 6
/** The motion of a door, and a busy machine: a kill adds nothing, doors fall shut without the runtime. */
const margin_ms = 1_500
const killAfter_ms = { least: 100, most: 4_000 }
const recoverLimit_ms = 60_000

export async function soak({ folder, kills, program, random, signal, onProgress }: SoakOptions): Promise<SoakReport> {
  const limits = { entering_s: open_s, exiting_s: open_s, leaving_s: open_s, message_s: 1, clear_s: 2 }
  const site = await EgateSite.make({
    folder, travellers: 40, tempo: 0.2, ...(program === undefined ? {} : { program }),
    changes: Object.entries(limits).map(([name, value]) => ({ path: ['gate', 'limits', name], value })),
  })
  const told = new Map<number, string>()
  let passages = 0
  site.centre.facts.add((fact: Fact) => {
    told.set(fact.seq, fact.hash)
    if (fact.kind === 'gate.passage') passages++
  })
  const watch = new DoorWatch(site.world)
  let done = 0
  let back_ms = 0
  try {
    await site.start()
    for (let turn = 0; done < kills && !signal.aborted; turn++) {
      const killing = new AbortController()
      const traveller = site.travellers[turn % site.travellers.length]
      if (traveller === undefined) break
      const { page, world } = site
      const walking = walk(traveller, { page, world, pace: 'hurried', random, signal: AbortSignal.any([signal, killing.signal]) }).catch(() => undefined)
      await sleep(systemClock, killAfter_ms.least + random() * (killAfter_ms.most - killAfter_ms.least))
      back_ms = Math.max(back_ms, await killAndWait(site))
      killing.abort()
      await walking
      done++
      onProgress(done)
      await recover(site, random)
    }
  } finally {
    await sleep(systemClock, 1_000)
    watch.stop()
    await site.stop()
  }
  const file = join(site.state, 'journal.db')
  const { ok, facts } = await verifyJournal(file)
  return {
    kills: done, passages, facts, ...compare(file, told, watch), chainHolds: ok, replays: replays(file),
    entry_ms: Math.round(watch.longest_ms.entry), exit_ms: Math.round(watch.longest_ms.exit), both_ms: Math.round(watch.both_ms),
    limit_ms: open_s * 1_000 + margin_ms, back_ms: Math.round(back_ms),
  }
}

async function killAndWait(site: EgateSite): Promise<number> {
  const killed = systemClock.now()
  const ready = new Promise<void>((resolve) => {
    const remove = site.runtime.onReady.add(() => {
      remove()
      resolve()
    })
  })
  site.runtime.kill()
  await within({ clock: systemClock, limit_ms: recoverLimit_ms, code: 'PC-SITE-RUNTIME', message: 'The runtime did not come back after it was killed.' }, () => ready)
  return systemClock.now() - killed
}

/** Half of the travellers have left by then; the others stand inside and an officer sends them back. */
async function recover(site: EgateSite, random: () => number): Promise<void> {
  const { page, world, centre } = site
  if (random() < 0.5) await world.clear()
  for (let waited = 0; page.view?.phase !== 'idle' && waited < recoverLimit_ms; waited += 100) {
    const { instruction, passage = 0 } = page.view ?? {}
    if (instruction === 'wait-for-officer' && waited % 2_000 === 0) await centre.decide('refuse', passage)
    if (instruction === 'go-back') await world.stepBack()
    if (instruction === 'go-through') await world.stepOut()
    if (instruction !== 'wait-for-officer' && waited > 500) await world.clear()
    await sleep(systemClock, 100)
  }
}

function compare(file: string, told: ReadonlyMap<number, string>, watch: DoorWatch): Pick<SoakReport, 'lost' | 'openedWithoutFact'> {
  const reader = new JournalReader(file)
  const commanded = { entry: 0, exit: 0 }
  const kept = new Map<number, string>()
  for (const fact of factsOf(reader)) {
    kept.set(fact.seq, fact.hash)
    if (fact.kind !== stepKind) continue
    for (const effect of (fact.body as unknown as { effects: Effect[] }).effects) {
      if (effect.kind === 'open' || (effect.kind === 'free' && effect.on)) commanded[effect.door]++
    }
  }
  reader.close()
  const lost = [...told].filter(([seq, hash]) => kept.get(seq) !== hash).length
  const without = (door: 'entry' | 'exit'): number => Math.max(0, watch.opened[door] - commanded[door])
  return { lost, openedWithoutFact: without('entry') + without('exit') }
}

function replays(file: string): boolean {
  const reader = new JournalReader(file)
  const machine: RecordedMachine = { startKind, machine: gateMachine as RecordedMachine['machine'], initialFrom: (body) => (body as unknown as { state: State }).state }
  const { ok } = replaySteps(reader, stepKind, machine)
  reader.close()
  return ok
}

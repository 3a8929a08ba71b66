/**
 * The e-Gate as it is shipped, end to end: start-up, memory, decision and cycle times.
 *
 * Travellers take the times that people take (log-normal, see `paces`); one in ten needs a second
 * try at something. The cycle is counted from laying the document down to the recorded passage.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../edge/base/clock.ts'
import { sleep } from '../../edge/base/wait.ts'
import { root } from '../house/sources.ts'
import { EgateSite } from '../site/egate-site.ts'
import { passageOf, type PassageBody } from '../site/passages.ts'
import type { Traveller } from '../site/people.ts'
import { seeded } from '../site/random.ts'
import { walk } from '../site/walk.ts'
import { type Figure, percentile } from './figure.ts'

const program = join(root, 'build', 'portcullis', 'start.js')
const boots = 5
const idle_ms = 10_000
const sample_ms = 200

export async function benchGate(travellers: number): Promise<Figure[]> {
  const folder = join(root, 'build', 'bench')
  const site = await EgateSite.make({ folder, travellers: 20, program })
  try {
    const starts = await bootTimes(site)
    await sleep(systemClock, idle_ms)
    const idle_mb = residentMemory(site)
    let busy_mb = idle_mb
    const sampling = setInterval(() => {
      busy_mb = Math.max(busy_mb, residentMemory(site))
    }, sample_ms)
    const { decisions, cycles } = await cyclesOf(site, travellers)
    clearInterval(sampling)
    return [
      { name: 'boot.ready', value: percentile(starts.map(({ ready }) => ready), 0.5), unit: 's' },
      { name: 'boot.ready.models', value: percentile(starts.map(({ models }) => models), 0.5), unit: 's' },
      { name: 'rss.idle', value: idle_mb, unit: 'MB' },
      { name: 'rss.busy', value: busy_mb, unit: 'MB' },
      { name: 'gate.decision.p50', value: percentile(decisions, 0.5), unit: 'ms' },
      { name: 'gate.decision.p99', value: percentile(decisions, 0.99), unit: 'ms' },
      { name: 'gate.cycle.p50', value: percentile(cycles, 0.5), unit: 's' },
      { name: 'gate.cycle.p95', value: percentile(cycles, 0.95), unit: 's' },
    ]
  } finally {
    await site.stop()
  }
}

/** Seconds from the start of the process; the first boot fills the compile cache and does not count. */
async function bootTimes(site: EgateSite): Promise<{ ready: number; models: number }[]> {
  const times: { ready: number; models: number }[] = []
  for (let boot = 0; boot <= boots; boot++) {
    const models = new Promise<number>((resolve) => {
      const remove = site.runtime.onLine.add(({ says, started_ms }) => {
        if (says !== 'face recognition is ready') return
        remove()
        resolve(Number(started_ms) / 1000)
      })
    })
    const ready = boot === 0 ? (await site.start()).started_ms / 1000 : await restart(site)
    const time = { ready, models: Math.max(ready, await models) }
    if (boot > 0) times.push(time)
    await sleep(systemClock, 1_000)
  }
  return times
}

function restart(site: EgateSite): Promise<number> {
  return new Promise((resolve) => {
    const remove = site.runtime.onReady.add(({ started_ms }) => {
      remove()
      resolve(started_ms / 1000)
    })
    site.runtime.kill()
  })
}

async function cyclesOf(site: EgateSite, count: number): Promise<{ decisions: number[]; cycles: number[] }> {
  const decisions: number[] = []
  const cycles: number[] = []
  const random = seeded(7)
  let arrived = 0
  let passage: PassageBody | undefined
  const stopListening = site.centre.facts.add((fact) => {
    const found = passageOf(fact)
    if (found === undefined) return
    passage = found
    cycles.push((systemClock.now() - arrived) / 1000)
    if (found.decision_ms !== undefined) decisions.push(found.decision_ms)
  })
  const people = throughPeople(site.travellers)
  for (let number = 0; number < count; number++) {
    const traveller = people[number % people.length]
    if (traveller === undefined) break
    passage = undefined
    const onArrive = (): void => {
      arrived = systemClock.now()
    }
    await walk(traveller, { page: site.page, world: site.world, pace: 'human', random, signal: new AbortController().signal, onArrive })
    for (let waited = 0; passage === undefined && waited < 5_000; waited += 20) await sleep(systemClock, 20)
    if (process.stderr.isTTY) process.stderr.write(`\rgate: ${number + 1} of ${count} travellers`)
  }
  stopListening()
  if (process.stderr.isTTY) process.stderr.write('\n')
  return { decisions, cycles }
}

/** Ten who may pass, one of them at the second try. */
function throughPeople(travellers: readonly Traveller[]): Traveller[] {
  const granted = travellers.filter(({ expected }) => expected.outcome === 'granted')
  const second = granted.filter(({ behaviour }) => behaviour !== 'walks-through')
  const first = granted.filter(({ behaviour }) => behaviour === 'walks-through')
  const rounds = second.map((one, round) => [...Array.from({ length: 9 }, (_, index) => first[(round * 9 + index) % first.length] as Traveller), one])
  return rounds.flat()
}

function residentMemory(site: EgateSite): number {
  const kB = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${site.runtime.pid}/status`, 'utf8'))?.[1]
  return Math.round(Number(kB) / 102.4) / 10
}

/** `portcullis demo`: one e-Gate end to end on its twins, with simulated travellers. */
import { join, relative } from 'node:path'
import { Command } from 'commander'
import { systemClock } from '../../edge/base/clock.ts'
import { ResourceError, UsageError } from '../../edge/base/error.ts'
import { sleep } from '../../edge/base/wait.ts'
import { root } from '../house/sources.ts'
import { EgateSite } from '../site/egate-site.ts'
import { judge, type PassageBody, passageOf, type Result, tableHead, tableRow } from '../site/passages.ts'
import { seeded } from '../site/random.ts'
import { type Pace, paces, walk } from '../site/walk.ts'

interface DemoOptions {
  travellers?: string
  headless?: boolean
  pace: string
  seed: string
  port?: string
  via?: string
  folder: string
}

/** Travellers of a loop without end: then they come again. */
const crowd = 20
/** After a traveller has left, so that people can look at the page. */
const pause_ms = 1_500

export function command(): Command {
  return new Command('demo')
    .description('Runs one e-Gate end to end: emulated devices, embedded broker, the runtime as its own process, the traveller\'s page.')
    .option('-n, --travellers <number>', 'stop after so many; without it they come until Ctrl-C')
    .option('--headless', 'no pause between travellers')
    .option('--pace <pace>', `how fast people are: ${Object.keys(paces).join(' or ')}`, 'human')
    .option('--seed <number>', 'of the times that people take', '1')
    .option('--port <number>', 'of the page; 0 takes any that is free, as --headless does unless told otherwise')
    .option('--via <way>', 'pty or tcp: how twins are reached; by default pty where socat is installed')
    .option('--folder <folder>', 'where the demo keeps its state and log', join(root, 'build', 'demo'))
    .addHelpText('after', '\nExample:\n  portcullis demo --travellers 20 --headless')
    .action(demo)
}

async function demo(options: DemoOptions): Promise<void> {
  const { pace, via } = options
  if (!(pace in paces)) throw new UsageError('PC-CLI-OPTION', `There is no pace ${pace}: take ${Object.keys(paces).join(' or ')}.`)
  if (via !== undefined && via !== 'pty' && via !== 'tcp') throw new UsageError('PC-CLI-OPTION', `There is no way ${via}: take pty or tcp.`)
  const wanted = options.travellers === undefined ? undefined : wholeNumber(options.travellers, 'travellers')
  const port = wholeNumber(options.port ?? (options.headless === true ? '0' : '8080'), 'port', 0)
  const abort = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort())
  say('starting the devices, the centre and the runtime ...')
  const site = await EgateSite.make({
    folder: options.folder, travellers: wanted ?? crowd, port,
    // Any port: the first page is what the demo is about.
    changes: [{ path: ['technician', 'port'], value: 0 }],
    ...(via === undefined ? {} : { via }),
  })
  let technician = ''
  site.runtime.onLine.add(({ address, component, says }) => {
    if (component === 'technician' && says === "The technician's page is served.") technician = String(address)
  })
  try {
    const { page, started_ms } = await site.start()
    if (page === undefined) throw new ResourceError('PC-SCREEN-ADDRESS', `The traveller's page cannot be served on port ${port}: give another with --port, or 0 for any that is free.`)
    say(`ready after ${(started_ms / 1000).toFixed(1)} s. The traveller's page: ${page}`)
    const state = relative(process.cwd(), site.state)
    say(`the technician's page: ${technician}, the console: portcullis console --state ${state}`)
    say(`for these make an account: portcullis provision --state ${state} --account you --role engineer`)
    process.stdout.write(`${tableHead()}\n`)
    const results = await walkAll(site, { pace: pace as Pace, random: seeded(Number(options.seed)), signal: abort.signal, wanted, pause: options.headless !== true })
    summarise(results)
    const complete = wanted === undefined || results.length === wanted
    process.exitCode = results.every(({ asExpected }) => asExpected) && (complete || abort.signal.aborted) ? 0 : 1
  } finally {
    say('stopping ...')
    await site.stop()
  }
}

interface WalkAllOptions {
  pace: Pace
  random: () => number
  signal: AbortSignal
  wanted: number | undefined
  pause: boolean
}

async function walkAll(site: EgateSite, { pace, random, signal, wanted, pause }: WalkAllOptions): Promise<Result[]> {
  const results: Result[] = []
  let told: PassageBody | undefined
  const stopListening = site.centre.facts.add((fact) => {
    told = passageOf(fact) ?? told
  })
  const officer = callOfficer(site)
  try {
    for (let number = 0; !signal.aborted && (wanted === undefined || number < wanted); number++) {
      const someone = site.travellers[number % site.travellers.length]
      if (someone === undefined) break
      told = undefined
      const { page, world } = site
      await walk(someone, { page, world, pace, random, signal }).catch((error: Error) => {
        if (!signal.aborted) say(error.message)
      })
      if (signal.aborted) break
      for (let waited = 0; told === undefined && waited < 5_000; waited += 50) await sleep(systemClock, 50)
      const result = judge(someone, told)
      results.push(result)
      process.stdout.write(`${tableRow(number, result)}\n`)
      if (pause) await sleep(systemClock, pause_ms, signal).catch(() => undefined)
    }
  } finally {
    stopListening()
    officer()
  }
  return results
}

/** The officer sends back whoever waits between the doors: in the demo nobody is let through by hand. */
function callOfficer(site: EgateSite): () => void {
  let answered = 0
  return site.page.onChange((view) => {
    if (view?.instruction !== 'wait-for-officer' || view.passage === answered) return
    answered = view.passage
    void sleep(systemClock, 1_000).then(() => site.centre.decide('refuse', view.passage)).catch((error: Error) => say(error.message))
  })
}

function summarise(results: readonly Result[]): void {
  const counts = new Map<string, number>()
  for (const { passage } of results) counts.set(passage?.outcome ?? 'none', (counts.get(passage?.outcome ?? 'none') ?? 0) + 1)
  const parts = [...counts].map(([outcome, count]) => `${count} ${outcome}`)
  const wrong = results.filter(({ asExpected }) => !asExpected).length
  process.stdout.write(`${results.length} travellers: ${parts.join(', ')}; ${wrong === 0 ? 'all as expected' : `${wrong} NOT as expected`}\n`)
}

const say = (text: string): void => void process.stderr.write(`demo: ${text}\n`)

function wholeNumber(text: string, what: string, least = 1): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < least) throw new UsageError('PC-CLI-OPTION', `The number of ${what} must be a whole number from ${least}.`)
  return number
}

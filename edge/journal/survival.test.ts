/** What the journal lives through: power cuts, full disks, being killed at any moment. */
import { execFileSync, spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { ManualClock } from '../base/clock.ts'
import { silent } from '../base/log.ts'
import type { Fact, FactClass } from './fact.ts'
import { Journal } from './journal.ts'
import type { JournalLimits } from './limits.ts'
import { JournalReader } from './reader.ts'
import { deviceKey } from './seal.ts'
import { factsOf } from './steps.ts'
import { verifyJournal } from './verify.ts'

// Twenty lives of a process take their time on a busy machine.
t.setTimeout(120_000)

const start = Date.UTC(2026, 0, 1, 12)
const day_ms = 86_400_000
const keys = deviceKey(Buffer.alloc(32, 7))

function openAt(file: string, clock: ManualClock, limits: Partial<JournalLimits> = {}): Promise<Journal> {
  return Journal.open({ file, device: 'd', clock, log: silent, keys, retention: { passage: 10, personal: 5 }, limits: { reserve_bytes: 64 * 1024, ...limits } })
}

const fact = (n: number, factClass: FactClass = 'passage', text = '') => ({ kind: 'test.fact', class: factClass, body: { n, text } })

async function eventually(what: () => boolean): Promise<void> {
  for (let round = 0; round < 2000 && !what(); round++) await pause(5)
}

/** What a power cut at this moment would leave: everything but what only memory holds. */
function imageOf(folder: string, to: string): void {
  mkdirSync(to, { recursive: true })
  for (const name of readdirSync(folder)) {
    if (/journal\.db(-wal|\.keys|\.mark|\.reserve)?$/.test(name)) copyFileSync(join(folder, name), join(to, name))
  }
}

void t.test('a torn end of the write-ahead log costs its last transactions and nothing else', async (t) => {
  const folder = t.testdir()
  const journal = await openAt(join(folder, 'journal.db'), new ManualClock(start))
  for (let n = 2; n <= 30; n++) await journal.append(fact(n))
  const whole = statSync(join(folder, 'journal.db-wal')).size
  for (const cut of [1, 33, 5000, 20_000, 60_000]) {
    const image = join(folder, `cut-${cut}`)
    imageOf(folder, image)
    truncateSync(join(image, 'journal.db-wal'), whole - cut)
    const again = await openAt(join(image, 'journal.db'), new ManualClock(start))
    t.equal(again.setAside, undefined)
    await again.close()
    const { ok, facts } = await verifyJournal(join(image, 'journal.db'))
    t.ok(ok && facts > 3 && facts < 33, `${facts} facts after a cut of ${cut} bytes`)
  }
  await journal.close()
})

type Act =
  | { do: 'append'; facts: { class: FactClass; personal: boolean }[] }
  | { do: 'crash' | 'reopen' | 'erase' }
  | { do: 'prune' | 'wait'; days: number }
  | { do: 'jump'; by_ms: number }

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('append' as const), facts: fc.array(fc.record({ class: fc.constantFrom<FactClass>('passage', 'safety', 'fault'), personal: fc.boolean() }), { minLength: 1, maxLength: 9 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('crash' as const, 'reopen' as const, 'erase' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('prune' as const, 'wait' as const), days: fc.integer({ min: 0, max: 15 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('jump' as const), by_ms: fc.integer({ min: -2 * day_ms, max: 2 * day_ms }) }) },
)

/** Small groups and slices, so that few acts meet many edges. */
const small: Partial<JournalLimits> = { prune_max: 3, batch_max: 4 }

/** The journal under random acts, and what it has promised. */
class Trial {
  readonly clock: ManualClock
  readonly promised = new Map<number, number>()
  readonly #root: string
  #images = 0
  #count = 0
  #folder: string
  journal: Journal

  static async begin(root: string): Promise<Trial> {
    const folder = join(root, 'image-0')
    const clock = new ManualClock(start)
    return new Trial(root, folder, clock, await openAt(join(folder, 'journal.db'), clock, small))
  }

  private constructor(root: string, folder: string, clock: ManualClock, journal: Journal) {
    this.#root = root
    this.clock = clock
    this.#folder = folder
    this.journal = journal
  }

  get file(): string {
    return join(this.#folder, 'journal.db')
  }

  async act(act: Act): Promise<void> {
    switch (act.do) {
      case 'append':
        return this.#append(act.facts)
      case 'crash': {
        void this.journal.append(fact(-1)).catch(() => undefined)
        const image = join(this.#root, `image-${++this.#images}`)
        imageOf(this.#folder, image)
        await this.journal.close()
        this.#folder = image
        return this.#open()
      }
      case 'reopen':
        await this.journal.close()
        return this.#open()
      case 'erase': {
        const [day] = this.journal.personalDays
        if (day !== undefined) await this.journal.eraseDay(day)
        return
      }
      case 'prune':
        await this.journal.prune(this.clock.wall() + act.days * day_ms)
        return
      case 'wait':
        return this.clock.advance(act.days * day_ms)
      case 'jump':
        return this.clock.jumpWall(act.by_ms)
    }
  }

  /** No gap, a chain that holds, and every promised fact either there or receipted as pruned. */
  async holds(): Promise<boolean> {
    const { ok, facts, pruned, last } = await verifyJournal(this.file)
    const there = new Map([...factsOf(this.journal)].map((each) => [each.seq, (each.body as { n?: number }).n]))
    const lost = [...this.promised].filter(([seq, n]) => there.has(seq) && there.get(seq) !== n)
    const gone = [...this.promised.keys()].filter((seq) => !there.has(seq)).length
    return ok && facts + pruned === last && last === this.journal.last && there.size === facts && lost.length === 0 && gone <= pruned
  }

  async #append(facts: { class: FactClass; personal: boolean }[]): Promise<void> {
    const numbered = facts.map((each) => ({ ...each, n: ++this.#count }))
    const results = await Promise.all(numbered.map(({ n, class: of, personal }) => this.journal.append({ ...fact(n, of), ...(personal ? { personal: n } : {}) })))
    results.forEach(({ seq }, index) => this.promised.set(seq, numbered[index]?.n ?? 0))
  }

  async #open(): Promise<void> {
    this.journal = await openAt(this.file, this.clock, small)
  }
}

void t.test('whatever happens in whatever order: no gap, no broken hash, no promise forgotten', async (t) => {
  const root = t.testdir()
  let trials = 0
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 14 }), async (acts) => {
      const trial = await Trial.begin(join(root, `trial-${trials++}`))
      try {
        for (const each of acts) {
          await trial.act(each)
          if (!(await trial.holds())) return false
        }
        return true
      } finally {
        await trial.journal.close()
      }
    }),
    { numRuns: Number(process.env['PORTCULLIS_RUNS'] ?? 30) },
  )
  t.ok(trials > 0)
})

const here = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href)

/** Appends as fast as it can, in groups of changing size, and says what has been acknowledged. */
const appender = (file: string): string => `
  import { Journal } from ${here('./journal.ts')}
  import { deviceKey } from ${here('./seal.ts')}
  import { systemClock } from ${here('../base/clock.ts')}
  import { silent } from ${here('../base/log.ts')}
  import { writeSync } from 'node:fs'
  const journal = await Journal.open({ file: ${JSON.stringify(file)}, device: 'd', clock: systemClock, log: silent,
    keys: deviceKey(Buffer.alloc(32, 7)), limits: { reserve_bytes: 65536 } })
  for (let n = 0; ; n++) {
    const group = Array.from({ length: 1 + (n % 7) }, (_, k) => journal.append({ kind: 'test.fact', class: 'passage', body: { n, k }, personal: n }))
    for (const [k, { seq }] of (await Promise.all(group)).entries()) writeSync(1, seq + ' ' + n + ' ' + k + '\\n')
    if (n % 50 === 49) await journal.prune(Date.now())
  }
`

/** Runs the appender until it is killed at a random moment; returns what it acknowledged. */
async function killOnce(file: string): Promise<string[]> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', appender(file)], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } })
  const lines: string[] = []
  const input = createInterface({ input: child.stdout })
  const ended = new Promise((resolve) => child.once('close', resolve))
  input.once('line', () => setTimeout(() => child.kill('SIGKILL'), Math.random() * 60))
  for await (const line of input) lines.push(line)
  await ended
  return lines
}

void t.test('killed at random moments, it has every fact that it acknowledged', { timeout: 300_000 }, async (t) => {
  const file = join(t.testdir(), 'journal.db')
  const kills = Number(process.env['PORTCULLIS_KILLS'] ?? 20)
  let acknowledged = 0
  for (let kill = 1; kill <= kills; kill++) {
    const before = existsSync(file) ? (await verifyJournal(file)).last : 0
    const lines = await killOnce(file)
    const verified = await verifyJournal(file)
    t.match(verified, { ok: true, epochs: kill })
    const reader = new JournalReader(file)
    const bodies = new Map([...factsOf(reader, before)].map((each: Fact) => [each.seq, each.body as { n: number; k: number }]))
    reader.close()
    // A line that the kill tore in two acknowledged nothing.
    const whole = lines.filter((line) => /^\d+ \d+ \d+$/.test(line)).slice(0, -1)
    const lost = whole.filter((line) => {
      const [seq, n, k] = line.split(' ').map(Number)
      const body = bodies.get(seq ?? 0)
      return body === undefined || body.n !== n || body.k !== k
    })
    t.strictSame(lost, [], `life ${kill}`)
    acknowledged += whole.length
  }
  t.ok(acknowledged > kills, `${acknowledged} acknowledged facts in ${kills} lives, none lost`)
})

void t.test('a full database: the reserve first, then refusals, then back by itself', async (t) => {
  const clock = new ManualClock(start)
  const file = join(t.testdir(), 'journal.db')
  const journal = await openAt(file, clock, { bytes_max: 300 * 1024, prune_max: 10 })
  const states: string[] = []
  journal.onState((state) => states.push(state))
  await eventually(() => existsSync(`${file}.reserve`) && statSync(`${file}.reserve`).size === 64 * 1024)
  const fill = async (factClass: FactClass): Promise<number> => {
    for (let n = 0; n < 1000; n++) {
      try {
        await journal.append(fact(n, factClass, 'x'.repeat(1500)))
      } catch (error) {
        t.match(error, { code: 'PC-JOURNAL-DISK-FULL' })
        return n
      }
    }
    throw new Error('It never filled up.')
  }
  t.ok((await fill('passage')) > 50)
  t.strictSame([journal.state, states], ['reserve', ['reserve']], 'half the reserve is for everything')
  t.notOk(existsSync(`${file}.reserve`))
  t.ok((await fill('safety')) > 5, 'the other half for safety')
  t.strictSame([journal.state, states], ['unavailable', ['reserve', 'unavailable']])
  const { last } = journal
  await t.rejects(journal.append(fact(1)), { code: 'PC-JOURNAL-DISK-FULL' })
  t.match(await verifyJournal(file), { ok: true, last }, 'what was refused is not there')
  t.ok((await journal.prune(clock.wall())) > 0, 'the oldest facts give way')
  clock.advance(5000)
  await eventually(() => journal.state === 'ok')
  await journal.append(fact(2))
  t.strictSame(states, ['reserve', 'unavailable', 'reserve', 'ok'])
  const kinds = [...factsOf(journal)].map(({ kind }) => kind)
  t.ok(kinds.includes('journal.space-returned'))
  t.equal(statSync(`${file}.reserve`).size, 64 * 1024, 'the reserve is back')
  await journal.close()
  t.match(await verifyJournal(file), { ok: true, firstBroken: undefined })
  t.equal(clock.pending, 0)
})

/** Fills the disk it is on to the last byte, sees what the journal does, and makes room again. */
const onFullDisk = (folder: string): string => `
  import { Journal } from ${here('./journal.ts')}
  import { systemClock } from ${here('../base/clock.ts')}
  import { silent } from ${here('../base/log.ts')}
  import { verifyJournal } from ${here('./verify.ts')}
  import { openSync, writeSync, closeSync, existsSync, rmSync, statSync } from 'node:fs'
  import { setTimeout as pause } from 'node:timers/promises'
  const folder = ${JSON.stringify(folder)}, file = folder + '/journal.db'
  const journal = await Journal.open({ file, device: 'd', clock: systemClock, log: silent, limits: { reserve_bytes: 512 * 1024, spaceCheck_ms: 20 } })
  const states = []
  journal.onState((state) => states.push(state))
  for (let n = 0; n < 1000 && !(existsSync(file + '.reserve') && statSync(file + '.reserve').size === 512 * 1024); n++) await pause(5)
  const fd = openSync(folder + '/filler', 'w')
  try { for (;;) if (writeSync(fd, Buffer.alloc(4096)) < 4096) break } catch (error) { states.push(error.code) }
  closeSync(fd)
  const codes = new Set(), written = { passage: 0, safety: 0 }
  for (const kind of ['passage', 'safety']) {
    for (let n = 0; n < 2000; n++) {
      try { await journal.append({ kind: 'test.fact', class: kind, body: { text: 'x'.repeat(1500) } }); written[kind]++ }
      catch (error) { codes.add(error.code); break }
    }
  }
  rmSync(folder + '/filler')
  for (let n = 0; n < 1000 && journal.state !== 'ok'; n++) await pause(5)
  await journal.append({ kind: 'test.fact', class: 'passage', body: {} })
  await journal.close()
  console.log(JSON.stringify({ states, written, codes: [...codes], ok: (await verifyJournal(file)).ok }))
`

function canMount(): boolean {
  try {
    execFileSync('unshare', ['--user', '--map-root-user', '--mount', 'sh', '-c', 'mount -t tmpfs tmpfs /mnt'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

void t.test('a disk that is really full', { skip: canMount() ? false : 'no small file system can be mounted here' }, async (t) => {
  const folder = t.testdir()
  const program = ['-c', 'mount -t tmpfs -o size=4m tmpfs "$1" && exec "$2" --input-type=module -e "$3"', 'sh', folder, process.execPath, onFullDisk(folder)]
  const output = execFileSync('unshare', ['--user', '--map-root-user', '--mount', 'sh', ...program], { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } })
  const result = JSON.parse(output) as { states: string[]; written: { passage: number; safety: number }; codes: string[]; ok: boolean }
  t.equal(result.ok, true)
  t.strictSame(result.codes, ['PC-JOURNAL-DISK-FULL'])
  t.strictSame(result.states.slice(0, 3), ['ENOSPC', 'reserve', 'unavailable'])
  t.equal(result.states.at(-1), 'ok')
  t.ok(result.written.passage > 20 && result.written.safety > 5, 'the reserve held facts', result.written)
})

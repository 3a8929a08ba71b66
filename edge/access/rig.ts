/** What the tests of access stand on: a device with a door and a tamper contact, a journal that takes notes, accounts on a disk. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import type { Test } from 'tap'
import { sha256 } from '../base/canonical.ts'
import { ManualClock } from '../base/clock.ts'
import { DeviceError, PortcullisError } from '../base/error.ts'
import { createLogger } from '../base/log.ts'
import { parse, Type } from '../base/schema.ts'
import { SafetyInput } from '../device/capabilities.ts'
import { Component, type ComponentOf, type News } from '../device/component.ts'
import { command, contract } from '../device/contract.ts'
import { DeviceModel } from '../device/model.ts'
import type { NewFact } from '../journal/fact.ts'
import { Access, type AccessOptions } from './access.ts'
import { Accounts } from './accounts.ts'
import { answerChallenge, readChallenge } from './challenge.ts'
import type { PersonRole } from './contract.ts'
import { AccessSetup } from './section.ts'
import { SecretHashing } from './secret.ts'

/** Quick, because what is tested is mostly not how long it takes. */
export const cost = { logN: 4, r: 1, p: 1 }
const authority = generateKeyPairSync('ed25519')
export const pem = authority.publicKey.export({ type: 'spki', format: 'pem' }).toString()
export const serial = { face: 'serial', where: '/dev/ttyS0' } as const
export const page = { face: 'page', where: '10.0.0.7' } as const
export const secrets = { nguyen: 'correct horse battery', li: 'staple magnet river' }

const Door = contract('door', 'A door for these tests.', {
  open: command({ for: Type.Integer({ minimum: 1, maximum: 10, default: 3 }) }, 'Opens.', { role: 'engineer', moves: true, result: Type.Object({ opened: Type.Integer() }) }),
  look: command({}, 'Looks.', { role: 'viewer' }),
  aim: command({ camera: Type.String() }, 'Takes another camera.', { role: 'technician' }),
  break: command({}, 'Fails.', { role: 'technician' }),
  hang: command({}, 'Waits until it is cancelled.', { role: 'technician', limit_ms: 60_000 }),
  enrol: command({ finger: Type.String() }, 'Handles a finger.', { role: 'technician', personal: true }),
})

/** A journal that takes notes. */
export class Book {
  readonly facts: NewFact[] = []
  broken = false

  async append(fact: NewFact): Promise<{ seq: number }> {
    await new Promise((resolve) => setImmediate(resolve))
    if (this.broken) throw new Error('the disk is gone')
    this.facts.push(JSON.parse(JSON.stringify(fact)) as NewFact)
    return { seq: this.facts.length }
  }

  of(kind: string): Record<string, unknown>[] {
    return this.facts.filter((fact) => fact.kind === kind).map(({ body }) => body as Record<string, unknown>)
  }
}

export class House {
  readonly clock = new ManualClock()
  readonly book = new Book()
  model = new DeviceModel()
  readonly news: News[] = []
  readonly done: string[] = []
  readonly contact: ComponentOf<typeof SafetyInput>
  readonly folder: string
  readonly lines: string[] = []
  access!: Access
  readonly #door: ComponentOf<typeof Door>
  #drawn = 0

  constructor(folder: string) {
    this.folder = folder
    this.contact = new Component('tamper', SafetyInput, this.clock, { selfTest: async () => ({ passed: true, checks: [] }) })
    this.#door = new Component('door', Door, this.clock, {
      selfTest: async () => ({ passed: true, checks: [] }),
      open: async (args, _signal, caller) => {
        this.done.push(`open ${args.for} by ${caller.id}`)
        return { opened: args.for }
      },
      look: async () => ({}),
      aim: async () => ({}),
      break: () => Promise.reject(new DeviceError('PC-BARRIER-FAULT', 'The barrier reports a fault.')),
      hang: (_args, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve({}))),
      enrol: async () => ({}),
    })
  }

  get file(): string {
    return join(this.folder, 'accounts.json')
  }

  /** Starts anew on the same disk, as after a restart. */
  async open(section: Partial<AccessSetup> = {}, options: Partial<AccessOptions> = {}): Promise<Access> {
    this.model = new DeviceModel()
    this.model.news.add((news) => this.news.push(news))
    this.model.add(this.contact)
    this.model.add(this.#door)
    const log = createLogger('trace', { write: (line) => void this.lines.push(line) })
    this.access = new Access({
      clock: this.clock, log, model: this.model, sink: this.book, device: 'bl1-e07', file: this.file, authorities: [pem], cost,
      random: (bytes) => sha256(`${this.#drawn++}`).subarray(0, bytes),
      section: { ...parse(AccessSetup, {}, 'PC-TEST-INPUT', 'section'), ...section }, ...options,
    })
    this.model.add(this.access.component)
    await this.access.start()
    return this.access
  }

  raised(name: string): unknown[] {
    return this.news.filter((news) => news.kind === 'event' && news.name === name).map((news) => (news as { data: unknown }).data)
  }
}

export async function house(t: Test, accounts: Record<string, PersonRole> = { nguyen: 'technician', li: 'engineer' }): Promise<House> {
  const made = new House(t.testdir())
  const file = new Accounts(made.file)
  for (const [person, role] of Object.entries(accounts)) {
    const secret = await new SecretHashing(cost).hash(secrets[person as keyof typeof secrets] ?? `secret of somebody else`)
    await file.put({ person, role, secret, by: 'provision', at: 0 })
  }
  return made
}

export const codeOf = async (work: Promise<unknown> | (() => unknown)): Promise<string> => {
  try {
    await (typeof work === 'function' ? work() : work)
    return 'none'
  } catch (error) {
    return error instanceof PortcullisError ? error.code : String(error)
  }
}

/** What the authority answers. */
export const answerTo = (challenge: string, role: PersonRole = 'technician', for_min = 480, key: KeyObject = authority.privateKey): string =>
  answerChallenge(readChallenge(challenge)!, { role, for_min }, key)

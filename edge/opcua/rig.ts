/** What the tests stand on: a device on a disk with a journal, people, and an OPC UA server in its own thread. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Access } from '../access/access.ts'
import { Accounts } from '../access/accounts.ts'
import type { PersonRole } from '../access/contract.ts'
import { AccessSetup } from '../access/section.ts'
import { SecretHashing } from '../access/secret.ts'
import { systemClock } from '../base/clock.ts'
import { silent } from '../base/log.ts'
import { parse, Type } from '../base/schema.ts'
import { CodeReader } from '../device/capabilities.ts'
import { Component, type ComponentOf } from '../device/component.ts'
import { command, contract, event, property } from '../device/contract.ts'
import { DeviceModel } from '../device/model.ts'
import { Journal } from '../journal/journal.ts'
import { Chronicle } from '../run/chronicle.ts'
import { OpcuaSection } from './section.ts'
import { OpcuaService } from './service.ts'

/** A capability that no driver has: every kind of member, every kind of value. */
export const MadeUp = contract('made-up', 'A part that somebody thought of this morning.', {
  level: property(Type.Number({ minimum: 0, maximum: 100 }), 'How full it is.', '%'),
  speed: property(Type.Number(), 'How fast it is.', 'furlong/fortnight'),
  count: property(Type.Integer({ minimum: 0, maximum: 99 }), 'How many.', '1'),
  total: property(Type.Integer(), 'How many ever.', '1'),
  on: property(Type.Boolean(), 'Whether it is on.'),
  mood: property(Type.Enum(['calm', 'cross']), 'How it feels.'),
  title: property(Type.String(), 'What it is called.'),
  samples: property(Type.Array(Type.Number()), 'The latest.', 'ms'),
  place: property(Type.Object({ row: Type.Integer({ minimum: 0, maximum: 9 }), sunny: Type.Boolean() }), 'Where it stands.'),
  table: property(Type.Record(Type.String(), Type.Number()), 'What is where.'),
  look: command({ depth: Type.Integer({ minimum: 1, maximum: 5 }), how: Type.Enum(['near', 'far']), note: Type.Optional(Type.String({ maxLength: 20 })) }, 'Looks at something.', {
    role: 'viewer', result: Type.Object({ seen: Type.Integer(), what: Type.Array(Type.String()), detail: Type.Object({ of: Type.String() }) }),
  }),
  jump: command({ height: Type.Number({ minimum: 0, maximum: 2 }) }, 'Jumps.', { role: 'engineer', moves: true }),
  remember: command({ finger: Type.String() }, 'Handles a finger.', { role: 'technician', personal: true }),
  decide: command({}, 'Only the controller may.', { role: 'controller' }),
  moved: event({ by: Type.Number(), mood: Type.Enum(['calm', 'cross']), message: Type.String() }, 'It moved.', { severity: 'info' }),
  stumbled: event({ times: Type.Integer() }, 'It stumbled.', { severity: 'warning' }),
  fell: event({ from: Type.Enum(['table', 'wall']) }, 'It fell down.', { severity: 'alarm' }),
  recognised: event({ who: Type.String() }, 'It knows somebody.', { severity: 'alarm', personal: true }),
})

export const people = { hoa: 'viewer', binh: 'technician', lan: 'engineer', minh: 'officer' } as const
export const secretOf = (person: string): string => `the long secret of ${person}`

export class Rig {
  readonly folder = mkdtempSync(join(tmpdir(), 'portcullis-opcua-'))
  readonly model = new DeviceModel()
  readonly asked: unknown[] = []
  readonly part: ComponentOf<typeof MadeUp>
  readonly reader: ComponentOf<typeof CodeReader>
  journal!: Journal
  access!: Access
  service!: OpcuaService
  #chronicle: Chronicle | undefined

  constructor() {
    const note = (what: string, result: unknown) => async (args: unknown, _signal: AbortSignal, caller: { id: string }) => {
      this.asked.push({ what, args, by: caller.id })
      return result as never
    }
    this.part = new Component('gadget', MadeUp, systemClock, {
      selfTest: note('selfTest', { passed: true, checks: [] }),
      look: note('look', { seen: 2 ** 40, what: ['a', 'b'], detail: { of: 'x' } }), jump: note('jump', {}), remember: note('remember', {}), decide: note('decide', {}),
    })
    this.reader = new Component('codes', CodeReader, systemClock, { selfTest: note('selfTest', { passed: true, checks: [] }) })
  }

  /** A section of the profile as it is filled in. */
  section(given: Record<string, unknown> = {}): OpcuaSection {
    return parse(OpcuaSection, { host: '127.0.0.1', port: 0, names: ['localhost'], ...given }, 'PC-TEST-INPUT', 'section')
  }

  get url(): string {
    return this.service.component.read('address')!
  }

  /** The names of the folder of clients' certificates. */
  at(...names: string[]): string {
    return join(this.folder, ...names)
  }

  async start(given: Record<string, unknown> = {}, beside: readonly Component[] = []): Promise<this> {
    this.journal = await Journal.open({ file: this.at('journal.db'), device: 'mong-cai/e07', clock: systemClock, log: silent })
    this.#chronicle = new Chronicle(this.model, this.journal, silent)
    this.#chronicle.start()
    this.model.add(this.part)
    this.model.add(this.reader)
    for (const component of beside) this.model.add(component)
    const cost = { logN: 4, r: 1, p: 1 }
    const accounts = new Accounts(this.at('accounts.json'))
    for (const [person, role] of Object.entries(people) as [string, PersonRole][]) {
      await accounts.put({ person, role, secret: await new SecretHashing(cost).hash(secretOf(person)), by: 'provision', at: 0 })
    }
    this.access = new Access({
      clock: systemClock, log: silent, model: this.model, sink: this.journal, device: 'e07', file: this.at('accounts.json'), authorities: [], cost,
      section: parse(AccessSetup, {}, 'PC-TEST-INPUT', 'section'),
    })
    this.model.add(this.access.component)
    await this.access.start()
    this.#make(given)
    this.model.add(this.service.component)
    await this.service.start()
    return this
  }

  #make(given: Record<string, unknown>): void {
    this.service = new OpcuaService({
      section: this.section(given), about: { site: 'mong-cai/bl1', id: 'e07', kind: 'egate', version: '1.2.3' }, model: this.model, gatekeeper: this.access, facts: this.journal,
      journal: this.at('journal.db'), state: this.folder, clock: systemClock, log: silent, logChannel: 'opcua-test',
    })
  }

  facts(kind: string): Record<string, unknown>[] {
    return this.journal.after(0, 1_000).filter((fact) => fact.kind === kind).map(({ body }) => body as Record<string, unknown>)
  }

  async stop(): Promise<void> {
    await this.service.stop()
    await this.access.stop()
    this.#chronicle?.stop()
    await this.journal.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Waits for something that takes its time on a busy machine. */
export async function until(holds: () => boolean | Promise<boolean>, what: string, limit_ms = 120_000): Promise<void> {
  for (const begin = performance.now(); !await holds();) {
    if (performance.now() - begin > limit_ms) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

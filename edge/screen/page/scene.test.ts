import t from 'tap'
import { ManualClock } from '../../base/clock.ts'
import { type GateView, Instruction, Phase, Reason, StepName } from '../../gate/contract.ts'
import { discreetReasons } from '../../gate/view.ts'
import type { Snapshot } from '../snapshot.ts'
import { Connection, type Socket } from './connection.ts'
import { contrast, graphicPairs, type Palette, palettes, textPairs } from './palette.ts'
import { endsPassage, type Knowledge, sceneOf, topics } from './scene.ts'
import { instructions, neutral, notReady, reasons, reconnecting, stepNames, stepStatuses, type Words } from './texts.ts'

const idle: GateView = { passage: 1, phase: 'idle', instruction: 'lay-document', steps: [{ step: 'document', status: 'now' }], attempt: 1 }
const snapshot = (view: GateView | null): Snapshot => ({ build: 'b', languages: ['vi'], mirror: true, view })
const live = (view: GateView | null): Knowledge => ({ kind: 'live', snapshot: snapshot(view) })

const vietnamese = /[ăâđêôơưàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ]/i

void t.test('every instruction and reason is said in three languages', async (t) => {
  t.strictSame(Object.keys(instructions).toSorted(), [...Instruction.enum].toSorted())
  t.strictSame(Object.keys(reasons).toSorted(), [...Reason.enum].toSorted())
  t.strictSame(Object.keys(stepNames).toSorted(), [...StepName.enum].toSorted())
  const all: Words[] = [instructions, reasons, stepNames, stepStatuses].flatMap((table) => Object.values(table))
  for (const { vi, zh, en } of [...all, neutral, notReady, reconnecting]) {
    t.match(vi, /^\p{Script=Latin}/u)
    t.match(zh, /^[\p{Script=Han}，。！]+$/u)
    t.match(en, /^[A-Za-z ,.!]+$/)
    for (const text of [vi, zh, en]) t.equal(text, text.normalize('NFC').trim(), 'one way of writing each letter')
  }
  for (const { vi } of Object.values(instructions)) t.match(vi, vietnamese)
  for (const { vi } of Object.values(reasons)) t.match(vi, vietnamese)
})

void t.test('what must not be told looks like what is harmless', async (t) => {
  for (const reason of ['watchlist-hit', 'document-revoked', 'face-attack'] as const) {
    t.ok(discreetReasons.has(reason))
    t.equal(reasons[reason], neutral)
    t.equal(topics[reason], 'officer')
  }
  const harmless = ['face-unavailable', 'finger-unavailable', 'lists-too-old', 'clock-untrusted'] as const
  for (const reason of harmless) t.ok(discreetReasons.has(reason))
  for (const reason of Reason.enum) t.equal(reasons[reason] === neutral, discreetReasons.has(reason), reason)
  for (const reason of discreetReasons) {
    const told = sceneOf(live({ ...idle, phase: 'referred', instruction: 'see-officer', reason }))
    const kept = sceneOf(live({ ...idle, phase: 'referred', instruction: 'see-officer' }))
    t.strictSame(told, kept, 'told or kept back, it is the same screen')
  }
})

void t.test('every colour pair meets WCAG 2.2 AA', async (t) => {
  t.equal(Math.round(contrast('#000000', '#ffffff')), 21)
  t.equal(contrast('#777777', '#777777'), 1)
  t.equal(contrast('#767676', '#ffffff').toFixed(2), '4.54', 'a known value')
  for (const [tone, palette] of Object.entries(palettes)) {
    const check = (front: keyof Palette, back: keyof Palette, least: number): void => {
      const ratio = contrast(palette[front], palette[back])
      t.ok(ratio >= least, `${tone}: ${front} on ${back} is ${ratio.toFixed(2)}:1`)
    }
    for (const [front, back] of textPairs) check(front, back, 4.5)
    for (const [front, back] of graphicPairs) check(front, back, 3)
  }
})

void t.test('the scene follows from what is known', async (t) => {
  t.match(sceneOf({ kind: 'connecting' }), { instruction: 'please-wait', tone: 'closed' })
  t.match(sceneOf({ kind: 'lost' }), { instruction: 'use-other-gate', because: { words: reconnecting }, urgent: true, steps: [] })
  t.match(sceneOf(live(null)), { instruction: 'use-other-gate', because: { words: notReady } })
  t.match(sceneOf(live({ ...idle, phase: 'exiting', instruction: 'go-through' })), { tone: 'go', urgent: false })
  t.match(sceneOf(live({ ...idle, phase: 'emergency', instruction: 'leave-now', reason: 'fire-alarm' })), { tone: 'emergency', urgent: true, steps: [] })
  for (const phase of Phase.enum) {
    const { mirrorOf, tone } = sceneOf(live({ ...idle, phase }))
    t.equal(mirrorOf, phase === 'face' ? 1 : undefined, `${phase}: the mirror`)
    t.equal(tone === 'closed', phase === 'out-of-service', `${phase}: closed`)
    t.equal(tone === 'emergency', phase === 'emergency', `${phase}: emergency`)
  }
  const noCamera = { ...snapshot({ ...idle, phase: 'face' }), mirror: false }
  t.equal(sceneOf({ kind: 'live', snapshot: noCamera }).mirrorOf, undefined)
})

void t.test('a choice made at the start lasts through the passage and not beyond', async (t) => {
  const reading = live({ ...idle, passage: 2, phase: 'reading' })
  t.notOk(endsPassage(live(idle), reading), 'the passage only begins')
  t.notOk(endsPassage(reading, live({ ...idle, passage: 2, phase: 'face' })))
  t.ok(endsPassage(reading, live({ ...idle, passage: 2 })), 'back to idle')
  t.ok(endsPassage(reading, live({ ...idle, passage: 3, phase: 'reading' })), 'the next traveller, without idle between')
  t.ok(endsPassage(reading, { kind: 'lost' }))
  t.notOk(endsPassage(live(idle), live(idle)))
})

class Wire extends EventTarget implements Socket {
  closed = false

  close(): void {
    this.closed = true
  }

  say(view: GateView): void {
    this.dispatchEvent(new MessageEvent('message', { data: JSON.stringify(snapshot(view)) }))
  }
}

void t.test('the connection notices silence within two seconds and comes back by itself', async (t) => {
  const clock = new ManualClock()
  const wires: Wire[] = []
  const known: Knowledge['kind'][] = []
  const connection = new Connection(() => {
    const wire = new Wire()
    wires.push(wire)
    return wire
  }, clock, ({ kind }) => known.push(kind), () => 0.5)
  connection.open()
  wires[0]?.say(idle)
  clock.advance(1_400)
  wires[0]?.say(idle)
  clock.advance(1_400)
  t.strictSame(known, ['live', 'live'], 'beats keep it alive')
  clock.advance(200)
  t.strictSame(known.at(-1), 'lost')
  t.equal(wires[0]?.closed, true)
  wires[0]?.say(idle)
  t.strictSame(known.at(-1), 'lost', 'an abandoned socket is not heard')
  clock.advance(250)
  t.equal(wires.length, 2)
  wires[1]?.dispatchEvent(new Event('close'))
  clock.advance(499)
  t.equal(wires.length, 2, 'it waits longer')
  clock.advance(1)
  t.equal(wires.length, 3)
  wires[2]?.say(idle)
  t.equal(known.at(-1), 'live')
  clock.advance(20 * 60_000)
  t.ok(wires.length > 20 * 60 / 5, 'it never gives up')
  connection.close()
  t.equal(clock.pending, 0)
})

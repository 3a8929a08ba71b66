import t from 'tap'
import { type Effect, mayGoUnrecorded } from './effect.ts'
import type { DoorName, Input } from './input.ts'
import { gateMachine } from './machine.ts'
import { alerts, opens, Play } from './play.ts'
import { Rehearsal, type SetupChoice } from './rehearsal.ts'
import type { Stage } from './state.ts'
import { Turn } from './turn.ts'
import { view } from './view.ts'

const frees = (effects: readonly Effect[]): string[] => effects.flatMap((effect) => (effect.kind === 'free' ? [`${effect.door} ${effect.on ? 'on' : 'off'}`] : []))
const closes = (effects: readonly Effect[]): DoorName[] => effects.flatMap((effect) => (effect.kind === 'close' ? [effect.door] : []))

const fire = (active: boolean): Input => ({ kind: 'safety', input: 'fire', active })
const power = (active: boolean): Input => ({ kind: 'safety', input: 'power', active })

/** How to come into each stage, and by which door people must then get out. */
const ways: { readonly [At in Exclude<Stage['at'], 'emergency'>]: [(play: Play) => void, DoorName] } = {
  closed: [(play) => play.officer('service-off'), 'exit'],
  idle: [() => undefined, 'exit'],
  reading: [(play) => play.feed({ kind: 'documentPresented' }), 'exit'],
  checking: [(play) => play.lay(), 'exit'],
  entering: [(play) => {
    play.lay()
    play.verdict()
    play.door('entry', 'opening', 'open')
  }, 'entry'],
  alone: [(play) => {
    play.lay()
    play.verdict()
    play.door('entry', 'opening', 'open')
    play.people('inside', 1)
  }, 'entry'],
  face: [(play) => play.toFace(), 'exit'],
  finger: [(play) => play.toFinger(), 'exit'],
  deciding: [(play) => {
    play.toFace()
    play.feed({ kind: 'faceVerdict', ref: play.ref, attempt: 1, result: 'attack' })
    play.door('entry', 'unknown')
    play.officer('grant')
  }, 'entry'],
  exiting: [(play) => {
    play.toFinger()
    play.finger('match')
    play.door('exit', 'opening')
  }, 'exit'],
  recording: [(play) => {
    play.toFinger()
    play.finger('match')
    play.door('exit', 'opening', 'open')
    play.people('inside', 0)
  }, 'exit'],
  refused: [(play) => {
    play.lay()
    play.verdict({ result: 'document-expired' })
  }, 'exit'],
  referred: [(play) => {
    play.toFace()
    play.face('attack')
  }, 'exit'],
  leaving: [(play) => {
    play.toFace()
    play.people('inside', 2)
    play.door('entry', 'opening', 'open')
  }, 'entry'],
}

for (const alarm of ['fire', 'power'] as const) {
  void t.test(`${alarm} in every stage: one way out, and only an officer ends it`, async (t) => {
    const reason = alarm === 'fire' ? 'fire-alarm' : 'power-fail'
    for (const [at, [bring, way]] of Object.entries(ways)) {
      const play = new Play()
      bring(play)
      t.equal(play.gate.state.stage.at, at)
      const other = way === 'exit' ? 'entry' : 'exit'
      const effects = play.feed({ kind: 'safety', input: alarm, active: true })
      t.same([frees(effects), closes(effects), alerts(effects)], [[`${way} on`], [other], [reason]], at)
      t.ok(effects.filter(({ kind }) => kind === 'free' || kind === 'close').every(mayGoUnrecorded), 'with or without a journal')
      t.match(view(play.gate.state), { phase: 'emergency', instruction: 'leave-now', reason })
      t.same(play.gate.watch.kept, [], 'nothing personal is kept')
      if (at !== 'idle' && at !== 'closed' && at !== 'refused' && at !== 'recording') t.match(play.records.at(-1), { outcome: 'emergency', reason })

      play.door(way, 'open')
      play.people('inside', 0)
      play.officer('release')
      t.equal(play.phase, 'emergency', 'not while it is on')
      play.feed({ kind: 'safety', input: alarm, active: false })
      play.gate.wait(3_600)
      t.equal(play.phase, 'emergency', 'not by itself')
      const released = play.officer('release')
      t.ok(frees(released).includes(`${way} off`))
      play.officer('service-on')
      play.door(other, 'closed')
      play.door(way, 'closing', 'closed')
      play.gate.wait(8)
      t.equal(play.phase, 'idle')
      play.gate.replay()
    }
  })
}

void t.test('single door: fire in the middle', async (t) => {
  const play = new Play({ layout: 'single' }).toFace()
  const effects = play.feed(fire(true))
  t.same([frees(effects), closes(effects)], [['exit on'], []])
  t.ok(effects.some(({ kind }) => kind === 'cancelFace'))
})

void t.test('a site may choose the entry as the way out', async (t) => {
  const play = new Play({ policy: { emergencyWay: 'entry' } })
  t.same(frees(play.feed(fire(true))), ['entry on'])
})

void t.test('the second alarm holds after the first is over', async (t) => {
  const play = new Play()
  play.feed(fire(true), power(true), fire(false))
  t.same(play.officer('release'), [])
  play.feed(power(false))
  t.same(frees(play.officer('release')), ['entry off', 'exit off'])
})

void t.test('a way out that does not obey', async (t) => {
  const play = new Play()
  play.feed(fire(true))
  const failed = (door: DoorName): Effect[] => play.feed({ kind: 'effectFailed', effect: { kind: 'free', door, on: true }, code: 'PC-BARRIER-GONE' })
  t.same(frees(failed('exit')), ['exit off', 'entry on'], 'the other door it is')
  t.same(frees(failed('entry')), [], 'neither')
  t.same(frees(play.gate.wait(8)), ['entry on'], 'tried again')
  t.same(frees(play.gate.wait(60)), [], 'once it did not fail again, it stands')
})

void t.test('start: nobody is let in before all is known', async (t) => {
  for (const layout of ['mantrap', 'single'] as const) {
    const gate = new Rehearsal({ layout })
    t.same(closes(gate.feed({ kind: 'start' })), gate.doors, 'unknown doors are closed')
    t.match(view(gate.state), { phase: 'out-of-service', reason: 'restarted' })
    const well = gate.allWell().filter((input) => input.kind !== 'presence' || (layout === 'mantrap' && input.zone === 'inside'))
    for (const input of well) {
      t.equal(view(gate.state).phase, 'out-of-service')
      gate.feed(input)
    }
    t.equal(view(gate.state).phase, 'idle')
    gate.replay()
  }
})

/** The runtime was killed while somebody stood between the doors. */
function restartedWith(count: number, choice: SetupChoice = {}): Rehearsal {
  const gate = new Rehearsal(choice)
  gate.feed({ kind: 'start' }, ...gate.allWell().map((input): Input => (input.kind === 'presence' && input.zone === 'inside' ? { ...input, count } : input)))
  return gate
}

void t.test('restart with somebody inside', async (t) => {
  const gate = restartedWith(1)
  t.match(view(gate.state), { phase: 'referred', reason: 'restarted', instruction: 'wait-for-officer' })
  gate.wait(600)
  t.equal(view(gate.state).phase, 'referred', 'never idle with somebody inside')
  t.same(opens(gate.feed({ kind: 'officer', decision: 'release', by: 'officer-7' })), ['entry'], 'back, not through')
  gate.feed({ kind: 'door', door: 'entry', state: 'open' }, { kind: 'presence', zone: 'inside', count: 0 }, { kind: 'door', door: 'entry', state: 'closed' })
  t.equal(view(gate.state).phase, 'idle')

  const granted = restartedWith(1)
  t.same(opens(granted.feed({ kind: 'officer', decision: 'grant', by: 'officer-7' })), ['exit'], 'unless the officer has checked')
})

void t.test('restart in an emergency stays one', async (t) => {
  const gate = new Rehearsal()
  t.same(frees(gate.feed({ kind: 'start', emergency: 'power-fail' })), ['exit on'])
  gate.feed(...gate.allWell())
  t.equal(view(gate.state).phase, 'emergency')
  gate.feed({ kind: 'officer', decision: 'release', by: 'officer-7' })
  gate.wait(8)
  t.equal(view(gate.state).phase, 'idle')
})

void t.test('doors that block, are lost or forced', async (t) => {
  const blocked = new Play()
  blocked.lay()
  blocked.verdict()
  blocked.door('entry', 'opening', 'blocked')
  t.same(alerts(blocked.gate.wait(11)), ['barrier-blocked'])
  t.match([blocked.phase, blocked.reason], ['referred', 'barrier-blocked'])
  blocked.people('entry', 0)
  blocked.gate.wait(20)
  t.match([blocked.phase, blocked.reason], ['out-of-service', 'barrier-blocked'])
  t.ok(closes(blocked.gate.wait(8)).includes('entry'), 'closing is tried again')
  blocked.door('entry', 'closed')
  t.equal(blocked.phase, 'idle')

  const behind = new Play().toFinger()
  behind.finger('match')
  behind.door('exit', 'opening', 'open')
  behind.people('inside', 0)
  behind.door('exit', 'closing', 'blocked')
  t.same(alerts(behind.gate.wait(8)), ['barrier-blocked'])
  t.match([behind.phase, behind.records[0]?.outcome], ['out-of-service', 'granted'])

  const lost = new Play().toFace()
  lost.feed({ kind: 'doorLost', door: 'entry' })
  t.match([lost.phase, lost.reason], ['referred', 'barrier-lost'])
  t.same(opens(lost.officer('grant')), [], 'no door opens while the other is not known to be closed')
  t.same(opens(lost.door('entry', 'closed')), ['exit'])

  const forced = new Play().toFace()
  t.ok(alerts(forced.feed({ kind: 'forced', door: 'exit' })).includes('barrier-forced'))
  t.match([forced.phase, forced.reason], ['referred', 'barrier-forced'])
  const atNight = new Play()
  atNight.feed({ kind: 'forced', door: 'exit' })
  atNight.gate.wait(3_600)
  t.match([atNight.phase, atNight.reason], ['out-of-service', 'barrier-forced'], 'an officer must look')
  atNight.officer('release')
  atNight.door('entry', 'closed')
  atNight.door('exit', 'closed')
  t.equal(atNight.phase, 'idle')

  const silent = new Play()
  silent.lay()
  t.same(opens(silent.verdict()), ['entry'])
  silent.feed({ kind: 'effectFailed', effect: { kind: 'open', door: 'entry', for_ms: 10_000 }, code: 'PC-BARRIER-GONE' })
  t.match([silent.phase, silent.reason], ['referred', 'barrier-lost'])
})

void t.test('journal unavailable: nobody is let through, nobody is kept', async (t) => {
  const outside = new Play()
  outside.lay()
  outside.part('journal', false)
  t.match([outside.phase, outside.reason, outside.instruction], ['refused', 'journal-unavailable', 'use-other-gate'])

  const inside = new Play().toFace()
  inside.part('journal', false)
  t.match([inside.phase, inside.reason], ['referred', 'journal-unavailable'])
  t.same(opens(inside.officer('grant')), [])
  inside.gate.wait(6)
  t.match([inside.phase, inside.reason], ['referred', 'journal-unavailable'])
  const effects = inside.officer('release')
  t.same([opens(effects), frees(effects)], [[], ['entry on']], 'the way back needs no journal')
  inside.door('entry', 'open')
  t.ok(frees(inside.people('inside', 0)).includes('entry off'))
  inside.door('entry', 'closed')
  t.equal(inside.phase, 'out-of-service')
  inside.part('journal', true)
  t.equal(inside.phase, 'idle')
})

void t.test('what goes ahead unrecorded never lets anybody in or through', async (t) => {
  const allowed: Effect[] = [
    { kind: 'close', door: 'exit' }, { kind: 'free', door: 'exit', on: true }, { kind: 'cancelFace', ref: 'a', attempt: 1 },
    { kind: 'cancelFinger', ref: 'a', attempt: 1 }, { kind: 'alert', severity: 'alarm', reason: 'fire-alarm' }, { kind: 'forget', ref: 'a' }, { kind: 'sign', side: 'entry', sign: 'stop' },
  ]
  const withheld: Effect[] = [
    { kind: 'open', door: 'exit', for_ms: 1 }, { kind: 'open', door: 'entry', for_ms: 1 }, { kind: 'sign', side: 'entry', sign: 'go' },
    { kind: 'checkDocument', ref: 'a' }, { kind: 'startFace', ref: 'a', attempt: 1 }, { kind: 'startFinger', ref: 'a', attempt: 1 },
    { kind: 'record', passage: 1, outcome: 'granted', cycle_ms: 1, spent_ms: {} },
  ]
  for (const effect of allowed) t.equal(mayGoUnrecorded(effect), true, effect.kind)
  for (const effect of withheld) t.equal(mayGoUnrecorded(effect), false, effect.kind)
})

void t.test('the officer ends or stops', async (t) => {
  const refused = new Play()
  refused.lay()
  refused.officer('refuse')
  t.match([refused.phase, refused.reason, refused.records[0]?.officer], ['refused', 'officer-refused', 'officer-7'])

  const released = new Play().toFace()
  t.same(opens(released.officer('release')), ['entry'])
  t.equal(released.phase, 'leaving')

  const ignored = new Play().toFace()
  t.same(ignored.officer('grant'), [], 'there is nothing to grant before somebody is referred')

  const service = new Play({ policy: { finger: 'never' } }).toFace()
  service.officer('service-off')
  t.equal(service.phase, 'face', 'the passage goes on')
  service.face('match')
  service.stepOut()
  t.match([service.phase, service.reason, service.mode], ['out-of-service', 'service', 'closed'])
  service.people('inside', 1)
  t.equal(service.phase, 'out-of-service', 'the technician may step in')
  service.people('inside', 0)
  service.officer('service-on')
  t.equal(service.phase, 'idle')
})

void t.test('out of service a technician moves a door, and the gate does not shut it again; never both', async (t) => {
  for (const layout of ['mantrap', 'single'] as const) {
    const served = new Play({ layout })
    t.same(served.officer('service-off').filter(({ kind }) => kind === 'close'), [], 'the doors are shut')
    t.same(served.door('exit', 'opening', 'open'), [], `${layout}: it is the technician's`)
    t.same(served.gate.wait(3_600), [], 'for as long as they hold it')
    t.equal(served.phase, 'out-of-service')
    if (layout === 'mantrap') {
      const both = served.door('entry', 'opening').filter(({ kind }) => kind === 'close')
      t.match(both, [{ door: 'entry' }, { door: 'exit' }], 'nobody walks through with both open')
      served.door('entry', 'closing', 'closed')
      served.door('exit', 'closing', 'closed')
      t.same(served.door('entry', 'opening'), [], 'then one again')
      served.door('entry', 'closing', 'closed')
    } else {
      served.door('exit', 'closing', 'closed')
    }
    served.officer('service-on')
    t.equal(served.phase, 'idle')
  }
  const left = new Play()
  left.officer('service-off')
  left.door('exit', 'opening', 'open')
  const back = left.officer('service-on')
  t.match(back.filter(({ kind }) => kind === 'close'), [{ door: 'exit' }], 'what a technician left open is shut before travellers come')
  t.match([left.phase, left.reason], ['out-of-service', 'barrier-blocked'])
  left.door('exit', 'closing', 'closed')
  t.equal(left.phase, 'idle')
  const late = new Play()
  late.door('exit', 'opening', 'open')
  late.officer('service-off')
  t.ok(late.gate.wait(30).some(({ kind }) => kind === 'close'), 'what stood open before is shut first')
})

void t.test('the guards of the doors hold by themselves', async (t) => {
  const { state, now } = new Play().gate
  const turn = new Turn(state, gateMachine.timeout, now)
  t.equal(turn.open('exit', 5), false, 'without a grant')
  turn.begin()
  t.equal(turn.open('exit', 5), false, 'in a passage without a grant')
  turn.update({ grant: 'checks' })
  t.equal(turn.open('exit', 5), true)
  t.equal(turn.open('entry', 5), false, 'while the other has been told to open')
  t.equal(turn.open('exit', 5), false, 'twice')
  t.same(opens(turn.effects), ['exit'])
})

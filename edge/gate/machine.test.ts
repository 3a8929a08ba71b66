import t from 'tap'
import type { Phase, Reason } from './contract.ts'
import type { Effect } from './effect.ts'
import type { DocumentFindings, FaceResult, FingerResult } from './input.ts'
import { alerts, goesBack, has, opens, over, Play, referredInside, referredOutside, refusedOutside } from './play.ts'
import { view } from './view.ts'

void t.test('mantrap: through all stages', async (t) => {
  const play = new Play()
  const phases: Phase[] = []
  const note = (effects: Effect[]): Effect[] => {
    phases.push(play.phase)
    return effects
  }
  note(play.lay())
  t.same(opens(note(play.verdict())), ['entry'])
  play.gate.wait(1)
  play.door('entry', 'opening', 'open')
  note(play.people('inside', 1))
  t.ok(has(note(play.door('entry', 'closing', 'closed')), 'startFace'))
  play.gate.wait(2)
  t.ok(has(note(play.face('match')), 'startFinger'))
  t.same(opens(note(play.finger('match'))), ['exit'])
  play.gate.wait(1)
  play.stepOut()
  t.same(phases, ['checking', 'entering', 'alone', 'face', 'finger', 'exiting'])
  over(t, play, 'granted')
  t.match(play.records[0], {
    passage: 1, cycle_ms: 4_000, spent_ms: { document: 0, enter: 1_000, face: 2_000, finger: 0, exit: 1_000 },
    face: { score: 0.8, threshold: 0.5, models: { face: 'ab12' } }, finger: { score: 90 },
  })
  t.equal(view(play.gate.state).passage, 1)
})

void t.test('single door: one person in front, nobody steps in', async (t) => {
  const play = new Play({ layout: 'single' })
  play.lay()
  t.same(opens(play.verdict({ resident: false, fingerTemplate: false })), [])
  t.equal(play.phase, 'face')
  t.same(opens(play.face('match')), ['exit'])
  t.same(view(play.gate.state).steps.map(({ step, status }) => `${step} ${status}`), ['document done', 'face done', 'exit now'])
  play.stepOut()
  over(t, play, 'granted')
})

void t.test('a second traveller comes straight after the first', async (t) => {
  const play = new Play({ policy: { finger: 'never' } })
  for (const passage of [1, 2]) {
    play.toFace()
    play.face('match')
    play.stepOut()
    over(t, play, 'granted')
    t.equal(view(play.gate.state).passage, passage)
  }
})

for (const layout of ['mantrap', 'single'] as const) {
  void t.test(`${layout}: what is wrong with the document`, async (t) => {
    for (const result of ['document-expired', 'document-not-accepted', 'not-resident'] as const) {
      const play = new Play({ layout })
      play.lay()
      t.same(opens(play.verdict({ result })), [])
      refusedOutside(t, play, result)
    }
    const inconsistent = new Play({ layout })
    inconsistent.lay()
    inconsistent.verdict({ result: 'document-inconsistent' })
    refusedOutside(t, inconsistent, 'document-inconsistent', false)
    for (const result of ['document-revoked', 'watchlist-hit', 'document-unchecked'] as const) {
      const play = new Play({ layout })
      play.lay()
      t.same(alerts(play.verdict({ result })), [result], 'the officer is told')
      referredOutside(t, play, result)
    }
  })

  void t.test(`${layout}: unreadable, three times`, async (t) => {
    const play = new Play({ layout })
    play.people(play.front, 1)
    play.feed({ kind: 'documentUnreadable' })
    t.match(view(play.gate.state), { phase: 'reading', instruction: 'lay-document', attempt: 2 })
    play.feed({ kind: 'documentUnreadable' }, { kind: 'documentUnreadable' })
    play.ref = undefined as unknown as string
    refusedOutside(t, play, 'document-unreadable')
  })

  void t.test(`${layout}: the face`, async (t) => {
    const cases: [FaceResult, Reason][] = [['no-match', 'face-no-match'], ['not-found', 'face-not-found'], ['several', 'face-several']]
    for (const [result, reason] of cases) {
      const play = new Play({ layout }).toFace()
      play.face(result)
      t.match(view(play.gate.state), { phase: 'face', attempt: 2, instruction: result === 'several' ? 'one-person' : 'look-at-camera' })
      const effects = play.face(result)
      if (layout === 'single') refusedOutside(t, play, reason)
      else {
        goesBack(t, play, effects)
        over(t, play, 'refused', reason)
      }
    }
    const second = new Play({ layout, policy: { finger: 'never' } }).toFace()
    second.face('not-found')
    t.same(opens(second.face('match')), ['exit'], 'the second try may do')
  })

  void t.test(`${layout}: old or foreign answers change nothing`, async (t) => {
    const play = new Play({ layout }).toFace()
    play.face('not-found')
    t.same(play.face('match', 0.9, 1), [], 'the answer to the first try comes late')
    t.same(play.feed({ kind: 'faceVerdict', ref: 'document-0', attempt: 2, result: 'match', score: 1, threshold: 0 }), [])
    t.same(play.verdict({ result: 'document-expired' }), [])
    t.same(play.finger('match', 1), [])
    t.same(play.feed({ kind: 'documentRead', ref: 'next-in-line' }), [{ kind: 'forget', ref: 'next-in-line' }], 'the next in line is not read yet')
    t.equal(play.phase, 'face')
  })
}

void t.test('a face that cannot be trusted goes to the officer', async (t) => {
  const attack = new Play().toFace()
  t.same(alerts(attack.face('attack')), ['face-attack'])
  t.equal(attack.reason, undefined, 'nobody is accused on the page')
  referredInside(t, attack, 'face-attack')

  const unavailable = new Play().toFace()
  unavailable.face('unavailable')
  referredInside(t, unavailable, 'face-unavailable')

  for (const [score, threshold] of [[undefined, 0.5], [0.8, undefined], [0.4, 0.5], [Number.NaN, 0.5]] as const) {
    const play = new Play().toFace()
    play.feed({ kind: 'faceVerdict', ref: play.ref, attempt: 1, result: 'match', ...(score === undefined ? {} : { score }), ...(threshold === undefined ? {} : { threshold }) })
    t.equal(play.phase, 'referred', 'a match without a sufficient score is none')
  }
  const nothing = new Play()
  nothing.lay()
  nothing.verdict({ photo: false })
  referredOutside(t, nothing, 'face-unavailable')
})

void t.test('the finger', async (t) => {
  const cases: [FingerResult, Reason][] = [['no-match', 'finger-no-match'], ['no-finger', 'finger-missing'], ['poor-image', 'finger-poor']]
  for (const [result, reason] of cases) {
    const play = new Play().toFinger()
    for (const attempt of [1, 2]) {
      t.equal(view(play.gate.state).attempt, attempt)
      play.finger(result)
    }
    goesBack(t, play, play.finger(result))
    over(t, play, 'refused', reason)
  }
  const dry = new Play().toFinger()
  dry.feed({ kind: 'fingerPrompt', ref: dry.ref, attempt: 1, instruction: 'lift-finger' })
  t.equal(dry.instruction, 'lift-finger')
  dry.finger('poor-image')
  t.same(opens(dry.finger('match')), ['exit'], 'a dry finger may do the second time')

  const needs = (policy: 'never' | 'when-resident' | 'always', findings: Partial<DocumentFindings>): Phase => {
    const play = new Play({ policy: { finger: policy } }).toFace(findings)
    play.face('match')
    return play.phase
  }
  t.equal(needs('never', {}), 'exiting')
  t.equal(needs('always', { resident: false }), 'finger')
  t.equal(needs('when-resident', { resident: false }), 'exiting')
  t.equal(needs('when-resident', { resident: 'unknown' }), 'finger', 'the stricter rule, when nobody knows')
  t.equal(needs('when-resident', { fingerTemplate: false }), 'referred', 'nothing to compare with')
})

void t.test('scanner unplugged in the middle', async (t) => {
  const strict = new Play().toFinger()
  t.ok(has(strict.part('finger', false), 'cancelFinger'))
  referredInside(t, strict, 'finger-unavailable')
  t.equal(strict.mode, 'face-only')

  const lenient = new Play({ policy: { onFingerLost: 'face-only' } }).toFinger()
  t.same(opens(lenient.part('finger', false)), ['exit'])
  lenient.stepOut()
  over(t, lenient, 'granted')

  const failing = new Play().toFinger()
  failing.feed({ kind: 'effectFailed', effect: { kind: 'startFinger', ref: failing.ref, attempt: 1 }, code: 'PC-FINGER-GONE' })
  referredInside(t, failing, 'finger-unavailable')
})

void t.test('time runs out', async (t) => {
  const reading = new Play()
  reading.feed({ kind: 'documentPresented' })
  reading.ref = undefined as unknown as string
  reading.gate.wait(11)
  over(t, reading, 'abandoned', 'walked-back')

  const checking = new Play()
  checking.lay()
  checking.gate.wait(6)
  referredOutside(t, checking, 'document-unchecked')

  const entering = new Play()
  entering.lay()
  entering.verdict()
  entering.door('entry', 'opening', 'open')
  entering.gate.wait(11)
  entering.door('entry', 'closing', 'closed')
  over(t, entering, 'abandoned', 'walked-back')

  const face = new Play().toFace()
  const effects = face.gate.wait(11)
  t.same(effects.map(({ kind }) => kind), ['cancelFace', 'startFace'])
  goesBack(t, face, face.gate.wait(10))
  over(t, face, 'refused', 'face-not-found')

  const finger = new Play({ limits: { passage_s: 300 } }).toFinger()
  goesBack(t, finger, finger.gate.wait(30))
  over(t, finger, 'refused', 'finger-missing')

  const slow = new Play({ limits: { passage_s: 12 } }).toFace()
  slow.gate.wait(11)
  t.ok(has(slow.gate.wait(2), 'cancelFace'))
  referredInside(t, slow, 'too-slow')

  const exiting = new Play().toFinger()
  exiting.finger('match')
  exiting.door('exit', 'opening', 'open')
  t.ok(has(exiting.gate.wait(11), 'close'))
  exiting.door('exit', 'closing', 'closed')
  t.match([exiting.phase, exiting.reason], ['referred', 'too-slow'])
  t.same(opens(exiting.officer('grant')), ['exit'], 'the officer lets the slow traveller through')
  exiting.stepOut()
  over(t, exiting, 'granted', 'officer-granted')
})

void t.test('walking back', async (t) => {
  const away = new Play()
  away.lay()
  away.people('entry', 0)
  away.gate.wait(1)
  t.equal(away.phase, 'checking', 'a moment is not yet gone')
  away.gate.wait(2)
  over(t, away, 'abandoned', 'walked-back')

  const back = new Play()
  back.lay()
  back.verdict()
  back.door('entry', 'opening', 'open')
  back.people('inside', 1)
  back.people('inside', 0)
  back.gate.wait(3)
  back.door('entry', 'closing', 'closed')
  over(t, back, 'abandoned', 'walked-back')

  const single = new Play({ layout: 'single' }).toFace()
  single.people('front', 0)
  t.ok(has(single.gate.wait(3), 'cancelFace'))
  over(t, single, 'abandoned', 'walked-back')

  const atTheDoor = new Play({ layout: 'single', policy: { finger: 'never' } }).toFace()
  atTheDoor.face('match')
  atTheDoor.door('exit', 'opening', 'open')
  atTheDoor.people('front', 0)
  atTheDoor.gate.wait(11)
  atTheDoor.door('exit', 'closing', 'closed')
  over(t, atTheDoor, 'abandoned', 'walked-back')
})

void t.test('not alone', async (t) => {
  const both = new Play()
  both.lay()
  both.verdict()
  both.door('entry', 'opening', 'open')
  both.people('inside', 1)
  t.notOk(has(both.people('inside', 2), 'startFace'))
  t.match([both.phase, both.reason], ['leaving', 'not-alone'])
  goesBack(t, both, both.door('entry', 'closing', 'closed'))
  over(t, both, 'refused', 'not-alone')

  const late = new Play().toFace()
  const effects = late.people('inside', 2)
  t.ok(has(effects, 'cancelFace'))
  goesBack(t, late, effects)
  over(t, late, 'refused', 'not-alone')

  const policy = new Play({ policy: { onRefusal: 'officer' } }).toFace()
  policy.people('inside', 2)
  referredInside(t, policy, 'not-alone')

  const queue = new Play({ layout: 'single', policy: { finger: 'never' } })
  queue.lay()
  queue.people('front', 2)
  queue.verdict()
  t.match([queue.phase, queue.instruction], ['alone', 'one-person'])
  queue.people('front', 1)
  t.equal(queue.phase, 'face')
  t.ok(has(queue.people('front', 2), 'cancelFace'), 'a second person may be another: the face is asked again')
  queue.people('front', 1)
  queue.face('match')
  queue.door('exit', 'opening', 'open')
  t.same(alerts(queue.feed({ kind: 'passed', door: 'exit' }, { kind: 'passed', door: 'exit' })), ['not-alone'], 'two went through one grant')
})

void t.test('presence that contradicts itself, or is lost', async (t) => {
  const silent = new Play().toFace()
  t.ok(has(silent.feed({ kind: 'presenceLost', zone: 'inside' }), 'cancelFace'))
  t.match([silent.phase, silent.reason, silent.instruction], ['referred', 'presence-lost', 'wait-for-officer'])

  const vanished = new Play().toFace()
  vanished.people('inside', 0)
  vanished.gate.wait(1)
  t.equal(vanished.phase, 'face', 'a flicker')
  vanished.gate.wait(2)
  t.match([vanished.phase, vanished.reason, vanished.instruction], ['referred', 'presence-lost', 'wait-for-officer'], 'nobody leaves through closed doors')
  t.same(opens(vanished.officer('release')), ['entry'])
  vanished.door('entry', 'opening', 'open')
  t.equal(vanished.phase, 'leaving', 'an empty sensor does not shut the door on somebody it does not see')
  vanished.gate.wait(16)
  vanished.door('entry', 'closing', 'closed')
  over(t, vanished, 'referred', 'officer-released')

  const single = new Play({ layout: 'single' }).toFace()
  single.feed({ kind: 'presenceLost', zone: 'front' })
  t.match([single.phase, single.reason], ['referred', 'presence-lost'])
})

void t.test('who does not go back stays with the officer', async (t) => {
  const play = new Play().toFace()
  play.people('inside', 2)
  play.door('entry', 'opening', 'open')
  play.gate.wait(16)
  play.door('entry', 'closing', 'closed')
  t.match([play.phase, play.reason, play.records.length], ['referred', 'not-alone', 0])
  goesBack(t, play, play.officer('refuse'))
  over(t, play, 'refused', 'officer-refused')
})

void t.test('something stays behind', async (t) => {
  const bag = new Play({ policy: { finger: 'never' } }).toFace()
  bag.face('match')
  bag.door('exit', 'opening', 'open')
  bag.feed({ kind: 'passed', door: 'exit' })
  t.equal(bag.instruction, 'take-belongings')
  t.same(alerts(bag.gate.wait(11)), ['object-left'])
  bag.door('exit', 'closing', 'closed')
  t.match(bag.records[0], { outcome: 'granted', reason: 'object-left' })
  t.same(bag.gate.watch.kept, [], 'the traveller is forgotten')
  t.match([bag.phase, bag.reason], ['referred', 'object-left'])
  goesBack(t, bag, bag.officer('release'))
  t.equal(bag.phase, 'idle')

  const intruder = new Play()
  t.same(alerts(intruder.people('inside', 1)), ['object-left'])
  t.equal(intruder.phase, 'referred', 'never idle with somebody inside')
})

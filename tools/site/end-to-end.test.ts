/**
 * The real program in its own process, on emulated devices, with its centre and its page: each kind
 * of bad input has a named outcome at the centre and a sentence on the page.
 */
import t, { type Test } from 'tap'
import type { GateView, Outcome, Reason } from '../../edge/gate/contract.ts'
import { sceneOf } from '../../edge/screen/page/scene.ts'
import { EgateSite } from './egate-site.ts'
import { Observer } from './observer.ts'
import type { PassageBody } from './passages.ts'
import { type Behaviour, documentLines, type Traveller } from './people.ts'
import { readFaces } from './site-state.ts'

t.setTimeout(220_000)

/** As short as hurried people need on a busy machine. */
const limits = { reading_s: 4, face_s: 5, finger_s: 4, entering_s: 4, exiting_s: 5, leaving_s: 8, message_s: 1, clear_s: 2, alone_s: 8, door_s: 5, fingerTries: 2 }
const changes = Object.entries(limits).map(([name, value]) => ({ path: ['gate', 'limits', name], value }))

const missing = await readFaces().then(() => false, () => 'the demo faces are not there: run make setup')

/** What the page says under this view, in all its languages. */
function words(view: GateView): Record<string, string> {
  const { because } = sceneOf({ kind: 'live', snapshot: { build: '', languages: ['vi', 'zh', 'en'], mirror: false, view } })
  return { ...because?.words }
}

/** The last view before the gate went back to waiting tells the traveller why, in three languages. */
function explained(t: Test, views: readonly GateView[], phases: readonly GateView['phase'][]): void {
  const view = views.findLast(({ phase }) => phases.includes(phase))
  t.ok(view, `the page showed ${phases.join(' or ')}`)
  if (view === undefined) return
  const said = words(view)
  for (const language of ['vi', 'zh', 'en']) t.ok((said[language] ?? '').length > 3, `it says why in ${language}`)
}

void t.test('an e-Gate on its twins', { skip: missing, timeout: 200_000 }, async (t) => {
  const site = await EgateSite.make({ folder: t.testdir(), travellers: 20, tempo: 0.2, changes })
  t.teardown(() => site.stop())
  const seen = new Observer(site)
  await site.start()
  await seen.phase('idle')
  await seen.until(() => seen.told('gate.step').length > 0, 'facts arrive')

  const somebody = (number: number, behaviour?: Behaviour): Traveller => {
    const traveller = site.travellers[number]
    if (traveller === undefined) throw new Error('nobody has that number')
    return behaviour === undefined ? traveller : { ...traveller, behaviour }
  }
  const is = (t: Test, passage: PassageBody, outcome: Outcome, reason: Reason): void => {
    t.equal(passage.outcome, outcome)
    t.ok(passage.reason === reason || passage.referral === reason, `the reason is ${reason}; it was ${passage.reason ?? ''} ${passage.referral ?? ''}`)
  }
  const closed = (): Promise<void> => seen.until(() => !site.world.doors.entry && !site.world.doors.exit, 'both doors are shut', 5_000)

  /** Up to the camera. */
  const goIn = async (number: number): Promise<void> => {
    await site.world.approach()
    site.world.passport.swipe(documentLines(somebody(number)))
    await site.page.until(({ instruction }) => instruction === 'step-in', 30_000, 'the entry is open')
    await site.world.stepIn(1)
    await seen.phase('face')
  }
  const visitor = 0
  const resident = 1

  await t.test('granted: face and finger', async (t) => {
    const { passage } = await seen.follow(somebody(resident))
    t.match(passage, { outcome: 'granted', face: { models: {} }, finger: {} })
    await closed()
  })

  const cases: { name: string; number: number; behaviour?: Behaviour; outcome: Outcome; reason: Reason; phases: GateView['phase'][] }[] = [
    { name: 'unreadable document', number: 17, outcome: 'refused', reason: 'document-unreadable', phases: ['refused'] },
    { name: 'expired document', number: 4, outcome: 'refused', reason: 'document-expired', phases: ['refused'] },
    { name: 'revoked document', number: 11, outcome: 'referred', reason: 'document-revoked', phases: ['referred'] },
    { name: 'watchlist', number: 18, outcome: 'referred', reason: 'watchlist-hit', phases: ['referred'] },
    { name: 'no face', number: visitor, behaviour: 'hides-face', outcome: 'refused', reason: 'face-not-found', phases: ['leaving'] },
    { name: 'two faces', number: visitor, behaviour: 'two-faces', outcome: 'refused', reason: 'face-several', phases: ['leaving'] },
    { name: 'photograph held up', number: 9, outcome: 'refused', reason: 'face-attack', phases: ['referred', 'leaving'] },
    { name: 'dry finger every time', number: resident, behaviour: 'dry-finger', outcome: 'refused', reason: 'finger-poor', phases: ['leaving'] },
    { name: 'two people', number: visitor, behaviour: 'tailgates', outcome: 'refused', reason: 'not-alone', phases: ['leaving'] },
  ]
  for (const { name, number, behaviour, outcome, reason, phases } of cases) {
    await t.test(name, { timeout: 40_000 }, async (t) => {
      const { passage, views } = await seen.follow(somebody(number, behaviour))
      is(t, passage, outcome, reason)
      explained(t, views, phases)
      await closed()
    })
  }

  await t.test('the scanner is unplugged amid the scan', async (t) => {
    const stop = site.page.onChange((view) => {
      if (view?.phase === 'finger') void site.world.twins['finger']?.unplug()
    })
    const { passage, views } = await seen.follow(somebody(resident, 'dry-finger-once'))
    stop()
    is(t, passage, 'refused', 'finger-unavailable')
    t.equal(passage.reason, 'officer-refused')
    explained(t, views, ['referred'])
    t.ok(seen.told('device.health', { component: 'finger', status: 'failed' }).length > 0, 'the scanner is a fault at the centre')
    await site.world.twins['finger']?.plug()
    await seen.until(() => seen.told('device.health', { component: 'finger', status: 'ready' }).length > 1, 'it is found again')
    const { passage: next } = await seen.follow(somebody(resident))
    t.equal(next.outcome, 'granted', 'and serves')
  })

  await t.test('the entry door is jammed', async (t) => {
    site.world.jamEntry(true)
    const { passage } = site.page.view ?? { passage: 0 }
    await site.world.approach()
    site.world.passport.swipe(documentLines(somebody(visitor)))
    const view = await site.page.until(({ phase, passage: now }) => phase === 'referred' && now > passage, 30_000, 'somebody is sent to the officer')
    t.equal(view.reason, 'barrier-blocked')
    explained(t, [view], ['referred'])
    site.world.jamEntry(false)
    await site.world.leaveFront()
    await seen.phase('idle')
    await closed()
  })

  await t.test('somebody stops in the exit', async (t) => {
    await goIn(visitor)
    const stopShowing = site.page.onChange((view) => {
      if (view?.phase === 'face') site.world.showFace(somebody(visitor), view.instruction)
    })
    site.world.showFace(somebody(visitor), 'look-at-camera')
    await site.page.until(({ instruction }) => instruction === 'go-through', 30_000, 'the way is free')
    stopShowing()
    t.ok(await site.world.stopInFlap(), 'somebody stands in the flap')
    const view = await seen.phase('out-of-service')
    t.match(view, { reason: 'barrier-blocked', instruction: 'use-other-gate' })
    explained(t, [view], ['out-of-service'])
    t.ok(seen.told('gate.step').some(({ body }) => JSON.stringify(body).includes('"state":"blocked"')), 'the barrier said so')
    await seen.until(() => seen.told('device.event', { component: 'gate', event: 'referral' }).some(({ body }) => JSON.stringify(body).includes('barrier-blocked')), 'people are told')
    site.world.showNobody()
    await site.world.clear()
    await seen.phase('idle')
    await closed()
  })

  await t.test('the camera is unplugged, and frozen: travellers go to an officer', async (t) => {
    for (const fault of ['unplugged', 'frozen'] as const) {
      const ready = seen.told('device.health', { component: 'camera', status: 'ready' }).length
      const lost = seen.told('device.health', { component: 'camera', status: 'failed' }).length
      if (fault === 'unplugged') await site.world.camera.unplug()
      else site.world.camera.world.freeze()
      await seen.until(() => seen.told('device.health', { component: 'camera', status: 'failed' }).length > lost, `a camera that is ${fault} is a fault`)
      const { passage, views } = await seen.follow(somebody(visitor))
      is(t, passage, 'referred', 'camera-lost')
      explained(t, views, ['referred'])
      if (fault === 'unplugged') await site.world.camera.plug()
      else site.world.camera.world.go()
      await seen.until(() => seen.told('device.health', { component: 'camera', status: 'ready' }).length > ready, 'it is back')
    }
    t.equal((await seen.follow(somebody(visitor))).passage.outcome, 'granted')
  })

  await t.test('fire alarm amid a passage: the way out is free until the officer releases', async (t) => {
    const before = seen.passages.length
    await goIn(visitor)
    site.world.alarm(true)
    const view = await seen.phase('emergency')
    t.match(view, { instruction: 'leave-now', reason: 'fire-alarm' })
    explained(t, [view], ['emergency'])
    await seen.until(() => site.world.doors.exit || site.world.doors.entry, 'a way out is open')
    t.notOk(site.world.doors.entry && site.world.doors.exit, 'and only one')
    t.ok(await site.world.stepOut(), 'the traveller gets out')
    await seen.until(() => seen.passages.length > before, 'the centre was told')
    t.match(seen.passages[before], { outcome: 'emergency', reason: 'fire-alarm' })
    site.world.alarm(false)
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    t.equal(site.page.view?.phase, 'emergency', 'the end of the alarm does not end it')
    await site.centre.decide('release', site.page.view?.passage ?? 0)
    await seen.phase('idle')
    await closed()
    t.match(seen.told('gate.emergency').map(({ body }) => body), [{ on: true, reason: 'fire-alarm' }, { on: false }])
  })
})

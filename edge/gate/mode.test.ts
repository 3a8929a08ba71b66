import t from 'tap'
import type { Phase } from './contract.ts'
import type { DocumentFindings, Part } from './input.ts'
import { opens, over, Play, referredInside } from './play.ts'

void t.test('devices, lists and clock are not there', async (t) => {
  const expectations: [Part, Phase, string][] = [
    ['reader', 'out-of-service', 'closed'], ['journal', 'out-of-service', 'closed'], ['exit', 'out-of-service', 'closed'], ['entry', 'out-of-service', 'closed'],
    ['presence', 'out-of-service', 'closed'], ['camera', 'idle', 'officer-only'], ['face', 'idle', 'officer-only'], ['lists', 'idle', 'officer-only'],
    ['clock', 'idle', 'officer-only'], ['finger', 'idle', 'face-only'],
  ]
  for (const [part, phase, mode] of expectations) {
    const play = new Play()
    play.part(part, false)
    t.same([play.phase, play.mode], [phase, mode], `without ${part}`)
    play.feed(...play.gate.allWell())
    t.same([play.phase, play.mode], ['idle', 'full'], `${part} is back`)
  }
  const strict = new Play({ policy: { onFaceLost: 'closed', onListsStale: 'closed', finger: 'always' } })
  for (const [part, mode] of [['camera', 'closed'], ['lists', 'closed'], ['finger', 'officer-only']] as const) {
    strict.part(part, false)
    t.equal(strict.mode, mode)
    strict.part(part, true)
  }
  const single = new Play({ layout: 'single' })
  single.part('presence', false)
  t.equal(single.mode, 'officer-only')
})

void t.test('what is no longer needed may fail', async (t) => {
  const play = new Play({ policy: { onFaceLost: 'closed', onListsStale: 'closed' } }).toFinger()
  for (const part of ['reader', 'camera', 'face', 'lists', 'clock'] as const) play.part(part, false)
  t.same(opens(play.finger('match')), ['exit'])
  play.stepOut()
  t.same([play.phase, play.reason], ['out-of-service', 'reader-lost'])

  const early = new Play()
  early.feed({ kind: 'documentPresented' })
  early.part('reader', false)
  t.same([early.phase, early.reason], ['refused', 'reader-lost'])

  for (const part of ['camera', 'face'] as const) {
    const face = new Play().toFace()
    face.part(part, false)
    referredInside(t, face, part === 'camera' ? 'camera-lost' : 'face-unavailable')
  }
})

void t.test('in officer-only mode the officer lets travellers through', async (t) => {
  for (const layout of ['mantrap', 'single'] as const) {
    const play = new Play({ layout })
    play.part('clock', false)
    play.lay()
    play.verdict()
    t.same([play.phase, play.records.length], ['referred', 0])
    const effects = play.officer('grant')
    t.same(opens(effects), layout === 'mantrap' ? ['entry'] : ['exit'])
    if (layout === 'mantrap') t.same(opens(play.stepIn(2)), ['exit'], 'a parent with a child, as the officer sees')
    play.stepOut()
    over(t, play, 'granted', 'officer-granted')
    t.match(play.records[0], { referral: 'clock-untrusted', officer: 'officer-7' })
  }
})

void t.test('old or missing lists', async (t) => {
  const phase = (onListsStale: 'accept' | 'officer' | 'closed', lists: DocumentFindings['lists']): Phase => {
    const play = new Play({ policy: { onListsStale } })
    play.lay()
    play.verdict({ lists })
    return play.phase
  }
  t.equal(phase('accept', { watchlist: 'stale', revoked: 'fresh' }), 'entering')
  t.equal(phase('officer', { watchlist: 'stale', revoked: 'fresh' }), 'referred')
  t.equal(phase('closed', { watchlist: 'stale', revoked: 'fresh' }), 'referred')
  t.equal(phase('accept', { watchlist: 'fresh', revoked: 'absent' }), 'referred', 'a missing list is never accepted')
  t.equal(phase('accept', { watchlist: 'fresh' }), 'referred')
})

import fc from 'fast-check'
import t from 'tap'
import type { FaceFindings, Findings } from './analyser.ts'
import type { Point } from './geometry.ts'
import { departureFromPlane } from './parallax.ts'
import {
  begin, type Challenge, chooseChallenges, deadlineOf, promptOf, type Result, type Signal, step, type Verification, type VerifySettings,
  verifySettings, wantedOf,
} from './verify.ts'

const settings: VerifySettings = { ...verifySettings, limit_ms: 10_000 }

/** A made-up head: landmarks on an ellipsoid with a nose. */
const head = Array.from({ length: 80 }, (_, index) => {
  const [angle, ring] = [index * 2.4, Math.sqrt(index / 80)]
  const [x, y] = [60 * ring * Math.cos(angle), 80 * ring * Math.sin(angle)]
  return [x, y, -50 * Math.sqrt(1 - ring * ring) - (Math.hypot(x, y) < 15 ? 25 : 0)] as const
})

function seen(yaw: number, flat: boolean): Point[] {
  const angle = (yaw * Math.PI) / 180
  return head.map(([x, y, z]) => {
    const across = x * Math.cos(angle) - (flat ? 0 : z) * Math.sin(angle)
    const away = 600 + x * Math.sin(angle) + (flat ? 0 : z) * Math.cos(angle)
    return [320 + (600 * across) / away, 240 + (600 * y) / away]
  })
}

const person = (seed: number): Float32Array => {
  const raw = Float32Array.from({ length: 192 }, (_, index) => Math.sin(seed * 1_000 + index * (seed + 1.7)))
  const length = Math.hypot(...raw)
  return raw.map((value) => value / length)
}

interface Shown {
  who?: number
  yaw?: number
  flat?: boolean
  openness?: number
  eyes?: number
  texture?: number
  faces?: number
  sharpness?: number
}

/** What the worker would find. */
function frame({ who = 1, yaw = 0, flat = false, openness = 0.33, eyes = 70, texture = 0.2, faces = 1, sharpness = 200 }: Shown = {}): Findings {
  const face: FaceFindings = {
    quality: { eyes, sharpness, brightness: 120, pose: { yaw: flat ? 0 : yaw, pitch: 0, roll: 0 } },
    openness, points: seen(yaw, flat), vector: person(who), texture,
  }
  return { faces, face }
}

const start = (sets: Challenge[][], change: Partial<VerifySettings> = {}): Verification => begin({ ...settings, ...change }, person(1), sets, 0)

/** Plays frames 100 ms apart; `answer` sees what is asked for. */
function play(verification: Verification, answer: (prompt: string, index: number) => Findings | undefined, frames = 200): { end: Verification; prompts: string[] } {
  let now = 0
  let state = verification
  const prompts: string[] = []
  for (let index = 0; index < frames && state.stage.at !== 'done'; index++) {
    const prompt = promptOf(state)
    if (prompts.at(-1) !== prompt) prompts.push(prompt)
    now += 100
    state = step(state, answer(prompt, index), now)
  }
  return { end: state, prompts }
}

const resultOf = ({ end }: { end: Verification }): Result | undefined => (end.stage.at === 'done' ? end.stage.result : undefined)
const signal = ({ end }: { end: Verification }, name: string): Signal | undefined =>
  end.stage.at === 'done' ? end.stage.signals.find((each) => each.name === name) : undefined

/** A living traveller who does what is asked. */
const obedient = (shown: Shown = {}) => (prompt: string): Findings =>
  frame({
    ...shown,
    ...(prompt === 'turn-left' ? { yaw: 22 } : prompt === 'turn-right' ? { yaw: -22 } : prompt === 'blink' ? { openness: 0.2 } : prompt === 'come-closer' ? { eyes: 100 } : {}),
  })

void t.test('the right person who does what is asked is a match, with every signal passed', async (t) => {
  for (const set of [['turn-left'], ['turn-right'], ['blink', 'turn-left'], ['come-closer', 'turn-right', 'turn-left']] satisfies Challenge[][]) {
    const played = play(start([set]), obedient())
    t.equal(resultOf(played), 'match', set.join(' '))
    t.same(played.prompts, ['look-at-camera', ...set])
    const signals = played.end.stage.at === 'done' ? played.end.stage.signals : []
    t.ok(signals.every(({ passed, score }) => passed && score !== undefined))
    t.same(signals.map(({ name }) => name), ['likeness', 'challenge', 'same-person', 'solidity', 'texture'])
  }
})

void t.test('somebody else is no match, before anything is asked', async (t) => {
  const played = play(start([['turn-left']]), obedient({ who: 2 }))
  t.equal(resultOf(played), 'no-match')
  t.same(played.prompts, ['look-at-camera'])
  t.match(signal(played, 'likeness'), { passed: false })
})

void t.test('a flat picture cannot answer, however it is turned', async (t) => {
  const played = play(start([['turn-left'], ['turn-right']]), (_, index) => frame({ flat: true, yaw: 40 * Math.sin(index / 5) }))
  t.equal(resultOf(played), 'attack')
  t.match(signal(played, 'challenge'), { passed: false })
  t.equal(signal(played, 'solidity')?.score, undefined)
})

void t.test('a flat picture that fools the pose is refused by its flatness', async (t) => {
  const fooled = play(start([['turn-left']]), (prompt) => {
    const findings = frame({ flat: true, yaw: prompt === 'turn-left' ? 30 : 0 })
    if (findings.face !== undefined && prompt === 'turn-left') findings.face.quality.pose.yaw = 25
    return findings
  })
  t.equal(resultOf(fooled), 'attack')
  t.match(signal(fooled, 'challenge'), { passed: true })
  t.match(signal(fooled, 'solidity'), { passed: false })
})

void t.test('another person who answers in the place of the first is refused', async (t) => {
  const played = play(start([['turn-left']]), (prompt) => (prompt === 'turn-left' ? frame({ who: 2, yaw: 25 }) : frame()))
  t.equal(resultOf(played), 'attack')
  t.match(signal(played, 'same-person'), { passed: false })
})

void t.test('the opposite movement, as a recording would show it, gets no second try', async (t) => {
  const played = play(start([['turn-left'], ['turn-right']]), (prompt) => (prompt === 'look-at-camera' ? frame() : frame({ yaw: -25 })))
  t.equal(resultOf(played), 'attack')
  t.same(played.prompts, ['look-at-camera', 'turn-left'])
})

void t.test('who does not react gets a second movement, and no third', async (t) => {
  const played = play(start([['turn-left'], ['turn-right']]), () => frame())
  t.equal(resultOf(played), 'attack')
  t.same(played.prompts, ['look-at-camera', 'turn-left', 'turn-right'])
  const late = play(start([['turn-left'], ['turn-right']]), (prompt) => (prompt === 'turn-right' ? frame({ yaw: -20 }) : frame()))
  t.equal(resultOf(late), 'match')
})

void t.test('nobody, several people, a bad picture', async (t) => {
  t.equal(resultOf(play(start([['turn-left']]), () => ({ faces: 0 }))), 'not-found')
  t.equal(resultOf(play(start([['turn-left']]), () => undefined)), 'not-found')
  t.equal(resultOf(play(start([['turn-left']]), () => frame({ faces: 2 }))), 'several')
  t.equal(resultOf(play(start([['turn-left']]), obedient({ sharpness: 1 }))), 'not-found')
  const far = play(start([['turn-left']]), obedient({ eyes: 20 }))
  t.same(far.prompts.slice(0, 2), ['look-at-camera', 'come-closer'], 'who stands too far away is asked to come closer')
  const passing = play(start([['turn-left']]), (prompt, index) => (index % 3 === 0 ? frame({ faces: 2 }) : obedient()(prompt)))
  t.equal(resultOf(passing), 'match', 'a face that shows up in single frames does not count')
})

void t.test('a second person during the challenge ends it', async (t) => {
  const played = play(start([['turn-left']]), (prompt) => frame({ faces: prompt === 'turn-left' ? 2 : 1 }))
  t.equal(resultOf(played), 'several')
})

void t.test('a suspicious texture asks for a more solid head, and alone refuses nobody', async (t) => {
  const played = play(start([['turn-left']]), obedient({ texture: 0.99 }))
  t.equal(resultOf(played), 'match')
  t.match(signal(played, 'texture'), { passed: false, required: false })
  t.equal(signal(played, 'solidity')?.threshold, settings.solidityWhenSuspicious_min)
  t.equal(resultOf(play(start([['turn-left']], { solidityWhenSuspicious_min: 0.5 }), obedient({ texture: 0.99 }))), 'attack')
  t.equal(resultOf(play(start([['turn-left']], { solidityWhenSuspicious_min: 0.5 }), obedient({ texture: 0.1 }))), 'match')
})

void t.test('what could not be measured has not passed', async (t) => {
  const without = play(start([['turn-left']]), (prompt) => {
    const findings = obedient()(prompt)
    delete findings.face?.texture
    return findings
  })
  t.equal(resultOf(without), 'unavailable')
  t.match(signal(without, 'texture'), { passed: false })
})

void t.test('the texture is wanted twice, the vector always', async (t) => {
  let state = start([['turn-left']])
  const wanted: boolean[] = []
  for (let index = 0; index < 4; index++) {
    wanted.push(wantedOf(state).texture)
    t.ok(wantedOf(state).vector)
    state = step(state, frame(), 100 * index)
  }
  t.same(wanted, [true, true, false, false])
})

const anyFrame: fc.Arbitrary<Findings | undefined> = fc.oneof(
  { weight: 1, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.constant({ faces: 0 }) },
  {
    weight: 8,
    arbitrary: fc.record({
      who: fc.integer({ min: 1, max: 3 }), yaw: fc.integer({ min: -40, max: 40 }), flat: fc.boolean(), openness: fc.double({ min: 0.05, max: 0.5, noNaN: true }),
      eyes: fc.integer({ min: 10, max: 150 }), texture: fc.double({ min: 0, max: 1, noNaN: true }), faces: fc.integer({ min: 1, max: 3 }),
    }).map(frame),
  },
)
const anySets = fc.array(fc.array(fc.constantFrom<Challenge[]>('turn-left', 'turn-right', 'blink', 'come-closer'), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 })

void t.test('whatever is shown: it ends in time, a match has all its signals, and the same frames give the same answer', async (t) => {
  fc.assert(fc.property(anySets, fc.array(anyFrame, { maxLength: 80 }), (sets, frames) => {
    const run = (): Verification => play(start(sets), (_, index) => frames[index], 101).end
    const end = run()
    if (end.stage.at !== 'done') return false
    const required = end.stage.signals.filter((each) => each.required)
    const sound = end.stage.result !== 'match' || (required.length === 4 && required.every((each) => each.passed && (each.score ?? -1) >= each.threshold))
    return sound && JSON.stringify(end.stage) === JSON.stringify(run().stage)
  }), { numRuns: 300 })
  t.pass('300 shows')
})

void t.test('a stranger never matches', async (t) => {
  const strange = anyFrame.map((findings) => {
    if (findings?.face !== undefined) findings.face.vector = person(2)
    return findings
  })
  fc.assert(fc.property(anySets, fc.array(strange, { maxLength: 80 }), (sets, frames) => resultOf(play(start(sets), (_, index) => frames[index], 101)) !== 'match'), { numRuns: 200 })
  t.pass('200 shows')
})

void t.test('a deadline is always ahead until it is done', async (t) => {
  let state = start([['turn-left'], ['turn-right']])
  let now = 0
  for (let guard = 0; state.stage.at !== 'done' && guard < 20; guard++) {
    t.ok(deadlineOf(state) > now)
    now = deadlineOf(state)
    state = step(state, guard < 5 ? frame() : undefined, now)
  }
  t.equal(state.stage.at, 'done')
})

void t.test('challenges are drawn from the pool, with a turn among them', async (t) => {
  fc.assert(fc.property(fc.array(fc.double({ min: 0, max: 0.999_999, noNaN: true }), { minLength: 30, maxLength: 30 }), fc.integer({ min: 1, max: 3 }), (values, each) => {
    let at = 0
    const sets = chooseChallenges(['blink', 'come-closer', 'turn-left'], each, 2, () => values[at++ % values.length] ?? 0)
    return sets.length === 2 && sets.every((set) => set.length >= each && set.some((challenge) => challenge.startsWith('turn')))
  }))
  const drawn = new Set(Array.from({ length: 50 }, (_, index) => chooseChallenges(['turn-left', 'turn-right'], 1, 1, () => index / 50)[0]?.[0]))
  t.same(drawn, new Set(['turn-left', 'turn-right']))
})

void t.test('flat is flat from every side, a head is not', async (t) => {
  for (const yaw of [-45, -20, 10, 30]) {
    t.ok(departureFromPlane(seen(0, true), seen(yaw, true)) < 0.001, `flat at ${yaw}`)
    t.ok(departureFromPlane(seen(0, false), seen(yaw, false)) > 0.04, `head at ${yaw}`)
  }
  t.equal(departureFromPlane([[0, 0], [0, 0]], [[0, 0], [0, 0]]), 0, 'points that say nothing')
})

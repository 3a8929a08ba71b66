/**
 * Is the traveller the person in the photograph, and there in the flesh? A pure machine over what was
 * measured in each frame: same frames, same challenges, same answer.
 *
 * First the face is compared over several good frames; then the traveller is asked for a movement
 * that nobody could foresee. A match needs every required signal: likeness, the challenge answered in
 * its time, the same person before and after, and a head that is solid. The texture model is too weak
 * to decide (see texture.ts): when it is suspicious, the head must be more solid. What could not be
 * measured has not passed.
 */
import type { Instant } from '../../base/clock.ts'
import type { FaceFindings, Findings, Wanted } from './analyser.ts'
import { likeness } from './embedding.ts'
import { departureFromPlane } from './parallax.ts'
import { poorBecause, type QualityLimits, qualityLimits, type QualityReason } from './quality.ts'

export type Challenge = 'turn-left' | 'turn-right' | 'blink' | 'come-closer'
export type Prompt = 'look-at-camera' | Challenge
export type Result = 'match' | 'no-match' | 'not-found' | 'several' | 'attack' | 'unavailable'
export type SignalName = 'likeness' | 'challenge' | 'same-person' | 'solidity' | 'texture'

export interface Signal {
  name: SignalName
  /** Missing when it could not be measured. */
  score?: number
  threshold: number
  passed: boolean
  /** A match needs it; the others make it harder. */
  required: boolean
}

export interface VerifySettings {
  /** Cosine from which two faces are the same: false matches of about 1 in 1,000 on LFW. */
  likeness_min: number
  /** Cosine between the straight and the turned face. */
  samePerson_min: number
  /** Good frames before the likeness counts, and after which it is too low for good. */
  looks_min: number
  looks_max: number
  quality: QualityLimits
  /** How far the head turns at least, against how it was held before. */
  turn_deg: number
  /** Openness of the eyes in a blink, as a share of before. */
  blink_max: number
  /** Distance between the eyes after coming closer, as a multiple of before. */
  closer_min: number
  /** See departureFromPlane: flat pictures stay below 0.045, heads turned by 10 degrees reach 0.06. */
  solidity_min: number
  solidityWhenSuspicious_min: number
  texture_max: number
  textures: number
  /** How long one challenge waits, and how many the traveller gets. */
  challenge_ms: number
  tries: number
  /** The whole verification. */
  limit_ms: number
}

export const verifySettings: Omit<VerifySettings, 'limit_ms'> = {
  likeness_min: 0.45, samePerson_min: 0.4, looks_min: 3, looks_max: 10, quality: qualityLimits,
  turn_deg: 10, blink_max: 0.87, closer_min: 1.25,
  solidity_min: 0.05, solidityWhenSuspicious_min: 0.06, texture_max: 0.9, textures: 2,
  challenge_ms: 4_000, tries: 2,
}

/** Frames in a row that make a movement, or a second face, more than a slip. */
const inARow = 2
const opposingInARow = 3
const severalInARow = 3

interface Look {
  vector: Float32Array
  face: FaceFindings
}

interface Trial {
  since: Instant
  /** Frames in a row that answer it, or do the opposite. */
  answering: number
  opposing: number
  /** The most that was measured of the movement. */
  most: number
}

/** What the movements showed. */
interface Movement {
  solidity?: number
  samePerson?: number
}

export type Stage =
  | { at: 'look' }
  | { at: 'challenge'; challenges: readonly Challenge[]; trial: Trial }
  | { at: 'done'; result: Result; signals: Signal[] }

export interface Verification {
  readonly settings: VerifySettings
  readonly photo: Float32Array
  readonly started: Instant
  /** Sets of movements: one for each try, none of which the traveller can foresee. */
  readonly sets: readonly (readonly Challenge[])[]
  readonly stage: Stage
  readonly looks: readonly Look[]
  readonly textures: readonly number[]
  readonly movement: Movement
  readonly several: number
  readonly frames: number
  /** Why the latest frame could not be used. */
  readonly poor?: QualityReason
}

/** @param sets from chooseChallenges @param photo vector of the photograph */
export function begin(settings: VerifySettings, photo: Float32Array, sets: readonly (readonly Challenge[])[], now: Instant): Verification {
  return { settings, photo, sets, started: now, stage: { at: 'look' }, looks: [], textures: [], movement: {}, several: 0, frames: 0 }
}

/** Draws the movements for each try. One that shows a head from the side is always among them: solidity needs it. */
export function chooseChallenges(pool: readonly Challenge[], each: number, tries: number, random: () => number): Challenge[][] {
  const turns: Challenge[] = ['turn-left', 'turn-right']
  const draw = (from: readonly Challenge[]): Challenge => from[Math.min(from.length - 1, Math.floor(random() * from.length))] ?? 'turn-left'
  return Array.from({ length: tries }, () => {
    const drawn = Array.from({ length: each }, () => draw(pool))
    return drawn.some((challenge) => turns.includes(challenge)) ? drawn : [...drawn, draw(turns)]
  })
}

/** What the traveller should be asked for now. */
export function promptOf({ stage, poor }: Verification): Prompt {
  if (stage.at === 'challenge') return stage.challenges[0] ?? 'look-at-camera'
  return poor === 'too-small' ? 'come-closer' : 'look-at-camera'
}

export function wantedOf(verification: Verification): Wanted {
  return { vector: true, texture: verification.stage.at === 'look' && verification.textures.length < verification.settings.textures }
}

/** When something is due even without a frame. */
export function deadlineOf({ started, settings, stage }: Verification): Instant {
  const end = started + settings.limit_ms
  return stage.at === 'challenge' ? Math.min(end, stage.trial.since + settings.challenge_ms) : end
}

/** @param findings undefined when only time has passed */
export function step(verification: Verification, findings: Findings | undefined, now: Instant): Verification {
  if (verification.stage.at === 'done') return verification
  const timed = passTime(verification, now)
  if (findings === undefined || timed.stage.at === 'done') return timed
  const several = findings.faces > 1 ? timed.several + 1 : 0
  const next = { ...timed, several, frames: timed.frames + 1 }
  if (several >= severalInARow) return end(next, 'several')
  if (findings.face === undefined || findings.faces !== 1) return next
  return next.stage.at === 'look' ? look(next, findings.face, now) : watch(next, findings.face, now)
}

/** What is left to say when the time is over. */
function passTime(verification: Verification, now: Instant): Verification {
  const { stage, settings, started, looks, several } = verification
  if (now - started >= settings.limit_ms) {
    if (stage.at === 'challenge') return end(verification, 'attack')
    if (looks.length >= settings.looks_min) return end(verification, 'no-match')
    return end(verification, several > 0 ? 'several' : 'not-found')
  }
  if (stage.at === 'challenge' && now - stage.trial.since >= settings.challenge_ms) return failTrial(verification, now)
  return verification
}

function look(verification: Verification, face: FaceFindings, now: Instant): Verification {
  const { settings } = verification
  const poor = poorBecause(face.quality, settings.quality)
  const { poor: _, ...rest } = verification
  if (poor !== undefined || face.vector === undefined) return poor === undefined ? rest : { ...rest, poor }
  const textures = face.texture === undefined ? verification.textures : [...verification.textures, face.texture]
  const next: Verification = { ...rest, textures, looks: [...verification.looks, { vector: face.vector, face }] }
  if (next.looks.length < settings.looks_min) return next
  const alike = likenessOf(next) ?? -1
  if (alike >= settings.likeness_min) return startTry(next, now)
  return next.looks.length >= settings.looks_max ? end(next, 'no-match') : next
}

/** Follows the movement that was asked for. */
function watch(verification: Verification, face: FaceFindings, now: Instant): Verification {
  const { stage, settings } = verification
  if (stage.at !== 'challenge') return verification
  const [challenge = 'turn-left', ...rest] = stage.challenges
  const measured = movementOf(challenge, face, verification.looks)
  const needed = neededFor(challenge, settings)
  const answers = measured >= needed
  const movement = answers ? learn(verification, face) : verification.movement
  const trial: Trial = {
    ...stage.trial,
    answering: answers ? stage.trial.answering + 1 : 0,
    opposing: isTurn(challenge) && measured <= -needed ? stage.trial.opposing + 1 : 0,
    most: Math.max(stage.trial.most, measured),
  }
  const next: Verification = { ...verification, movement, stage: { ...stage, trial } }
  // A recording shows its own movement, whatever was asked: the wrong one gets no second try.
  if (trial.opposing >= opposingInARow) return end(next, 'attack')
  if (trial.answering < inARow) return next
  if (rest.length > 0) return { ...next, stage: { at: 'challenge', challenges: rest, trial: freshTrial(now) } }
  return conclude(next)
}

const isTurn = (challenge: Challenge): boolean => challenge === 'turn-left' || challenge === 'turn-right'
const freshTrial = (now: Instant): Trial => ({ since: now, answering: 0, opposing: 0, most: 0 })

function startTry(verification: Verification, now: Instant): Verification {
  const [challenges, ...sets] = verification.sets
  if (challenges === undefined) return end(verification, 'attack')
  return { ...verification, sets, movement: {}, stage: { at: 'challenge', challenges, trial: freshTrial(now) } }
}

/** Another set of movements, unless this was the last: then it says how far the movement went. */
function failTrial(verification: Verification, now: Instant): Verification {
  return verification.sets.length > 0 ? startTry(verification, now) : end(verification, 'attack')
}

/** How much of a movement a face shows against how it was before: degrees for turns, else a share. */
function movementOf(challenge: Challenge, face: FaceFindings, looks: readonly Look[]): number {
  const before = (value: (face: FaceFindings) => number): number => looks.reduce((sum, each) => sum + value(each.face), 0) / looks.length
  const turned = face.quality.pose.yaw - before((each) => each.quality.pose.yaw)
  const measured: Record<Challenge, number> = {
    'turn-left': turned,
    'turn-right': -turned,
    blink: 1 - face.openness / before((each) => each.openness),
    'come-closer': face.quality.eyes / before((each) => each.quality.eyes),
  }
  return measured[challenge]
}

/** The movement that answers a challenge, in the units of movementOf. */
function neededFor(challenge: Challenge, settings: VerifySettings): number {
  if (isTurn(challenge)) return settings.turn_deg
  return challenge === 'blink' ? 1 - settings.blink_max : settings.closer_min
}

/** What a frame that answers a challenge says about who moves there, and whether it is solid. */
function learn({ movement, looks }: Verification, face: FaceFindings): Movement {
  const first = looks[0]
  if (first === undefined || face.vector === undefined) return movement
  return {
    solidity: Math.max(movement.solidity ?? 0, departureFromPlane(first.face.points, face.points)),
    samePerson: Math.min(movement.samePerson ?? 1, likeness(first.vector, face.vector)),
  }
}

/** Every challenge is answered: the other signals decide. */
function conclude(verification: Verification): Verification {
  const signals = signalsOf(verification, true)
  const passed = (name: SignalName): boolean => signals.some((signal) => signal.name === name && signal.passed)
  const missing = signals.some((signal) => signal.score === undefined)
  if (missing) return end(verification, 'unavailable', true)
  if (!passed('likeness')) return end(verification, 'no-match', true)
  const alive = passed('same-person') && passed('solidity')
  return end(verification, alive ? 'match' : 'attack', true)
}

function end(verification: Verification, result: Result, answered = false): Verification {
  return { ...verification, stage: { at: 'done', result, signals: signalsOf(verification, answered) } }
}

export function likenessOf({ looks, photo }: Verification): number | undefined {
  if (looks.length === 0) return undefined
  const mean = photo.map((_, index) => looks.reduce((sum, each) => sum + (each.vector[index] ?? 0), 0))
  return likeness(mean, photo) / Math.hypot(...mean)
}

function signalsOf(verification: Verification, answered: boolean): Signal[] {
  const { settings, stage, movement, textures } = verification
  const texture = mean(textures)
  const suspicious = texture === undefined || texture > settings.texture_max
  const trial = stage.at === 'challenge' ? stage.trial : undefined
  const challenge = (stage.at === 'challenge' ? stage.challenges[0] : undefined) ?? 'turn-left'
  const atLeast = (name: SignalName, score: number | undefined, least: number): Signal =>
    signal(name, score, least, score !== undefined && score >= least, true)
  return [
    atLeast('likeness', likenessOf(verification), settings.likeness_min),
    signal('challenge', trial?.most, neededFor(challenge, settings), answered, true),
    atLeast('same-person', movement.samePerson, settings.samePerson_min),
    atLeast('solidity', movement.solidity, suspicious ? settings.solidityWhenSuspicious_min : settings.solidity_min),
    signal('texture', texture, settings.texture_max, !suspicious, false),
  ]
}

function signal(name: SignalName, score: number | undefined, threshold: number, passed: boolean, required: boolean): Signal {
  return { name, ...(score === undefined ? {} : { score: rounded(score) }), threshold: rounded(threshold), passed, required }
}

const mean = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length

/** Four decimals: enough to judge by, and the same text in every journal. */
export const rounded = (value: number): number => Math.round(value * 10_000) / 10_000

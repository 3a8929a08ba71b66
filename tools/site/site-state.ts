/** What a simulated site's authority has prepared: credentials, lists, enrolment records of its travellers. */
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../edge/base/clock.ts'
import { ConfigError } from '../../edge/base/error.ts'
import { enrolmentFile, sealEnrolment } from '../../edge/gate/enrolment.ts'
import type { ListKey } from '../../edge/gate/lists.ts'
import type { ListName } from '../../edge/gate/policy.ts'
import { templateOf } from '../../drivers/fingerprint/r30x/twin.ts'
import { type Authority, newAuthority, provision, signedList } from '../authority/authority.ts'
import { root } from '../house/sources.ts'
import { fingerOf, type Traveller } from './people.ts'

/** The demo's faces, made at set-up. */
export interface Faces {
  people: { id: string; passport: string; scripts: Record<string, string[]> }[]
  /** Pictures of pictures: of whom, and the frames of the hand that holds them up. */
  attacks: Record<string, { of: string; frames: string[] }>
  scenes: Record<string, string[]>
}

export const facesFolder = join(root, 'build', 'faces')

/** @throws ConfigError (PC-SITE-FACES). */
export async function readFaces(): Promise<Faces> {
  try {
    return JSON.parse(await readFile(join(facesFolder, 'index.json'), 'utf8')) as Faces
  } catch (cause) {
    throw new ConfigError('PC-SITE-FACES', 'The demo faces are not there: run make setup.', { cause })
  }
}

const day_ms = 86_400_000

/** Makes a fresh state folder for a device that these travellers will use. */
export async function makeState(state: string, listsFolder: string, travellers: readonly Traveller[], faces: Faces): Promise<Authority> {
  await rm(state, { recursive: true, force: true })
  const authority = newAuthority()
  const lists = randomBytes(32)
  await provision(state, { journal: randomBytes(32), lists, authority: authority.publicPem })
  const folder = join(state, listsFolder)
  await mkdir(join(folder, 'enrolments'), { recursive: true, mode: 0o700 })
  const listed = (wanted: (traveller: Traveller) => boolean): ListKey[] =>
    travellers.filter(wanted).map(({ document }) => ({ by: 'document', issuer: document.issuer, number: document.documentNumber }))
  const entries: Record<ListName, ListKey[]> = {
    watchlist: listed(({ listed }) => listed === 'watchlist'),
    revoked: listed(({ listed }) => listed === 'revoked'),
    residents: listed(({ resident }) => resident),
  }
  const issued = systemClock.wall() - 60_000
  for (const [list, keys] of Object.entries(entries) as [ListName, ListKey[]][]) {
    const signed = signedList({ list, sequence: 1, issued, expires: issued + day_ms, entries: keys }, lists, authority.privateKey)
    await writeFile(join(folder, `${list}.json`), JSON.stringify(signed))
  }
  const photos = new Map(await Promise.all(faces.people.map(async ({ id, passport }) => [id, await readFile(join(facesFolder, passport))] as const)))
  for (const traveller of travellers.filter(({ enrolled }) => enrolled)) {
    const { issuer, documentNumber, birth } = traveller.document
    const photo = photos.get(traveller.holder)
    if (photo === undefined) throw new ConfigError('PC-SITE-FACES', `There is no demo face ${traveller.holder}.`)
    const identity = { issuer, documentNumber, birth }
    const record = { photo, ...(traveller.resident ? { fingerTemplate: templateOf(fingerOf(traveller)) } : {}) }
    await writeFile(join(folder, 'enrolments', enrolmentFile(identity, lists)), sealEnrolment(identity, record, lists, authority.privateKey))
  }
  return authority
}

/** What a program on the technician's line asks for, and what it is told. */
import { InputError } from '../../base/error.ts'
import { parse, type Static, Type } from '../../base/schema.ts'

/** Grows when a program that knows the one before would misunderstand the device. */
export const protocolVersion = 1

/** Of one request, bytes of JSON. */
export const requestMax = 16_384

const id = Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 })
const name = Type.String({ minLength: 1, maxLength: 64 })
const closed = { additionalProperties: false }

const shapes = {
  /** Who is there; also keeps a quiet conversation from ending. */
  hello: Type.Object({ id, ask: Type.Literal('hello') }, closed),
  login: Type.Object({ id, ask: Type.Literal('login'), person: name, secret: Type.String({ maxLength: 128 }) }, closed),
  /** For who has no secret here: what the operator's authority shall sign. */
  challenge: Type.Object({ id, ask: Type.Literal('challenge'), person: name }, closed),
  answer: Type.Object({ id, ask: Type.Literal('answer'), person: name, answer: Type.String({ maxLength: 1_024 }) }, closed),
  logout: Type.Object({ id, ask: Type.Literal('logout') }, closed),
  /** All components, with health. */
  components: Type.Object({ id, ask: Type.Literal('components') }, closed),
  /** What a component has: properties, commands and events with their JSON Schemas. */
  describe: Type.Object({ id, ask: Type.Literal('describe'), component: name }, closed),
  /** One property, or all that are known. */
  read: Type.Object({ id, ask: Type.Literal('read'), component: name, property: Type.Optional(name) }, closed),
  /** `confirmed` says that a person was asked, for commands that can move something. */
  call: Type.Object({ id, ask: Type.Literal('call'), component: name, command: name, args: Type.Optional(Type.Unknown()), confirmed: Type.Optional(Type.Boolean()) }, closed),
  /** Gives up a call that has not been answered. */
  cancel: Type.Object({ id, ask: Type.Literal('cancel'), call: id }, closed),
  /** News of these components from now on, in so many messages a second at most; none ends it. */
  watch: Type.Object({ id, ask: Type.Literal('watch'), components: Type.Array(name, { maxItems: 64 }), per_s: Type.Optional(Type.Integer({ minimum: 1, maximum: 20 })) }, closed),
  /** Ends the conversation: the line is a person's again. */
  leave: Type.Object({ id, ask: Type.Literal('leave') }, closed),
} as const

export type Request = { [Word in keyof typeof shapes]: Static<(typeof shapes)[Word]> }[keyof typeof shapes]
export type Asked<Word extends Request['ask']> = Extract<Request, { ask: Word }>

/** One piece of news: the newest value of a property, or an event. */
export type Item =
  | { component: string; property: string; value: unknown; at: number }
  | { component: string; event: string; data: unknown; at: number }

/** What the device says. */
export type Reply =
  | { id: number; answer: unknown }
  | { id: number | null; error: { code: string; message: string } }
  /** `lost`: events that came faster than the line could take them, since the conversation began. */
  | { news: Item[]; lost: number }
  /** Somebody's session has ended, and why. */
  | { ended: string }

/** The number of a request, where it has one that can be answered to. */
export function idOf(value: unknown): number | null {
  const found = typeof value === 'object' && value !== null ? (value as { id?: unknown }).id : undefined
  return typeof found === 'number' && Number.isInteger(found) && found >= 0 && found < 2 ** 31 ? found : null
}

/** @throws InputError (PC-FRAMES-REQUEST). */
export function readRequest(value: unknown): Request {
  const word = typeof value === 'object' && value !== null ? (value as { ask?: unknown }).ask : undefined
  if (typeof word !== 'string' || !Object.hasOwn(shapes, word)) throw new InputError('PC-FRAMES-REQUEST', 'The request asks for nothing that is known here.')
  return parse(shapes[word as keyof typeof shapes], value, 'PC-FRAMES-REQUEST', 'request')
}

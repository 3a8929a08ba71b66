/** Who is there: a name and a secret, or a challenge that the operator's authority answers. */
import type { Gatekeeper, Session } from '../access/contract.ts'
import { describe } from '../base/error.ts'
import type { Answer, Terminal } from './terminal.ts'

export interface LoginOptions {
  terminal: Terminal
  gatekeeper: Gatekeeper
  /** Shown before the first question. */
  banner: string
  /** The line is somebody's own and ends with them: one who does not type, or fails too often, loses it. */
  once: boolean
  signal: AbortSignal
}

/** How long a begun login waits for the next line. */
const patience_ms = 60_000
const answerPatience_ms = 600_000
/** On a line of its own. */
const triesMax = 5

const personPattern = /^[a-z][a-z0-9.-]{0,31}$/

/**
 * Asks until somebody is let in; `undefined` when the line ends instead.
 * @param name whose turn it is already, when somebody else was logged in before
 * @throws CancelledError, TakenOver, DeviceError (PC-CONSOLE-LOST).
 */
export async function login(options: LoginOptions, name?: string): Promise<Session | undefined> {
  const { terminal, once } = options
  await terminal.say()
  await terminal.say(options.banner)
  let known = name
  for (let tries = 0; !once || tries < triesMax; tries++) {
    const person = known ?? await askName(options)
    known = undefined
    if (person === undefined) return undefined
    if (person === '') continue
    const session = await prove(person, options)
    if (session !== undefined) return session
  }
  return undefined
}

/** A name that nobody can have is as good as none: noise on the line must not lock anybody out. */
async function askName({ terminal, once, signal }: LoginOptions): Promise<string | undefined> {
  const answer = await terminal.ask({ prompt: 'login: ', signal, ...(once ? { limit_ms: patience_ms } : {}) })
  if (answer.kind === 'silence' || (answer.kind === 'eof' && once)) return undefined
  const text = answer.kind === 'line' ? answer.text.trim() : ''
  return personPattern.test(text) ? text : ''
}

async function prove(person: string, options: LoginOptions): Promise<Session | undefined> {
  const { terminal, gatekeeper, signal } = options
  const { face, where } = terminal.io
  const secret = lineOf(await terminal.ask({ prompt: 'secret (empty: challenge): ', hidden: true, limit_ms: patience_ms, signal }))
  if (secret === undefined) return undefined
  try {
    if (secret !== '') return await gatekeeper.login(person, secret, { face, where })
    const challenge = gatekeeper.challenge(person, { face, where })
    await terminal.say('Give this to the authority, who runs: portcullis sign challenge')
    // In one piece: a person takes it over as it stands.
    await terminal.write(`${challenge}\r\n`)
    const answer = lineOf(await terminal.ask({ prompt: 'answer: ', limit_ms: answerPatience_ms, signal }))
    return answer === undefined || answer === '' ? undefined : await gatekeeper.answer(person, answer.trim(), { face, where })
  } catch (error) {
    if (terminal.io.gone.aborted || signal.aborted) throw error
    const { code, message } = describe(error)
    await terminal.say(`${message} (${code})`)
    return undefined
  }
}

const lineOf = (answer: Answer): string | undefined => (answer.kind === 'line' ? answer.text : undefined)

/** One line from the first prompt to the last: login, commands, and everything that can end them. */
import type { Ending, Gatekeeper, Session } from '../access/contract.ts'
import { CancelledError, describe, type ErrorCode, UsageError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import type { Command, Context, Item, Surroundings } from './command.ts'
import type { FrameService } from './io.ts'
import { Language } from './language.ts'
import { login } from './login.ts'
import type { History } from './history.ts'
import { asciiJson, Output } from './output.ts'
import { TakenOver, type Terminal } from './terminal.ts'
import { type Asked, understand } from './words.ts'

export interface ShellOptions {
  terminal: Terminal
  surroundings: Surroundings
  commands: readonly Command[]
  gatekeeper: Gatekeeper
  history: History
  log: Logger
  frames: FrameService | undefined
  /** The line ends with the session: a socket or a connection, not a cable. */
  once: boolean
  /** Before each line that is asked for. */
  onPrompt(): Promise<void>
  onCommand(): void
}

/** How long a question within a command waits. */
const questionLimit_ms = 120_000

const farewells: Readonly<Record<Ending, string>> = {
  logout: 'You are logged out.', idle: 'You are logged out: nothing was typed for too long.', lost: 'The line was lost.',
  replaced: 'Somebody else took this line.', tamper: 'The housing was opened: everybody is logged out.',
  removed: 'Your account was removed: you are logged out.', changed: 'Your account was changed: log in again.',
  expired: 'Your time is over: you are logged out.', shutdown: 'The device stops: you are logged out.',
}

export class Shell {
  readonly #options: ShellOptions
  readonly #language: Language
  #next: string | undefined

  constructor(options: ShellOptions) {
    this.#options = options
    this.#language = new Language(options.commands, options.surroundings.model)
  }

  /** Resolves when the line is gone, `signal` aborts, or a line that is used once was used. */
  async run(signal: AbortSignal): Promise<void> {
    const { terminal, frames, once, log } = this.#options
    while (!signal.aborted && !terminal.io.gone.aborted) {
      try {
        await this.#converse(signal)
        if (once && this.#next === undefined) return
      } catch (error) {
        if (error instanceof TakenOver && frames !== undefined) await this.#serveProgram(frames, signal)
        else if (!signal.aborted && !terminal.io.gone.aborted) log.error({ component: 'console', error }, 'a conversation broke off')
        if (once) return
      }
    }
  }

  async #serveProgram(frames: FrameService, signal: AbortSignal): Promise<void> {
    const { terminal, log } = this.#options
    await terminal.exclusively((io) => frames.serve(io, signal)).catch((error: unknown) => {
      if (!terminal.io.gone.aborted && !signal.aborted) log.warn({ component: 'console', error }, 'a program on the line broke off')
    })
  }

  async #converse(signal: AbortSignal): Promise<void> {
    const { terminal, gatekeeper, surroundings: { device, version }, once } = this.#options
    const name = this.#next
    this.#next = undefined
    const session = await login({ terminal, gatekeeper, banner: `Portcullis ${version}  ${device}`, once, signal }, name)
    if (session === undefined) return
    const ended = new AbortController()
    let why: Ending | undefined
    const forget = gatekeeper.onEnded((news) => {
      if (news.session.id !== session.id) return
      why = news.why
      ended.abort()
    })
    try {
      await this.#serve(session, AbortSignal.any([ended.signal, signal]), (next) => {
        this.#next = next
        gatekeeper.end(session, next === undefined ? 'logout' : 'replaced')
      })
      if (why === undefined) gatekeeper.end(session, signal.aborted ? 'shutdown' : 'expired')
    } catch (error) {
      if (why === undefined) gatekeeper.end(session, error instanceof TakenOver ? 'replaced' : signal.aborted ? 'shutdown' : 'lost')
      if (!(error instanceof CancelledError)) throw error
    } finally {
      forget()
    }
    // Whoever did not end it themselves stands somewhere within a row.
    if (why !== 'logout' && why !== 'replaced') await terminal.say()
    await terminal.say(farewells[why ?? 'logout'])
  }

  async #serve(session: Session, signal: AbortSignal, logout: (next?: string) => void): Promise<void> {
    const { terminal, gatekeeper, history, onPrompt, surroundings: { device } } = this.#options
    const prompt = `${device.split('/').at(-1) ?? ''}> `
    await terminal.say(`Welcome, ${session.person}: you may do what a${/^[aeio]/.test(session.role) ? 'n' : ''} ${session.role} may. Type ? or help.`)
    while (!signal.aborted) {
      await onPrompt()
      const answer = await terminal.ask({
        prompt, signal, history: await history.of(session.person),
        complete: (text) => this.#language.complete(text, terminal.size.columns), help: (text) => this.#language.help(text),
      })
      if (!gatekeeper.touch(session)) return
      if (answer.kind === 'eof') logout()
      if (answer.kind !== 'line' || answer.text.trim() === '') continue
      const failure = await this.#enter(answer.text, session, signal, logout)
      if (failure !== 'PC-CONSOLE-PERSONAL') await history.add(session.person, answer.text.trim())
    }
  }

  /** Carries out a line, and says what came of it. @returns the code of what went wrong */
  async #enter(line: string, session: Session, signal: AbortSignal, logout: (next?: string) => void): Promise<ErrorCode | undefined> {
    const { terminal, log } = this.#options
    const json = / --json( |$)/.test(line)
    try {
      await terminal.interruptible(async (running) => {
        const asked = understand(line)
        if (asked.words.at(-1) === '?') for (const row of this.#language.help(`${asked.words.slice(0, -1).join(' ')} `.trimStart())) await terminal.say(row)
        else if (asked.words.length > 0) await this.#run(asked, this.#contextOf(session, asked, running, logout))
      }, signal)
      if (json) await terminal.write(`${asciiJson({ ok: true })}\r\n`)
      return undefined
    } catch (error) {
      if (terminal.io.gone.aborted || error instanceof TakenOver || signal.aborted) throw error
      const { code, message } = describe(error)
      if (json) await terminal.write(`${asciiJson({ ok: false, code, message })}\r\n`)
      else await terminal.say(error instanceof CancelledError ? '^C' : `% ${message} (${code})`)
      if (code === 'PC-BASE-UNEXPECTED') log.error({ component: 'console', error, where: error instanceof Error ? error.stack?.split('\n')[1] : undefined }, 'a command broke off')
      return code
    }
  }

  async #run(asked: Asked, context: Context): Promise<void> {
    const { command, args } = this.#language.find(asked.words)
    this.#options.onCommand()
    const live = command.live === true
    const output = new Output(this.#options.terminal, { json: asked.json, paged: !asked.json && !live && command.follows !== true, filters: live ? [] : asked.filters, signal: context.signal })
    for await (const item of command.run(context, args)) if (!await output.show(item)) break
    if (context.signal.aborted) throw new CancelledError('console')
  }

  /** What a line that can only be looked at tells, for whoever repeats it. */
  async *#look(words: readonly string[], context: Context): AsyncGenerator<Item> {
    const { command, args } = this.#language.find(words)
    if (command.live === true || command.follows === true) throw new UsageError('PC-CONSOLE-SYNTAX', 'This command goes on by itself, or talks with you: it cannot be watched.')
    if (command.changes === true) throw new UsageError('PC-CONSOLE-SYNTAX', 'This command may change something: it cannot be watched.')
    yield* command.run(context, args)
  }

  #contextOf(session: Session, asked: Asked, signal: AbortSignal, logout: (next?: string) => void): Context {
    const { terminal, gatekeeper, surroundings } = this.#options
    const context: Context = {
      ...surroundings, session, terminal, signal, json: asked.json, filters: asked.filters, logout,
      carry: (component, command, args, within = signal) => gatekeeper.carryOut(session, { component, command, args }, within),
      again: (component, command, args) => this.#again(session, component, command, args, signal),
      touch: () => void gatekeeper.touch(session),
      confirm: (what) => this.#confirm(what, asked, signal),
      ask: (prompt, hidden = false) => this.#ask(prompt, hidden, signal),
      look: (words, isRepeated) => this.#look(words, isRepeated ? { ...context, carry: context.again } : context),
      describe: (words) => this.#language.describe(words),
    }
    return context
  }

  async #again(session: Session, component: string, command: string, args: unknown, signal: AbortSignal): Promise<unknown> {
    const { gatekeeper, surroundings: { model } } = this.#options
    const target = model.get(component)
    const caller = { id: session.person, role: session.role }
    if (target.demand(command, args, caller).moves) return await gatekeeper.carryOut(session, { component, command, args }, signal)
    if (signal.aborted) throw new CancelledError('console')
    return await target.invoke(command as never, args as never, caller, signal)
  }

  /** `--yes` counts for programs only: a person types it once and then with every command. */
  async #confirm(what: string, asked: Asked, signal: AbortSignal): Promise<void> {
    if (asked.json && asked.yes) return
    if (!asked.json) await this.#options.terminal.say(what)
    const given = asked.json ? undefined : await this.#ask('Type yes to go on: ', false, signal)
    if (given?.trim().toLowerCase() !== 'yes') {
      throw new UsageError('PC-CONSOLE-CONFIRM', asked.json ? 'This is asked about: a program adds --yes.' : 'Not confirmed: nothing was done.')
    }
  }

  async #ask(prompt: string, hidden: boolean, signal: AbortSignal): Promise<string | undefined> {
    const { terminal } = this.#options
    terminal.flush()
    const answer = await terminal.ask({ prompt, hidden, signal, limit_ms: questionLimit_ms })
    return answer.kind === 'line' ? answer.text : undefined
  }
}

/**
 * Restarts or stops the program or the computer, in the same order as when systemd asks for it: every
 * part stops by itself and doors close. Nothing is done while somebody is in the gate.
 */
import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import type { Cancel, Clock } from '../base/clock.ts'
import { DeviceError, UsageError } from '../base/error.ts'
import type { Logger } from '../base/log.ts'
import { within } from '../base/wait.ts'
import { type Caller, Component } from '../device/component.ts'
import type { FactSink } from '../journal/fact.ts'
import { Power } from './contract.ts'

export const powerFact = 'device.power'

/** So that whoever asked still hears that it will be done. */
const grace_ms = 1_000
/** Together within the limit of the commands. */
const record_ms_max = 1_500
const runner_ms_max = 3_000
/** What has not happened by then does not happen any more, and may be asked for again. */
const begun_ms_max = 60_000

type What = 'restart' | 'reboot' | 'shutdown'

export interface PowerOptions {
  clock: Clock
  log: Logger
  journal: FactSink
  /** Why it must not be done now, in one plain sentence; nothing when it may. */
  busy(): string | undefined
  /** Ends the program as a signal would. */
  end(): void
  /** Has the operating system restart or stop the computer; `systemctl` unless given. */
  runner?: (what: 'reboot' | 'poweroff') => Promise<void>
  env: Readonly<Record<string, string | undefined>>
}

export class PowerService {
  readonly component: Component<(typeof Power)['members']>
  readonly #options: PowerOptions
  #begun: What | undefined
  #cancel: Cancel = () => undefined

  constructor(options: PowerOptions) {
    this.#options = options
    const { runner = systemctl, end } = options
    this.component = new Component('power', Power, options.clock, {
      restart: (_, _signal, caller) => this.#do('restart', caller, () => this.#later(end)),
      reboot: (_, _signal, caller) => this.#do('reboot', caller, () => runner('reboot')),
      shutdown: (_, _signal, caller) => this.#do('shutdown', caller, () => runner('poweroff')),
      selfTest: async () => {
        const passed = options.runner !== undefined || await isOnPath('systemctl', options.env['PATH'])
        return { passed, checks: [{ name: 'systemctl', passed, says: passed ? 'The computer can be asked to restart.' : 'There is no systemctl: the computer is restarted and stopped by its switch alone.' }] }
      },
    })
    this.component.publish('health', { status: 'ready' })
  }

  stop(): void {
    this.#cancel()
    this.component.publish('health', { status: 'stopped' })
  }

  /**
   * @throws UsageError (PC-POWER-BEGUN, PC-POWER-BUSY), DeviceError (PC-POWER-REFUSED), TimeoutError
   *   (PC-POWER-JOURNAL), or what the journal throws: what is not durable is not done.
   */
  async #do(what: What, caller: Caller, act: () => void | Promise<void>): Promise<Record<string, never>> {
    if (this.#begun !== undefined) throw new UsageError('PC-POWER-BEGUN', `The device is about to ${this.#begun} already.`)
    const { busy, clock, journal, log } = this.#options
    const why = busy()
    if (why !== undefined) throw new UsageError('PC-POWER-BUSY', `Not now: ${why}`)
    this.#begun = what
    try {
      await within(
        { clock, limit_ms: record_ms_max, code: 'PC-POWER-JOURNAL', message: 'It was not done, because the journal did not record it in time.' },
        () => journal.append({ kind: powerFact, class: 'audit', body: { what, by: caller.id } }),
      )
      log.warn({ component: 'power', what, by: caller.id }, 'asked to stop')
      await act()
      this.#cancel = clock.after(begun_ms_max, () => {
        this.#begun = undefined
      })
    } catch (error) {
      this.#begun = undefined
      throw error
    }
    return {}
  }

  #later(act: () => void): void {
    this.#options.clock.after(grace_ms, act)
  }
}

/** Without the right to do so, which docs/operator.md says how to give, it is refused. @throws DeviceError (PC-POWER-REFUSED) */
function systemctl(what: 'reboot' | 'poweroff'): Promise<void> {
  return new Promise((resolve, reject) => {
    // It only puts the job into the queue; systemd then stops this program as it stops all others.
    execFile('systemctl', ['--no-ask-password', '--no-wall', '--no-block', what], { timeout: runner_ms_max, killSignal: 'SIGKILL' }, (error) => {
      if (error === null) resolve()
      else reject(new DeviceError('PC-POWER-REFUSED', 'The operating system refused to restart or stop the computer: this program may not have the right to.', { component: 'power', cause: error }))
    })
  })
}

async function isOnPath(program: string, path = ''): Promise<boolean> {
  for (const folder of path.split(delimiter).filter((each) => each !== '')) {
    if (await access(join(folder, program), constants.X_OK).then(() => true, () => false)) return true
  }
  return false
}

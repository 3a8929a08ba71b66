/** Every component's self-test, several at a time, within one limit. */
import type { Clock } from '../base/clock.ts'
import { describe } from '../base/error.ts'
import type { Caller, Component } from '../device/component.ts'
import type { MemberSpec, SelfTestReport } from '../device/contract.ts'

/** So many at a time: most wait for a device's answer. */
const lanes = 4

export interface SelfTestOptions {
  clock: Clock
  caller: Caller
  /** Whatever has not ended by then has failed. */
  limit_ms: number
  signal: AbortSignal
  onProgress(done: number, of: number): void
}

/** @returns the report of each component by its name; what throws or is late has failed */
export async function testComponents(components: readonly Component[], options: SelfTestOptions): Promise<Record<string, SelfTestReport>> {
  const { clock, caller, limit_ms, signal, onProgress } = options
  const late = new AbortController()
  const cancel = clock.after(limit_ms, () => late.abort())
  const both = AbortSignal.any([signal, late.signal])
  const reports = new Map<string, SelfTestReport>()
  const queues = [components.filter(moves), ...dealt(components.filter((component) => !moves(component)), lanes - 1)]
  try {
    await Promise.all(queues.map(async (queue) => {
      for (const component of queue) {
        reports.set(component.name, await test(component, caller, both))
        onProgress(reports.size, components.length)
      }
    }))
  } finally {
    cancel()
  }
  return Object.fromEntries(components.map(({ name }) => [name, reports.get(name) ?? failed('It was not tested.')]))
}

async function test(component: Component, caller: Caller, signal: AbortSignal): Promise<SelfTestReport> {
  try {
    return await component.invoke('selfTest', {}, caller, signal)
  } catch (error) {
    const { code, message } = describe(error)
    return failed(signal.aborted ? 'It did not end in time.' : `${message} (${code})`)
  }
}

const failed = (says: string): SelfTestReport => ({ passed: false, checks: [{ name: 'self-test', passed: false, says }] })

/** What can move is tested one after the other, although a self-test moves nothing. */
const moves = ({ contract }: Component): boolean =>
  Object.values<MemberSpec>(contract.members).some((member) => member.kind === 'command' && member.moves)

function dealt<T>(items: readonly T[], hands: number): T[][] {
  return Array.from({ length: hands }, (_, hand) => items.filter((_, at) => at % hands === hand))
}

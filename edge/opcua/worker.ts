/** The thread of the OPC UA server: its cryptography and encoding never hold up the gate. */
import { type Clock, systemClock, type WallTime } from '../base/clock.ts'
import type { News } from '../device/component.ts'
import { Mirror } from '../device/mirror.ts'
import { DeviceModel } from '../device/model.ts'
import { serveWorker } from '../run/worker-program.ts'
import { threadLogger } from '../service/thread-logs.ts'
import { journalMemory } from './memory.ts'
import { Questions } from './questions.ts'
import { OpcuaServer } from './server.ts'
import type { OpcuaNews, OpcuaRequest, OpcuaSetup } from './words.ts'

/** How often the main thread hears how the server fares. */
const figures_ms = 2_000

/** For the copies of the components: the time of what they are told is when it was so, not when it came. */
class TimeOfNews implements Clock {
  at: WallTime | undefined
  readonly now = systemClock.now
  readonly after = systemClock.after

  wall(): WallTime {
    return this.at ?? systemClock.wall()
  }
}

await serveWorker(async (data, tellUntyped) => {
  const { section, about, folder, journal, log: level, logChannel, components, known } = data as OpcuaSetup
  const tell: (news: OpcuaNews) => void = tellUntyped
  const log = threadLogger(level, logChannel)
  const questions = new Questions(tell)
  const model = new DeviceModel()
  const time = new TimeOfNews()
  // Commands go by the gatekeeper, not by the mirror: nobody is asked here.
  const mirrors = new Map(components.map(({ name, contract }) => [name, new Mirror(name, contract as never, time, () => Promise.reject(new Error('not here')))]))
  for (const { component } of mirrors.values()) model.add(component)
  const take = (news: News): void => {
    time.at = news.at
    mirrors.get(news.component)?.apply(news)
    time.at = undefined
  }
  known.forEach(take)
  const server = await OpcuaServer.start({
    section, about, folder, model, clock: systemClock, door: questions, remember: journalMemory(journal),
    complain: (gravity, says) => log[gravity === 'error' ? 'warn' : 'debug']({ component: 'opcua', library: says }, 'the OPC UA library says'),
  })
  const report = (): void => {
    server.partWithDeaf()
    server.figures().then((figures) => tell({ kind: 'figures', figures }), (error: unknown) => log.warn({ component: 'opcua', error }, 'no figures'))
      .finally(() => systemClock.after(figures_ms, report))
  }
  report()
  return {
    about: server.about,
    async handle(untyped) {
      const request = untyped as OpcuaRequest
      switch (request.kind) {
        case 'answer': return questions.answer(request.id, request.answer)
        case 'news': return request.news.forEach(take)
        case 'ended': return server.ended(request.session)
        case 'trust': return await server.trust.trust(request.fingerprint)
        case 'distrust': return await server.distrust(request.fingerprint)
        case 'acknowledged': return server.acknowledged(request.component, request.alarm)
        case 'stop': return await server.stop()
      }
    },
  }
})

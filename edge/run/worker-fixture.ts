/** A worker program for worker.test.ts: answers, refuses, hangs or dies as it is told. */
import { ConfigError, InputError } from '../base/error.ts'
import { serveWorker } from './worker-program.ts'

await serveWorker(async (data, tell) => {
  const { fail, done = new SharedArrayBuffer(4) } = data as { fail?: boolean; done?: SharedArrayBuffer }
  if (fail === true) throw new ConfigError('PC-TEST-SETUP', 'The test wants it to fail.')
  return {
    about: 'ready to be told',
    async handle(request) {
      switch (request) {
        case 'die': process.exit(3)
        // falls through is impossible: exit ends the thread
        case 'hang': for (;;);
        case 'bad': throw new InputError('PC-TEST-INPUT', 'The request is bad.')
        case 'broken': throw new Error('broken')
        case 'talk':
          tell({ unasked: 1 })
          tell({ unasked: 2 })
          return 'said'
        case 'work':
          tell('begun')
          for (const until = performance.now() + 300; performance.now() < until;);
          return Atomics.store(new Int32Array(done), 0, 1)
        case 'wait': return await new Promise(() => undefined)
        default: return `echo ${String(request)}`
      }
    },
  }
})

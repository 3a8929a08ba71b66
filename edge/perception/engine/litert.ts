/**
 * LiteRT (TensorFlow Lite's successor) as WebAssembly on one thread: slower, but runs anywhere.
 *
 * The package is made for browsers. Its Emscripten loader knows Node; what it does not is bridged here
 * for the moment of loading: how the loader script is brought in, and where it says its chatter.
 */
import { readFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compileFunction } from 'node:vm'
import type * as LiteRt from '@litertjs/core'
import { ConfigError } from '../../base/error.ts'
import type { Engine, Net } from './engine.ts'
import { release } from './release.ts'

let loading: Promise<typeof LiteRt> | undefined

/** Rejects where WebAssembly with SIMD is not available. */
export async function openLiteRt(): Promise<Engine> {
  loading ??= loadLiteRt()
  const core = await loading
  return {
    name: 'litert',
    format: 'tflite',
    async load(file, shape) {
      try {
        const model = await core.loadAndCompile(await readFile(file), { accelerator: 'wasm' })
        return net(model, (input) => new core.Tensor(input, [...shape]))
      } catch (cause) {
        throw new ConfigError('PC-MODEL-LOAD', 'A model file cannot be loaded; run the set-up again.', { cause })
      }
    },
  }
}

function net(model: LiteRt.CompiledModel, tensor: (input: Float32Array) => LiteRt.Tensor): Net {
  return {
    async run(input) {
      const given = tensor(input)
      const results = await model.run([given])
      given.delete()
      release(input)
      return results.map((result) => {
        const values = Float32Array.from(result.toTypedArray() as Float32Array)
        result.delete()
        return values
      })
    },
    async dispose() {
      model.delete()
    },
  }
}

/** What the browser package expects to find around it. */
interface BrowserGlobals {
  self?: unknown
  Module?: unknown
  ModuleFactory?: unknown
  importScripts?: (file: string) => void
}

async function loadLiteRt(): Promise<typeof LiteRt> {
  const folder = join(dirname(dirname(fileURLToPath(import.meta.resolve('@litertjs/core')))), 'wasm')
  const globals = globalThis as BrowserGlobals
  const require = createRequire(import.meta.url)
  globals.self ??= globalThis
  globals.Module = { print: () => undefined, printErr: () => undefined }
  globals.importScripts = (file) => {
    // A CommonJS script inside a package of ES modules: neither require nor import takes it.
    const script = { exports: {} }
    const names = ['require', 'module', 'exports', '__filename', '__dirname']
    const run = compileFunction(readFileSync(file, 'utf8'), names, { filename: file }) as (...values: unknown[]) => void
    run(require, script, script.exports, file, dirname(file))
    globals.ModuleFactory = script.exports
  }
  const restore = silenceWarnings()
  try {
    const core = await import('@litertjs/core')
    await core.loadLiteRt(`${folder}/`, { threads: false })
    return core
  } finally {
    restore()
    delete globals.importScripts
  }
}

/** It always warns that there is no WebGPU. */
function silenceWarnings(): () => void {
  const output = globalThis.console
  const { warn } = output
  output.warn = () => undefined
  return () => {
    output.warn = warn
  }
}

/**
 * Makes the program as it is shipped: bundled, minified, with V8's compile cache, in build/portcullis.
 *
 * Native packages, and those that look for files beside themselves, stay outside the bundle and are
 * found in node_modules. Start-up is measured on what this makes.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { root } from '../house/sources.ts'

const out = join(root, 'build', 'portcullis')

/** Entry points: the program, and what it starts as worker threads, found beside it by these names. */
const entries = {
  portcullis: 'tools/cli/portcullis.ts', 'perception-worker': 'edge/perception/worker.ts',
  'obstacle-worker': 'profiles/boot/obstacle-worker.ts', 'tracking-worker': 'edge/perception/obstacles/tracking-worker.ts',
  'opcua-worker': 'edge/opcua/worker.ts',
}

const external = [
  // CommonJS packages that are imported on demand: a chunk of their own would lose their named exports.
  'mqtt',
  // It looks for its type definitions beside itself.
  'node-opcua',
  'serialport', 'sharp', 'onnxruntime-node', '@litertjs/core', 'onoff', 'johnny-five', 'firmata-io', 'zxing-wasm',
  // Only benches, tests and the build use these; they never ship.
  'esbuild', 'tap', 'fast-check', 'playwright-core', 'tinybench', 'flatbuffers',
]

rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
const { metafile } = await build({
  entryPoints: entries,
  absWorkingDir: root,
  outdir: out,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  minify: true,
  keepNames: true,
  legalComments: 'linked',
  external,
  define: { PORTCULLIS_BUNDLED: 'true' },
  // Bundled CommonJS packages call require for Node's own modules.
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  metafile: true,
  logLevel: 'warning',
})

writeFileSync(join(out, 'start.js'), `// Starts the program with V8's compile cache, so that nothing is compiled twice.
import { enableCompileCache } from 'node:module'
enableCompileCache(new URL('./cache', import.meta.url).pathname)
await import(new URL('./portcullis.js', import.meta.url).href)
`)

const bytes = Object.values(metafile.outputs).reduce((sum, file) => sum + file.bytes, 0)
process.stdout.write(`build/portcullis/start.js: ${Object.keys(metafile.outputs).length} files, ${Math.round(bytes / 1024)} KiB\n`)

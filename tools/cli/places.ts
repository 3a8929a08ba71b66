/** Where the program finds what lies beside it, from its sources or from the bundle. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Set by the bundler; the sources know no such word. */
declare const PORTCULLIS_BUNDLED: boolean | undefined

const bundled = typeof PORTCULLIS_BUNDLED !== 'undefined' && PORTCULLIS_BUNDLED
const here = fileURLToPath(new URL('.', import.meta.url))

/** The folder that holds `build`: the repository, or what was installed. */
export const home = join(here, '..', '..')

/** The bundled page. */
export const pageFolder = join(home, 'build', 'screen')

/** The programs of the bundle's threads; the sources find their own. */
export const workers = bundled ? {
  face: new URL('./perception-worker.js', import.meta.url),
  obstacles: new URL('./obstacle-worker.js', import.meta.url),
  tracking: new URL('./tracking-worker.js', import.meta.url),
  opcua: new URL('./opcua-worker.js', import.meta.url),
} : undefined

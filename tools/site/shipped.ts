/** How the runtime is started where it ships, as profiles/systemd/portcullis.service says. */

/** For the C library: few arenas, and memory given back at once. */
export const shippedEnvironment: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '65536', MALLOC_TRIM_THRESHOLD_: '65536',
}

/** For Node: small heaps. */
export const shippedFlags: readonly string[] = ['--max-semi-space-size=1', '--optimize-for-size']

/** What tests ask of the page as it is rendered. Each function runs alone inside the browser. */

export interface RenderedText {
  text: string
  /** Its colour and the colour behind it, `#rrggbb`. */
  front: string
  back: string
}

/** Every visible text with its colour and what is behind it, as rendered. */
export function renderedTexts(): RenderedText[] {
  const found: RenderedText[] = []
  const hex = (colour: string): string =>
    `#${(colour.match(/[\d.]+/g) ?? []).slice(0, 3).map((part) => Number(part).toString(16).padStart(2, '0')).join('')}`
  const backOf = (start: Element): string => {
    for (let element: Element | null = start; element !== null; ) {
      const colour = getComputedStyle(element).backgroundColor
      if (colour !== 'rgba(0, 0, 0, 0)') return hex(colour)
      const root: Node = element.getRootNode()
      element = element.assignedSlot ?? element.parentElement ?? (root instanceof ShadowRoot ? root.host : null)
    }
    return '#ffffff'
  }
  const walk = (root: ParentNode): void => {
    for (const element of root.querySelectorAll('*')) {
      if (element.shadowRoot !== null) walk(element.shadowRoot)
      const own = [...element.childNodes].map((node) => (node instanceof Text ? node.data : '')).join('').trim()
      const box = element.getBoundingClientRect()
      if (own === '' || box.width <= 1 || element instanceof HTMLStyleElement || element.closest('head') !== null) continue
      found.push({ text: own, front: hex(getComputedStyle(element).color), back: backOf(element) })
    }
  }
  walk(document)
  return found
}

/** What does not fit on the screen as it is now; empty when all is well. */
export function misfits(): string[] {
  const wrong: string[] = []
  const { scrollWidth, clientWidth, scrollHeight, clientHeight } = document.documentElement
  if (scrollWidth > clientWidth || scrollHeight > clientHeight) wrong.push('the page scrolls')
  const root = document.querySelector('portcullis-screen')?.shadowRoot
  const inner = (name: string) => root?.querySelector(name)?.shadowRoot
  const words = root?.querySelector('gate-words')
  const choice = root?.querySelector('language-choice')?.getBoundingClientRect()
  if (words === null || words === undefined || choice === undefined) return ['the page is not complete']
  if (words.scrollHeight > words.clientHeight || words.scrollWidth > words.clientWidth) wrong.push('the words are cut off')
  const all = (name: string, what: string): Element[] => [...(inner(name)?.querySelectorAll(what) ?? [])]
  const boxes = [...all('gate-words', 'h1, p, span'), ...all('gate-steps', '.name'), ...all('language-choice', 'button')]
  for (const element of boxes) {
    const box = element.getBoundingClientRect()
    if (box.height === 0) continue
    const what = element.textContent.trim()
    if (box.left < 0 || box.top < 0 || box.right > innerWidth || box.bottom > innerHeight) wrong.push(`outside: ${what}`)
    if (element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== 'inline') wrong.push(`cut off: ${what}`)
    if (Number.parseFloat(getComputedStyle(element).fontSize) < 12) wrong.push(`too small: ${what}`)
  }
  const names = all('gate-steps', '.name').map((name) => name.getBoundingClientRect())
  names.forEach((name, index) => {
    if (name.right > (names[index + 1]?.left ?? Infinity)) wrong.push('step names overlap')
  })
  if (words.getBoundingClientRect().bottom > choice.top) wrong.push('words and buttons overlap')
  return wrong
}

/** The page's element as far as tests look into it. */
export interface ScreenElement extends HTMLElement {
  knowledge: { snapshot?: { view: unknown } }
  updateComplete: Promise<boolean>
  updated(changed: unknown): void
}

/** Whether the page knows this view and has drawn it. */
export async function isShown(view: unknown): Promise<boolean> {
  const screen = document.querySelector<ScreenElement>('portcullis-screen')
  const plain = (value: object): string =>
    JSON.stringify(value, Object.keys(value).concat('step', 'status').toSorted((a, b) => a.localeCompare(b)))
  const known = screen?.knowledge.snapshot?.view
  if (screen === null || known === null || known === undefined || plain(known) !== plain(view as object)) return false
  await screen.updateComplete
  return true
}

export interface Recorder extends Window {
  drawn: number
  wrong: string[]
}

/** From here on the page looks for misfits in each screen that it has drawn, down to the last of its parts. */
export function recordMisfits(find: () => string[]): void {
  const recorder = window as unknown as Recorder
  Object.assign(recorder, { drawn: 0, wrong: [] })
  const screen = document.querySelector<ScreenElement>('portcullis-screen')
  if (screen === null || Object.hasOwn(screen, 'updated')) return
  const updated = screen.updated.bind(screen)
  screen.updated = (changed) => {
    updated(changed)
    const parts = [...(screen.shadowRoot?.querySelectorAll<ScreenElement>('gate-words, gate-steps, gate-stage, language-choice') ?? [])]
    void Promise.all(parts.map((part) => part.updateComplete)).then(() => {
      recorder.drawn++
      recorder.wrong.push(...find().map((wrong) => `${JSON.stringify(screen.knowledge.snapshot?.view)}: ${wrong}`))
    })
  }
}

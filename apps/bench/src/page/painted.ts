/** Resolves once the browser has painted what the DOM holds now: a task that follows the next frame. */
export function nextPaint(): Promise<void> {
  return new Promise((resolve) =>
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = () => {
        port1.close()
        resolve()
      }
      port2.postMessage(null)
    }),
  )
}

/** Milliseconds from the call of `change` to the paint of the first change it leads to inside `element`. */
export function timeToPaint(element: Element, change: () => void): Promise<number> {
  return new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      observer.disconnect()
      void nextPaint().then(() => resolve(performance.now() - start))
    })
    observer.observe(element, { characterData: true, childList: true, subtree: true })
    const start = performance.now()
    change()
  })
}

import { useEffect, useState } from 'react'

const EVERY_MS = 15_000

/** The time, often enough for ages in minutes. Only the component that shows an age renders again. */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), EVERY_MS)
    return () => clearInterval(timer)
  }, [])
  return now
}

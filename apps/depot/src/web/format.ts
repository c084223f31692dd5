/** Numbers, money and times as people read them. One locale for the whole app; everything goes through `Intl`. */
export const LOCALE = 'en-GB'

const pounds = new Intl.NumberFormat(LOCALE, { style: 'currency', currency: 'GBP' })
const whole = new Intl.NumberFormat(LOCALE)
const signed = new Intl.NumberFormat(LOCALE, { signDisplay: 'exceptZero' })
const day = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short', year: 'numeric' })
const dayAndTime = new Intl.DateTimeFormat(LOCALE, {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
})
const clock = new Intl.DateTimeFormat(LOCALE, { hour: '2-digit', minute: '2-digit' })
const relative = new Intl.RelativeTimeFormat(LOCALE, { numeric: 'auto' })

/** Pence to `£1,234.50`. */
export function formatMoney(pence: number): string {
  return pounds.format(pence / 100)
}

export function formatCount(count: number): string {
  return whole.format(count)
}

/** With its sign, for corrections: `+3`, `−2`. */
export function formatChange(by: number): string {
  return signed.format(by).replace('-', '\u2212')
}

export function formatDay(iso: string): string {
  return iso === '' ? '' : day.format(new Date(iso))
}

export function formatDayAndTime(iso: string): string {
  return iso === '' ? '' : dayAndTime.format(new Date(iso))
}

/** `10:42` today, `3 Mar 2026, 10:42` on another day. */
export function formatClock(iso: string, now: number): string {
  const at = new Date(iso)
  return at.toDateString() === new Date(now).toDateString() ? clock.format(at) : dayAndTime.format(at)
}

const STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
]

/** How long ago, in the largest unit that fits: `3 minutes ago`. Under a minute it is `just now`. */
export function formatAge(iso: string, now: number, justNow: string): string {
  const passed = now - Date.parse(iso)
  for (const [unit, size] of STEPS) {
    if (passed >= size) return relative.format(-Math.floor(passed / size), unit)
  }
  return justNow
}

/** `12.50` for a form field. */
export function penceToField(pence: number): string {
  return (pence / 100).toFixed(2)
}

/** Reads pounds as a person types them, without going through a fraction; `undefined` where it is no amount. */
export function fieldToPence(text: string): number | undefined {
  const match = /^£?(\d{1,3}(?:,\d{3})+|\d{1,9})(?:\.(\d{1,2}))?$/.exec(text.replaceAll(/\s/g, ''))
  if (match === null) return undefined
  return Number((match[1] ?? '').replaceAll(',', '')) * 100 + Number((match[2] ?? '').padEnd(2, '0'))
}

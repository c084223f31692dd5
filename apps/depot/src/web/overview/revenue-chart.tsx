import type { ReactNode } from 'react'
import { clsx } from 'clsx'
import type { QueryOutput } from '@tidemark/core'
import { DailyRevenue } from '@tidemark/depot/domain'
import { formatCount, formatDay, formatMoney } from '../format.ts'
import { texts } from '../texts.ts'
import { toBars } from './bars.ts'
import { ReportNote } from './report-note.tsx'
import { useQuery } from './use-query.ts'

const DAYS = { days: 14 }
/** Of a hundred: a day on which anything happened is seen. */
const LEAST_HEIGHT = 1
const label = texts.overview.revenue
type Days = QueryOutput<typeof DailyRevenue>['days']

/** Revenue by day: a chart to look at, and the same as a table to read, to listen to and to go through by keyboard. */
export function RevenueChart(): ReactNode {
  const { result, latest } = useQuery(DailyRevenue, DAYS)
  const days = latest?.days
  return (
    <section aria-labelledby="overview-revenue" className="rounded-2xl border border-line bg-surface">
      <h2 id="overview-revenue" className="border-b border-line px-4 py-3 text-sm font-semibold sm:px-5">
        {label.title}
      </h2>
      {days !== undefined &&
        (days.length === 0 ? (
          <p className="px-4 py-6 text-sm text-soft sm:px-5">{label.none}</p>
        ) : (
          <Chart days={days} />
        ))}
      <ReportNote result={result} />
    </section>
  )
}

function Chart({ days }: { readonly days: Days }): ReactNode {
  const { base, bars } = toBars(days.map((day) => day.revenue))
  const sum = days.reduce((total, day) => total + day.revenue, 0)
  const best = Math.max(...days.map((day) => day.revenue))
  return (
    <div className="px-4 py-4 sm:px-5">
      <p className="text-2xl font-semibold tracking-tight tabular-nums">{formatMoney(sum)}</p>
      <p className="mt-0.5 text-sm text-soft">
        {label.span(formatDay(days[0]?.day ?? ''), formatDay(days.at(-1)?.day ?? ''))}
      </p>
      <svg
        viewBox={`0 0 ${days.length * 10} 100`}
        preserveAspectRatio="none"
        role="img"
        aria-label={label.chart(formatMoney(sum), formatMoney(best))}
        className="mt-3 h-40 w-full"
        data-testid="revenue-chart"
      >
        {bars.map((bar, index) => (
          <rect
            key={days[index]?.day}
            x={index * 10 + 1.5}
            width={7}
            y={bar.isNegative ? bar.top * 100 : Math.min(bar.top * 100, base * 100 - LEAST_HEIGHT)}
            height={bar.height === 0 ? 0 : Math.max(LEAST_HEIGHT, bar.height * 100)}
            rx={1}
            className={clsx(bar.isNegative ? 'fill-bad' : 'fill-accent')}
          >
            <title>{`${formatDay(days[index]?.day ?? '')}: ${formatMoney(days[index]?.revenue ?? 0)}`}</title>
          </rect>
        ))}
        <line
          x1={0}
          x2={days.length * 10}
          y1={base * 100}
          y2={base * 100}
          className="stroke-edge"
          vectorEffect="non-scaling-stroke"
        />
      </svg>
      <details className="mt-3 text-sm">
        <summary className="w-fit cursor-pointer rounded-md py-1 text-soft hover:text-ink">{label.asTable}</summary>
        <DayTable days={days} />
      </details>
    </div>
  )
}

function DayTable({ days }: { readonly days: Days }): ReactNode {
  return (
    <table className="mt-2 w-full tabular-nums" data-testid="revenue-days">
      <caption className="sr-only">{label.title}</caption>
      <thead>
        <tr className="text-left text-xs text-soft">
          <th scope="col" className="py-1 font-medium">
            {label.day}
          </th>
          <th scope="col" className="py-1 pl-3 text-right font-medium">
            {label.amount}
          </th>
          <th scope="col" className="py-1 pl-3 text-right font-medium">
            {label.orders}
          </th>
          <th scope="col" className="py-1 pl-3 text-right font-medium">
            {label.returned}
          </th>
        </tr>
      </thead>
      <tbody>
        {days.toReversed().map(({ day, revenue, orders, returned }) => (
          <tr key={day} className="border-t border-line">
            <th scope="row" className="py-1.5 text-left font-normal">
              {formatDay(day)}
            </th>
            <td className="py-1.5 pl-3 text-right font-medium">{formatMoney(revenue)}</td>
            <td className="py-1.5 pl-3 text-right text-soft">{formatCount(orders)}</td>
            <td className="py-1.5 pl-3 text-right text-soft">{formatCount(returned)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

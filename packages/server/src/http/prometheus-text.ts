export interface Metric {
  /** Whole name, such as `tidemark_projections_lag_events`. */
  readonly name: string
  readonly type: 'gauge' | 'counter'
  readonly help: string
  readonly samples: readonly Sample[]
}

export interface Sample {
  /** Values hold no quotes, backslashes or newlines. */
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

/** Metrics in the text format of Prometheus. Those without samples are left out. */
export function toPrometheusText(metrics: readonly Metric[]): string {
  return metrics
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, type, help, samples }) => {
      const lines = samples.map(({ labels, value }) => {
        const list = Object.entries(labels).map(([label, text]) => `${label}="${text}"`)
        return `${name}{${list.join(',')}} ${value}`
      })
      return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n')
    })
    .join('')
}

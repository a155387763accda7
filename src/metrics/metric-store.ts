/**
 * One number of a metric. A histogram has samples `…_bucket` with the label `le`, `…_sum` and `…_count`.
 *
 * @public
 */
export interface MetricSample {
  /** The name of the metric, for a histogram with `_bucket`, `_sum` or `_count` behind it. */
  readonly name: string;
  /** The values of the labels, by the name of the label. */
  readonly labels: Readonly<Record<string, string>>;
  /** The number itself; of a `_bucket` that of all observations up to `le`. */
  readonly value: number;
}

/**
 * A metric with all its numbers.
 *
 * @public
 */
export interface MetricFamily {
  /** The name of the metric, such as `kubelet_image_pull_duration_seconds`. */
  readonly name: string;
  /** What it counts or measures, in words. */
  readonly help: string;
  /** Whether it only counts, or is a histogram of durations or sizes. */
  readonly type: 'counter' | 'histogram';
  /** Its numbers, one or several for each combination of labels. */
  readonly samples: readonly MetricSample[];
}

/** What a metric is, before anything was counted. */
export interface MetricDefinition {
  readonly name: string;
  readonly help: string;
  /** Upper bounds of a histogram; a counter has none. */
  readonly buckets?: readonly number[];
}

export type Labels = Readonly<Record<string, string>>;

/** The numbers of one metric. */
export interface Metric {
  /** Adds one to a counter, or an observation to a histogram. */
  add(labels: Labels, value?: number): void;
  family(): MetricFamily;
}

export function createMetric({ name, help, buckets }: MetricDefinition): Metric {
  const series = new Map<string, Series>();
  const seriesOf = (labels: Labels): Series => {
    const key = JSON.stringify(labels);
    const known = series.get(key);
    if (known !== undefined) return known;
    const made: Series = { labels, count: 0, sum: 0, below: (buckets ?? []).map(() => 0) };
    series.set(key, made);
    return made;
  };
  return {
    add(labels, value = 0) {
      const one = seriesOf(labels);
      one.count += 1;
      one.sum += value;
      buckets?.forEach((bound, place) => {
        if (value <= bound) one.below[place] = (one.below[place] ?? 0) + 1;
      });
    },
    family: () => ({
      name,
      help,
      type: buckets === undefined ? 'counter' : 'histogram',
      samples: [...series.values()].flatMap((one) =>
        buckets === undefined ? [{ name, labels: one.labels, value: one.count }] : histogram(name, buckets, one),
      ),
    }),
  };
}

interface Series {
  readonly labels: Labels;
  count: number;
  sum: number;
  /** For each bound, the observations up to it. */
  readonly below: number[];
}

function histogram(
  name: string,
  buckets: readonly number[],
  { labels, count, sum, below }: Series,
): readonly MetricSample[] {
  const bucket = (le: string, value: number): MetricSample => ({
    name: `${name}_bucket`,
    labels: { ...labels, le },
    value,
  });
  return [
    ...buckets.map((bound, place) => bucket(String(bound), below[place] ?? 0)),
    bucket('+Inf', count),
    { name: `${name}_sum`, labels, value: sum },
    { name: `${name}_count`, labels, value: count },
  ];
}

/** The text that Prometheus scrapes, version 0.0.4. */
export function metricsText(families: readonly MetricFamily[]): string {
  return families.map(familyText).join('');
}

function familyText({ name, help, type, samples }: MetricFamily): string {
  const lines = samples.map((sample) => `${sample.name}${labelsText(sample.labels)} ${sample.value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escapeValue(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeValue(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

/**
 * What a bench hands over: figures with their aims, and charts, grouped in sections. Table, JSON and page are made from
 * this and nothing else. Must never judge: a figure that misses its aim is marked, and that is all.
 */

/** `≤ 3` or `≥ 1000`, in the unit of the figure. */
interface Aim {
  readonly op: '≤' | '≥';
  readonly limit: number;
}

export type Unit = 'ms' | 's' | '/s' | '×' | 'MB' | 'bytes' | '%' | '';

/** A ratio that must not get worse unnoticed: see compare.ts. */
export interface Guard {
  readonly better: 'less' | 'more';
  /** By how much it may be worse than before, as a share of what it was: what two runs of the same tower differ by. */
  readonly margin: number;
  /** It hangs neither on the disk nor on the processor, so that it can be compared with that of another machine. */
  readonly everywhere: boolean;
  /** As good as this it is held, whatever it was: what is flat differs by chance. */
  readonly fine?: number;
}

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: Unit;
  readonly aim?: Aim;
  readonly guard?: Guard;
  /** What a reader needs to understand the figure. */
  readonly note?: string;
}

/** A share of all that took at most so long, for each series; milliseconds. */
export interface QuantileChart {
  readonly kind: 'quantiles';
  readonly title: string;
  readonly series: readonly { readonly name: string; readonly role: Role; readonly values: readonly number[] }[];
}

export interface BarChart {
  readonly kind: 'bars';
  readonly title: string;
  readonly unit: Unit;
  readonly bars: readonly { readonly name: string; readonly role: Role; readonly value: number }[];
}

export interface LineChart {
  readonly kind: 'lines';
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly logX?: true;
  readonly series: readonly {
    readonly name: string;
    readonly role: Role;
    readonly points: readonly (readonly [number, number])[];
  }[];
}

export type Chart = QuantileChart | BarChart | LineChart;
/** What a series is: the tower itself, a second side of it, what it is compared with, or the floor. */
type Role = 'tower' | 'second' | 'other' | 'floor';

export interface Section {
  readonly title: string;
  /** One or two sentences: what was done. */
  readonly what: string;
  readonly figures: readonly Figure[];
  readonly charts: readonly Chart[];
  /** Why something could not be measured. */
  readonly fault?: string;
}

/** A section of which there is nothing but the reason why. */
export const unmeasured = (title: string, fault: string): Section => ({
  title,
  what: '',
  figures: [],
  charts: [],
  fault,
});

export interface Results {
  readonly bench: 'tower';
  readonly at: string;
  readonly seconds: number;
  readonly seed: string;
  readonly size: string;
  readonly machine: Readonly<Record<string, string>>;
  /** Processes that wanted a processor when the bench began (load average of a minute), and processors. */
  readonly busy: { readonly load: number; readonly processors: number };
  readonly sections: readonly Section[];
  /** Beside an earlier run, when it was asked for. */
  readonly against?: Against;
}

/** One ratio beside what it was. */
export interface Compared {
  readonly title: string;
  readonly figure: Figure;
  /** Null when the earlier run has no such figure. */
  readonly before: number | null;
  /** How much worse it is, as a share of what it was; negative when it is better. Null without an earlier one. */
  readonly worse: number | null;
  /** `other machine`: it hangs on disk and processor, and was measured on another machine. */
  readonly verdict: 'held' | 'worse' | 'new' | 'other machine';
}

export interface Against {
  /** The file, and of when it is. */
  readonly file: string;
  readonly at: string;
  readonly isSameMachine: boolean;
  readonly figures: readonly Compared[];
  /** What is guarded and was not measured: a guard that measures nothing holds nothing. */
  readonly missing: readonly string[];
}

/** The machine had other work when the run began. */
export const isBusy = ({ busy: { load, processors } }: Results): boolean => load > processors / 4;

/** What a reader must know of the times of a run on a machine that had other work; null for an idle one. */
export const busyNote = (results: Results): string | null =>
  !isBusy(results)
    ? null
    : `The machine was busy when this began (load ${results.busy.load.toFixed(1)} on ${results.busy.processors} processors): times are higher than on an idle one, ratios and counts are less so.`;

export const missesAim = ({ value, aim }: Figure): boolean =>
  aim !== undefined && !(aim.op === '≤' ? value <= aim.limit : value >= aim.limit);

/** The value that `share` of all values do not exceed; NaN for none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** p50, p90, p99 and max as four figures; aims by quantile. */
export function spread(
  name: string,
  values: readonly number[],
  aims: { readonly p50?: number; readonly p99?: number } = {},
): readonly Figure[] {
  const figure = (which: string, value: number, limit?: number): Figure => ({
    name: `${name}, ${which}`,
    value,
    unit: 'ms',
    ...(limit === undefined ? {} : { aim: { op: '≤', limit } }),
  });
  return [
    figure('p50', quantile(values, 0.5), aims.p50),
    figure('p90', quantile(values, 0.9)),
    figure('p99', quantile(values, 0.99), aims.p99),
    figure('max', quantile(values, 1)),
  ];
}

/** `12.3`, `1,234`: three digits that matter, and no more than a person reads. */
export function shown(value: number, unit: Unit): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const digits = size >= 100 || (Number.isInteger(value) && unit !== 'ms' && unit !== '×') ? 0 : size >= 10 ? 1 : 2;
  const text = value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  if (unit === '×') return `× ${text}`;
  return unit === '' || unit === '/s' || unit === '%' ? `${text}${unit}` : `${text} ${unit}`;
}

/**
 * Seeds in a row, and what they came to. Must run every tenth seed twice and compare: a run that does not repeat itself
 * proves nothing.
 */
import { runSeed, type SeedOptions, type SeedResult } from './storm.ts';

const REPEAT_EVERY = 10;
/** Figures of which the largest counts, not the sum. */
const LARGEST: ReadonlySet<string> = new Set(['longestDoubtUs', 'exposure']);

export interface TotalsJson {
  readonly seeds: number;
  readonly failures: number;
  readonly figures: Readonly<Record<string, number>>;
}

export class Totals {
  seeds = 0;
  failures = 0;
  readonly #figures = new Map<string, number>();

  static from({ seeds, failures, figures }: TotalsJson): Totals {
    const totals = new Totals();
    totals.seeds = seeds;
    totals.failures = failures;
    totals.#addFigures(figures);
    return totals;
  }

  add(result: SeedResult): void {
    this.seeds++;
    if (result.violations.length > 0) this.failures++;
    this.#addFigures(result.figures);
  }

  plus(other: Totals): Totals {
    const sum = Totals.from(this.json());
    sum.seeds += other.seeds;
    sum.failures += other.failures;
    sum.#addFigures(other.json().figures);
    return sum;
  }

  json(): TotalsJson {
    return { seeds: this.seeds, failures: this.failures, figures: Object.fromEntries(this.#figures) };
  }

  of(name: string): number {
    return this.#figures.get(name) ?? 0;
  }

  #addFigures(figures: Readonly<Record<string, number>> | SeedResult['figures']): void {
    for (const [name, value] of Object.entries(figures)) {
      const before = this.of(name);
      this.#figures.set(name, LARGEST.has(name) ? Math.max(before, value) : before + value);
    }
  }

  /** A table for people; `seconds` of real time. */
  text(seconds: number): string {
    const virtual = this.of('virtualUs') / 1e6;
    const rows: readonly (readonly [string, string])[] = [
      ['seeds', `${this.seeds} in ${seconds.toFixed(1)} s (${(this.seeds / seconds).toFixed(1)} per second)`],
      ['virtual time', `${(virtual / 3600).toFixed(1)} h (${Math.round(virtual / seconds)} times real time)`],
      ['steps', String(this.of('steps'))],
      ['order files', String(this.of('drops'))],
      ['answers published', String(this.of('statements'))],
      ['queries answered', `${this.of('queries')}, of them from the mirror ${this.of('mirrored')}`],
      ['requests', `${this.of('requests')}, of them orders ${this.of('posts')}`],
      ['orders at the broker', `${this.of('orders')}; repeats that it refused ${this.of('duplicates')}`],
      [
        'ends of the tower',
        `${this.of('crashes')} kills, of them power cuts ${this.of('powerCuts')}; orderly stops ${this.of('orderlyStops')}`,
      ],
      ['journals lost', String(this.of('journalsLost'))],
      ['in doubt', `${this.of('inDoubt')}, the longest ${(this.of('longestDoubtUs') / 60e6).toFixed(1)} min`],
      ['exposure over limit', (this.of('exposure') / 1000).toFixed(3)],
      ['violations', String(this.failures)],
    ];
    return rows.map(([name, value]) => `${name.padEnd(22)}${value}`).join('\n');
  }
}

export interface ManyOptions {
  readonly from: number;
  readonly runs: number;
  readonly keepsGoing: boolean;
  readonly seed: SeedOptions;
  failed(result: SeedResult): void;
  progress(totals: Totals): void;
}

export async function runMany(options: ManyOptions): Promise<Totals> {
  const totals = new Totals();
  for (let seed = options.from; seed < options.from + options.runs; seed++) {
    let result = await runSeed(seed, options.seed);
    if (seed % REPEAT_EVERY === 0 && result.violations.length === 0) {
      const again = await runSeed(seed, options.seed);
      const text = `hash ${result.hash}, and ${again.hash} the second time`;
      if (again.hash !== result.hash) result = { ...result, violations: [{ invariant: 'repeat', text }] };
    }
    totals.add(result);
    options.progress(totals);
    if (result.violations.length === 0) continue;
    options.failed(result);
    if (!options.keepsGoing) break;
  }
  return totals;
}

export const report = (result: SeedResult, more = ''): string =>
  [
    `seed ${result.seed} FAILS`,
    ...result.violations.map(({ invariant, text }) => `  ${invariant}: ${text}`),
    `  npm run storm -- --seed ${result.seed}${more}`,
  ].join('\n');

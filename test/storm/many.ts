/** Seeds in a row, and what they came to. Must run every tenth seed twice and compare: a run that does not repeat proves nothing. */
import { runSeed, type SeedResult } from './storm.ts';

const REPEAT_EVERY = 10;

export class Totals {
  seeds = 0;
  failures = 0;
  readonly #sums = new Map<string, number>();

  add(result: SeedResult): void {
    this.seeds++;
    if (result.violations.length > 0) this.failures++;
    for (const [name, value] of Object.entries(result.figures)) {
      const sum = this.#sums.get(name) ?? 0;
      this.#sums.set(name, name.startsWith('longest') ? Math.max(sum, value) : sum + value);
    }
  }

  text(seconds: number): string {
    const of = (name: string): number => this.#sums.get(name) ?? 0;
    const virtual = of('virtualUs') / 1e6;
    const rows: readonly (readonly [string, string])[] = [
      ['seeds', `${this.seeds} in ${seconds.toFixed(1)} s (${(this.seeds / seconds).toFixed(1)} per second)`],
      ['virtual time', `${(virtual / 3600).toFixed(1)} h (${Math.round(virtual / seconds)} times real time)`],
      ['steps', String(of('steps'))],
      ['order files', String(of('drops'))],
      ['answers published', String(of('statements'))],
      ['requests', `${of('requests')}, of them orders ${of('posts')}`],
      ['orders at the broker', `${of('orders')}; repeats that it refused ${of('duplicates')}`],
      ['kills', `${of('crashes')}, of them power cuts ${of('powerCuts')}; orderly stops ${of('orderlyStops')}`],
      ['in doubt', `${of('inDoubt')}, the longest ${(of('longestDoubtUs') / 60e6).toFixed(1)} min`],
      ['violations', String(this.failures)],
    ];
    return rows.map(([name, value]) => `${name.padEnd(22)}${value}`).join('\n');
  }
}

export interface ManyOptions {
  readonly from: number;
  readonly runs: number;
  readonly keepsGoing: boolean;
  failed(result: SeedResult): void;
  progress(totals: Totals): void;
}

export async function runMany(options: ManyOptions): Promise<Totals> {
  const totals = new Totals();
  for (let seed = options.from; seed < options.from + options.runs; seed++) {
    let result = await runSeed(seed);
    if (seed % REPEAT_EVERY === 0 && result.violations.length === 0) {
      const again = await runSeed(seed);
      if (again.hash !== result.hash)
        result = {
          ...result,
          violations: [{ invariant: 'repeat', text: `${result.hash}, and ${again.hash} the second time` }],
        };
    }
    totals.add(result);
    options.progress(totals);
    if (result.violations.length === 0) continue;
    options.failed(result);
    if (!options.keepsGoing) break;
  }
  return totals;
}

export const report = (result: SeedResult): string =>
  [
    `seed ${result.seed} FAILS`,
    ...result.violations.map(({ invariant, text }) => `  ${invariant}: ${text}`),
    `  npm run storm -- --seed ${result.seed}`,
  ].join('\n');

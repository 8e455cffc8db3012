/** Figures over what was seen of a world. Pure. Must never leave out what spoils a figure. */
import { type Ask, MINUTE_US } from './world.ts';

/** The largest number of moments in any span of this length; they need not be sorted. */
export function mostIn(moments: readonly number[], spanUs: number): number {
  const sorted = moments.toSorted((a, b) => a - b);
  let most = 0;
  let from = 0;
  sorted.forEach((moment, index) => {
    while ((sorted[from] ?? 0) <= moment - spanUs) from++;
    most = Math.max(most, index - from + 1);
  });
  return most;
}

/** Requests per minute between two moments. */
export const perMinute = (moments: readonly number[], fromUs: number, toUs: number): number =>
  (moments.filter((at) => at >= fromUs && at < toUs).length * MINUTE_US) / (toUs - fromUs);

/** The value below which `share` of the values lie; null for none. */
export function quantile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;
}

export interface Waits {
  readonly count: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
}

function waits(us: readonly number[]): Waits {
  const ms = (value: number | null): number | null => (value === null ? null : Math.round(value / 1000));
  return {
    count: us.length,
    p50Ms: ms(quantile(us, 0.5)),
    p99Ms: ms(quantile(us, 0.99)),
    maxMs: ms(quantile(us, 1)),
  };
}

/** From the file's drop until its request left; those that never left are not in it. */
export const waitOf = (asks: Iterable<Ask>, isMeant: (ask: Ask) => boolean): Waits =>
  waits([...asks].flatMap((ask) => (ask.leftAt === null || !isMeant(ask) ? [] : [ask.leftAt - ask.droppedAt])));

/** How evenly a sum is shared: 1 when all have the same, 1/n when one has all (Jain's index). */
export function evenness(shares: readonly number[]): number {
  const sum = shares.reduce((a, b) => a + b, 0);
  const squares = shares.reduce((a, b) => a + b * b, 0);
  return squares === 0 ? 1 : (sum * sum) / (shares.length * squares);
}

export const shown = ({ count, p50Ms, p99Ms, maxMs }: Waits): string =>
  `${count} · p50 ${p50Ms} ms · p99 ${p99Ms} ms · longest ${maxMs} ms`;

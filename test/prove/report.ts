/**
 * One page of figures, for people and as JSON. Must never print a figure that was not measured in this run.
 */
import { execFileSync } from 'node:child_process';
import { release } from 'node:os';
import type { Verdict } from './auditor.ts';
import type { Figures, Row } from './row.ts';

export interface Result {
  readonly id: string;
  readonly title: string;
  readonly promises: readonly string[];
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** Why, when it did not pass. */
  readonly reason: string;
  readonly seconds: number;
  readonly figures: Figures;
  readonly verdict: Verdict | null;
}

export const resultOf = (row: Row, outcome: Result['outcome'], rest: Partial<Result>): Result => ({
  id: row.id,
  title: row.title,
  promises: row.promises,
  outcome,
  reason: '',
  seconds: 0,
  figures: {},
  verdict: null,
  ...rest,
});

const commit = (): string => {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return 'unknown';
  }
};

/** The value below which `share` of the values lie; 0 for none. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
}

export interface Page {
  readonly commit: string;
  readonly node: string;
  readonly kernel: string;
  readonly seed: number;
  readonly command: string;
  readonly started: string;
  readonly seconds: number;
  readonly rows: { readonly passed: number; readonly skipped: number; readonly failed: number };
  readonly totals: Readonly<Record<string, number>>;
  readonly results: readonly Omit<Result, 'verdict'>[];
}

export function pageOf(
  results: readonly Result[],
  run: { readonly seed: number; readonly command: string; readonly startedAt: number; readonly seconds: number },
): Page {
  const verdicts = results.flatMap(({ verdict }) => (verdict === null ? [] : [verdict]));
  const sum = (of: (verdict: Verdict) => number): number => verdicts.reduce((total, verdict) => total + of(verdict), 0);
  const figure = (name: string): number =>
    results.reduce((total, { figures }) => total + (typeof figures[name] === 'number' ? Number(figures[name]) : 0), 0);
  const most = (name: string): number => Math.max(0, ...results.map(({ figures }) => Number(figures[name] ?? 0)));
  const doubts = verdicts.flatMap((verdict) => verdict.doubts);
  const count = (outcome: Result['outcome']): number => results.filter((result) => result.outcome === outcome).length;
  return {
    commit: commit(),
    node: process.version,
    kernel: release(),
    seed: run.seed,
    command: run.command,
    started: new Date(run.startedAt).toISOString(),
    seconds: run.seconds,
    rows: { passed: count('passed'), skipped: count('skipped'), failed: count('failed') },
    totals: {
      kills: figure('kills'),
      failpoints: figure('failpoints'),
      power_cuts: figure('power_cuts'),
      requests: sum((verdict) => verdict.requests),
      posts: sum((verdict) => verdict.posts),
      orders: sum((verdict) => verdict.orders),
      duplicates_absorbed: sum((verdict) => verdict.absorbed),
      lost: sum((verdict) => verdict.lost),
      doubled: sum((verdict) => verdict.doubled),
      statements: sum((verdict) => verdict.versions),
      false_statements: sum((verdict) => verdict.falseStatements),
      unanswered: sum((verdict) => verdict.unanswered),
      secret_hits: sum((verdict) => verdict.secretHits),
      most_in_60_s: most('most_in_60_s'),
      most_in_1_s: most('most_in_1_s'),
      proof_p50_ms: quantile(doubts, 0.5),
      proof_p99_ms: quantile(doubts, 0.99),
      longest_doubt_ms: Math.round(Math.max(0, ...doubts)),
    },
    results: results.map(({ verdict: _verdict, ...rest }) => rest),
  };
}

export function textOf(page: Page): string {
  const t = page.totals;
  const head = [
    `tower ${page.commit} · node ${page.node} · kernel ${page.kernel} · seed ${page.seed}`,
    `${page.command} · ${page.started} · ${page.seconds} s`,
    `rows: ${page.rows.passed} passed, ${page.rows.skipped} skipped, ${page.rows.failed} failed`,
    '',
    `kills ${t['kills']} · failpoints ${t['failpoints']} · power cuts ${t['power_cuts']}`,
    `requests ${t['requests']} · POSTs ${t['posts']} · orders ${t['orders']} · duplicates absorbed (422) ${t['duplicates_absorbed']}`,
    `lost ${t['lost']} · doubled ${t['doubled']} · false statements ${t['false_statements']} of ${t['statements']} seen · unanswered ${t['unanswered']} · secrets found ${t['secret_hits']}`,
    `from sending to proof: p50 ${t['proof_p50_ms']} ms, p99 ${t['proof_p99_ms']} ms, longest ${t['longest_doubt_ms']} ms`,
    `requests at the socket where the budget was proved: at most ${t['most_in_60_s']} in 60 s, ${t['most_in_1_s']} in 1 s`,
    '',
    ...lines(page.results),
  ];
  return `${head.join('\n')}\n`;
}

/** One line a row; a family of many that all passed has one line, so that it stays a page. */
function lines(results: Page['results']): readonly string[] {
  const families = Map.groupBy(results, ({ id }) => id.split('.')[0] ?? id);
  return [...families].flatMap(([family, rows]) => {
    if (rows.length < 4 || rows.some(({ outcome }) => outcome !== 'passed')) return rows.map(lineOf);
    const seconds = rows.reduce((sum, row) => sum + row.seconds, 0);
    const names = rows.map(({ id }) => id.slice(family.length + 1));
    const title = `${rows.length} rows: ${names.join(' ')}`;
    return [lineOf({ id: family, title, promises: [], outcome: 'passed', reason: '', seconds, figures: {} })];
  });
}

export function lineOf(result: Omit<Result, 'verdict'>): string {
  const figures = Object.entries(result.figures).map(([name, value]) => `${name} ${value}`);
  const tail = result.reason === '' ? figures.join(' · ') : result.reason;
  const words = `${result.id} ${result.outcome.padEnd(7)} ${result.seconds.toFixed(1).padStart(6)} s  ${result.title}`;
  return tail === '' ? words : `${words}: ${tail}`;
}

/**
 * Runs rows, one after the other on each stand, and has each audited. Must never call a row passed that was not audited.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Result, resultOf } from './report.ts';
import { Rig } from './rig.ts';
import { type Row, Unavailable } from './row.ts';

export interface RunOptions {
  /** Stands that work at the same time. */
  readonly stands: number;
  /** An existing folder for homes and ledgers. */
  readonly folder?: string;
  done(result: Result): void;
}

/** Results in the order of `rows`. */
export async function run(rows: readonly Row[], options: RunOptions): Promise<readonly Result[]> {
  const folder = mkdtempSync(join(options.folder ?? tmpdir(), 'tower-prove-'));
  const results = new Map<Row, Result>();
  const queue = rows.toSorted((a, b) => (b.minutes ?? 0) - (a.minutes ?? 0));
  const stand = async (n: number): Promise<void> => {
    let rig = await Rig.open({ folder: join(folder, `stand-${n}`) });
    for (let row = queue.shift(); row !== undefined; row = queue.shift()) {
      const result = await runRow(row, rig);
      results.set(row, result);
      options.done(result);
      if (result.outcome !== 'failed') continue;
      // Whatever a failed row left behind must not fail the next.
      await rig.close().catch(() => {});
      rig = await Rig.open({ folder: join(folder, `stand-${n}-after-${row.id}`) });
    }
    await rig.close();
  };
  await Promise.all(Array.from({ length: Math.min(options.stands, rows.length) }, (_, n) => stand(n + 1)));
  return rows.flatMap((row) => results.get(row) ?? []);
}

async function runRow(row: Row, rig: Rig): Promise<Result> {
  const startedAt = performance.now();
  const seconds = (): number => Math.round((performance.now() - startedAt) / 100) / 10;
  try {
    await rig.begin();
    const figures = (await row.run(rig)) ?? {};
    const verdict = await rig.conclude();
    const [first] = verdict.violations;
    if (first === undefined) return resultOf(row, 'passed', { seconds: seconds(), figures, verdict });
    const reason = `${verdict.violations.length} violations, first: ${first} (${rig.site.home})`;
    return resultOf(row, 'failed', { seconds: seconds(), figures, verdict, reason });
  } catch (error) {
    if (error instanceof Unavailable) return resultOf(row, 'skipped', { seconds: seconds(), reason: error.message });
    const text = error instanceof Error ? error.message : String(error);
    return resultOf(row, 'failed', { seconds: seconds(), reason: `${text} (${rig.site.home})` });
  }
}

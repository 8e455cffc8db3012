/** Every row there is, in the order of the catalogue. Must never leave one out silently: rows that cannot run say so. */
import type { Row } from './row.ts';
import { brokerRows, duplicateUnseen, row } from './rows-broker.ts';
import { hostileRows } from './rows-broker-2.ts';
import { budgetRows } from './rows-budget.ts';
import { clockRows } from './rows-clock.ts';
import { diskRows } from './rows-disk.ts';
import { diskFaultRows } from './rows-disk-2.ts';
import { failpointRows } from './rows-failpoints.ts';
import { haltRows } from './rows-halt.ts';
import { intakeRows } from './rows-intake.ts';
import { ownFileRows } from './rows-intake-2.ts';
import { killRows } from './rows-kills.ts';
import { processRows } from './rows-process.ts';
import { secretRows } from './rows-secrets.ts';
import { startRows } from './rows-start.ts';
import { lostFill, streamRows } from './rows-stream.ts';

export interface RowOptions {
  /** Random kills of A02, in all. */
  readonly kills: number;
  /** Halts of I06.plain. */
  readonly halts: number;
  readonly seed: number;
}

export const allRows = (options: RowOptions): readonly Row[] => [
  ...failpointRows,
  ...killRows(options),
  ...processRows,
  ...budgetRows,
  ...diskRows(options.seed),
  ...diskFaultRows,
  ...startRows(options.seed),
  ...intakeRows,
  ...ownFileRows,
  ...clockRows,
  ...brokerRows,
  ...hostileRows,
  ...streamRows,
  ...haltRows(options),
  ...secretRows,
];

/** Points that stand for all of them: before and after each commit, in an answer, in the archive, in a recovery. */
const QUICK_POINTS = [
  'k04-claimed',
  'k05-d2-mid',
  'k06-d2-done',
  'k07b-response-written',
  'k07e-response-folder-synced',
  'k09-d4-mid',
  'k10-d4-done',
  'k11-bytes-out',
  'k15-d5-mid',
  'k21-d7-mid',
  'k24-archive-linked',
  'k27-in-recovery',
];
const QUICK = new Set([...QUICK_POINTS.map((point) => `A01.${point}`), 'A10', 'E03', 'E04', 'E06', 'F07']);

/** A part that takes half a minute on two cores. */
export const quickRows = (seed: number): readonly Row[] => [
  ...killRows({ kills: 8, seed, refusals: false }),
  ...allRows({ kills: 0, halts: 1, seed }).filter(({ id }) => QUICK.has(id)),
  row('E11', '422 duplicate, not to be seen for 3 s', (rig) => duplicateUnseen(rig, 3000)),
  row('F01', 'fills lost, heartbeats go on', (rig) => lostFill(rig, 2000)),
];

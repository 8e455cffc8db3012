/** Every row there is, in the order of the catalogue. Must never leave one out silently: rows that cannot run say so. */
import type { Row } from './row.ts';
import { brokerRows } from './rows-broker.ts';
import { hostileRows } from './rows-broker-2.ts';
import { failpointRows } from './rows-failpoints.ts';
import { killRows } from './rows-kills.ts';
import { processRows } from './rows-process.ts';
import { streamRows } from './rows-stream.ts';

export interface RowOptions {
  /** Random kills of A02, in all. */
  readonly kills: number;
  readonly seed: number;
}

export const allRows = (options: RowOptions): readonly Row[] => [
  ...failpointRows,
  ...killRows(options),
  ...processRows,
  ...brokerRows,
  ...hostileRows,
  ...streamRows,
];

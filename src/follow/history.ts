/**
 * Rows of the account's history as the books need them: each once, in an order in which every row finds what it refers
 * to, splits as one change. Pure. Must never leave a row out.
 */
import type { Activity } from '../broker/broker.ts';
import { type Decimal, decimal, exact, isPlainDecimal } from '../order/decimal.ts';
import { fromRfc3339 } from '../order/time.ts';

const NONE = '0' as Decimal;

/** Fills first, then by time; what others refer to before those. */
export const asBooked = (rows: readonly Activity[]): readonly Activity[] => summedSplits(inOrder(rows));

/** Kinds of one moment that others are told by: executions before their fees, contracts before their shares. */
const RANK: Readonly<Record<string, number>> = { FILL: 0, OPEXP: 2, OPEXC: 2, OPASN: 2, OPTRD: 3 };

/** Each row once, as the books need them: fills first, then by time. */
function inOrder(rows: readonly Activity[]): readonly Activity[] {
  const once = [...new Map(rows.map((row) => [row.id, row])).values()];
  const rank = ({ type }: Activity): number => RANK[type] ?? 1;
  return once
    .map((row) => ({ row, at: fromRfc3339(row.at) ?? 0 }))
    .sort((a, b) => Number(rank(a.row) > 0) - Number(rank(b.row) > 0) || a.at - b.at || rank(a.row) - rank(b.row))
    .map(({ row }) => row);
}

/** A split may be told as old units that go and new ones that come: one change of quantity. */
function summedSplits(rows: readonly Activity[]): readonly Activity[] {
  const sums = new Map<string, Decimal>();
  const keyOf = ({ symbol, date, at }: Activity): string => `${symbol}:${date ?? at}`;
  for (const row of rows) {
    if (row.type !== 'SPLIT' || row.qty === null || !isPlainDecimal(row.qty)) continue;
    sums.set(keyOf(row), decimal(exact(sums.get(keyOf(row)) ?? NONE).plus(row.qty)));
  }
  return rows.map((row) => {
    if (row.type !== 'SPLIT') return row;
    const qty = sums.get(keyOf(row)) ?? NONE;
    sums.set(keyOf(row), NONE);
    return { ...row, qty };
  });
}

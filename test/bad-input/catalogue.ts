/**
 * The catalogue of bad input, read from catalogue.jsonl: one line is one thing that an agent can do wrong, with the answer it
 * must get, word by word. The tests hold the tower to it, docs/errors.md shows it, the fuzzer starts from it.
 *
 * A line says what is sent in one of these ways, and `row` is its number in the catalogue (106 numbers, null beyond them):
 *   `change`  a good file of `type` with members replaced (`payload.qty`), added, or left out (null); values are JSON text
 *   `text`    the whole file; a part `["x", 300]` stands for 300 times x. `hex` is the same in bytes.
 *   `name`    the file name
 *   `act`     something done in a real folder to a whole tower: tower.test.ts has it under that name
 *   `not_here`  why a number of the catalogue has no line of its own
 * `message` and `hint` are the answer's words; … stands for what changes from run to run.
 */
import { readFileSync } from 'node:fs';
import { micros } from '../../src/lib/clock.ts';
import type { OrderType } from '../../src/order/name.ts';

export const STAMP = '20260213143022123456';
/** One second after the stamp. */
export const RECEIVED = micros(Date.UTC(2026, 1, 13, 14, 30, 23) * 1000);

type Text = string | readonly (string | readonly [piece: string, times: number])[];
export type Change = Readonly<Record<string, Text | null>>;

interface Answered {
  readonly row: number | null;
  readonly title: string;
  readonly code: string;
  readonly field: string | null;
  readonly message: string;
  readonly hint: string | null;
}
export interface FileRow extends Answered {
  readonly type: OrderType;
  readonly change?: Change;
  readonly text?: Text;
  readonly hex?: string;
  /** The file is good, though it may look otherwise. */
  readonly accepted?: true;
}
export interface NameRow extends Answered {
  readonly name: string;
}
export interface ActRow extends Answered {
  readonly act: string;
}
interface Elsewhere {
  readonly row: number;
  readonly not_here: string;
}
export type Row = FileRow | NameRow | ActRow;

/** How many numbers the catalogue has. */
export const LAST_ROW = 106;

const lines = readFileSync(new URL('./catalogue.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line): Row | Elsewhere => JSON.parse(line));

export const CATALOGUE: readonly Row[] = lines.flatMap((line) => ('not_here' in line ? [] : line));
export const ELSEWHERE: readonly Elsewhere[] = lines.flatMap((line) => ('not_here' in line ? line : []));
export const FILE_ROWS: readonly FileRow[] = CATALOGUE.flatMap((row) => ('type' in row ? row : []));
export const NAME_ROWS: readonly NameRow[] = CATALOGUE.flatMap((row) => ('name' in row ? row : []));
export const ACT_ROWS: readonly ActRow[] = CATALOGUE.flatMap((row) => ('act' in row ? row : []));

const written = (text: Text): string =>
  typeof text === 'string'
    ? text
    : text.map((part) => (typeof part === 'string' ? part : part[0].repeat(part[1]))).join('');

/** What lies in the file of a row. */
export function bytesOf({ type, change, text, hex }: Pick<FileRow, 'type' | 'change' | 'text' | 'hex'>): Uint8Array {
  if (hex !== undefined) return Buffer.from(hex, 'hex');
  return Buffer.from(text === undefined ? changed(type, change ?? {}) : written(text));
}

/** A good file of this type but for the change. */
function changed(type: OrderType, change: Change): string {
  const envelope: Record<string, Text | null> = {};
  const payload: Record<string, Text | null> = { ...GOOD[type] };
  for (const [path, value] of Object.entries(change)) {
    if (path.startsWith('payload.')) payload[path.slice('payload.'.length)] = value;
    else envelope[path] = value;
  }
  return json({
    agent_id: '"agent"',
    client_order_id: `"agent_${STAMP}_${type}"`,
    order_type: `"${type}"`,
    mode: '"paper"',
    payload: json(payload),
    ...envelope,
  });
}

const json = (members: Readonly<Record<string, Text | null>>): string =>
  `{${Object.entries(members)
    .flatMap(([key, value]) => (value === null ? [] : `${JSON.stringify(key)}:${written(value)}`))
    .join(',')}}`;

const CALL = '"AAPL270115C00270000"';
const LEGS = [
  `{"symbol":${CALL},"side":"buy","ratio_qty":1}`,
  '{"symbol":"AAPL270115C00280000","side":"sell","ratio_qty":1}',
];
const STOCK = { symbol: '"AAPL"', qty: '10', order_class: '"market"', time_in_force: '"day"' };
const COIN = { symbol: '"BTC/USD"', qty: '"0.01"', order_class: '"market"', time_in_force: '"gtc"' };

/** Payloads that are right, as JSON text by field. */
export const GOOD: Readonly<Record<OrderType, Readonly<Record<string, string>>>> = {
  stockbuy: STOCK,
  stocksell: STOCK,
  cryptobuy: COIN,
  cryptosell: COIN,
  optionsingle: { symbol: CALL, qty: '1', side: '"buy"', order_class: '"market"', time_in_force: '"day"' },
  optionmulti: {
    order_class: '"mleg"',
    type: '"limit"',
    limit_price: '"-1.25"',
    time_in_force: '"day"',
    legs: `[${LEGS.join(',')}]`,
  },
  marketdata: { symbols: '["AAPL"]', data_type: '"quote"' },
  orderstatus: { client_order_id: '"x"' },
  openorders: {},
  allorders: {},
  positions: {},
  accountinfo: {},
  cancelorder: { client_order_id: '"x"' },
};

/** Whether `found` is `expected`, where … stands for any text. */
export function reads(found: string | null, expected: string | null): boolean {
  if (found === null || expected === null) return found === expected;
  const pattern = expected.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${pattern.join('.*')}$`, 's').test(found);
}

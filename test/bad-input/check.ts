/**
 * How cases of bad input are written and checked: a file that is right but for one thing, and the one code that it must get.
 * Holds no case itself.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { micros } from '../../src/lib/clock.ts';
import { ERRORS, type ErrorCode, type Problem } from '../../src/order/errors.ts';
import { type OrderType, orderName } from '../../src/order/name.ts';
import { parse } from '../../src/order/parse.ts';

export const STAMP = '20260213143022123456';
/** One second after the stamp. */
export const RECEIVED = micros(Date.UTC(2026, 1, 13, 14, 30, 23) * 1000);

export type Input = { readonly type: OrderType; readonly bytes: Uint8Array };
interface Expected {
  readonly code: ErrorCode;
  readonly field?: string;
  /** Part of the message or the hint. */
  readonly says?: RegExp;
}

/** The file is refused with this code as headline or, for payload rules, among its problems. */
function check({ type, bytes }: Input, { code, field, says }: Expected): void {
  const name = orderName('paper', 'agent', type, STAMP);
  assert.ok(name);
  const result = parse({ fileName: name, bytes, receivedAt: RECEIVED });
  assert.ok(!result.ok, 'accepted');
  const { error } = result;
  assert.equal(error.type, 'validation_error');
  assert.ok(ERRORS.has(error.code as ErrorCode), `${error.code} is not in the table`);
  assert.equal(error.details.safe_to_resubmit, true);
  assert.match(error.details.got ?? '', /^[\x20-\x7e]{0,64}$/);
  const problems = (error.details['problems'] ?? [
    { code: error.code, message: error.message, ...error.details },
  ]) as readonly Problem[];
  const told = problems.map((each) => `${each.code} ${each.field}: ${each.message} (${each.hint})`).join('\n');
  const found = problems.find((each) => each.code === code && (field === undefined || each.field === field));
  assert.ok(found, `expected ${code} ${field ?? ''}, got\n${told}`);
  if (says) assert.match(`${found.message} ${found.hint}`, says);
}

export const text = (content: string, type: OrderType = 'stockbuy'): Input => ({ type, bytes: Buffer.from(content) });
export const bytes = (...content: (number[] | string)[]): Input => ({
  type: 'stockbuy',
  bytes: Buffer.concat(content.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part)))),
});

/** A file whose envelope is right; `change` replaces or adds envelope members, given as JSON text; null leaves one out. */
export function envelope(change: Readonly<Record<string, string | null>>, type: OrderType = 'stockbuy'): Input {
  const members: Record<string, string | null> = {
    agent_id: '"agent"',
    client_order_id: `"agent_${STAMP}_${type}"`,
    order_type: `"${type}"`,
    mode: '"paper"',
    payload: json(GOOD[type] ?? {}),
    ...change,
  };
  return text(json(members), type);
}

const json = (members: Readonly<Record<string, string | null>>): string =>
  `{${Object.entries(members)
    .filter(([, value]) => value !== null)
    .map(([key, value]) => `${JSON.stringify(key)}:${value}`)
    .join(',')}}`;

export const AAPL = '"AAPL270115C00270000"';
export const leg = (symbol: string, side: string, ratio = '1', more = ''): string =>
  `{"symbol":${symbol},"side":"${side}","ratio_qty":${ratio}${more}}`;
export const CALL_280 = '"AAPL270115C00280000"';

/** Payloads that are right, as JSON text by field. */
export const GOOD: Readonly<Partial<Record<OrderType, Readonly<Record<string, string>>>>> = {
  stockbuy: { symbol: '"AAPL"', qty: '10', order_class: '"market"', time_in_force: '"day"' },
  stocksell: { symbol: '"AAPL"', qty: '10', order_class: '"market"', time_in_force: '"day"' },
  cryptobuy: { symbol: '"BTC/USD"', qty: '"0.01"', order_class: '"market"', time_in_force: '"gtc"' },
  optionsingle: { symbol: AAPL, qty: '1', side: '"buy"', order_class: '"market"', time_in_force: '"day"' },
  optionmulti: {
    order_class: '"mleg"',
    type: '"limit"',
    limit_price: '"-1.25"',
    time_in_force: '"day"',
    legs: `[${leg(AAPL, 'buy')},${leg(CALL_280, 'sell')}]`,
  },
  marketdata: { symbols: '["AAPL"]', data_type: '"quote"' },
  orderstatus: { client_order_id: '"x"' },
  openorders: {},
  allorders: {},
  positions: {},
  accountinfo: {},
  cancelorder: { client_order_id: '"x"' },
};

export const payload =
  (type: OrderType) =>
  (change: Readonly<Record<string, string | null>>): Input =>
    envelope({ payload: json({ ...GOOD[type], ...change }) }, type);
export const stock = payload('stockbuy');
export const sell = payload('stocksell');
export const crypto = payload('cryptobuy');
export const option = payload('optionsingle');
export const multi = payload('optionmulti');

export const LIMIT = { order_class: '"limit"', limit_price: '"150"' };
export const exits = (target: string, stop: string): Record<string, string> => ({
  take_profit: `{"limit_price":"${target}"}`,
  stop_loss: `{"stop_price":"${stop}"}`,
});

/** `field` and `says` are optional; what is not given is not looked at. */
export type Case = readonly [title: string, input: Input, code: ErrorCode, field?: string | undefined, says?: RegExp];
export function cases(title: string, list: readonly Case[]): void {
  describe(title, () => {
    for (const [name, input, code, field, says] of list) {
      test(name, () => check(input, { code, ...(field && { field }), ...(says && { says }) }));
    }
  });
}

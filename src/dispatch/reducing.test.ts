/** Which orders are taken for reductions, by what is held and by what the order itself says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { micros } from '../lib/clock.ts';
import { canonical } from '../order/decimal.ts';
import { orderName } from '../order/name.ts';
import { parse } from '../order/parse.ts';
import { isTrade } from '../order/request.ts';
import { type Held, laneOf } from './reducing.ts';

const AT = micros(Date.UTC(2026, 1, 13, 14, 30, 23) * 1000);
const CALL = 'AAPL260619C00250000';
const PUT = 'AAPL260619P00250000';

function lane(type: string, payload: object, holding: Readonly<Record<string, string>> | null): string {
  const name = orderName('paper', 'alpha', type as never, '20260213143022123456');
  assert.ok(name !== null);
  const { clientOrderId } = name;
  const file = { agent_id: 'alpha', client_order_id: clientOrderId, order_type: type, mode: 'paper', payload };
  const parsed = parse({ fileName: name, bytes: Buffer.from(JSON.stringify(file)), receivedAt: AT });
  assert.ok(parsed.ok && isTrade(parsed.request), JSON.stringify(parsed));
  const held: Held | null = holding === null ? null : (symbol) => canonical(holding[symbol] ?? '0');
  return laneOf(parsed.request, held);
}

const STOCK = { symbol: 'AAPL', order_class: 'market', time_in_force: 'day' };
const COIN = { symbol: 'BTC/USD', order_class: 'market', time_in_force: 'gtc' };
const OPTION = { symbol: CALL, qty: '2', order_class: 'limit', limit_price: '1', time_in_force: 'day' };

for (const [what, type, payload, holding, expected] of [
  ['a sale of what is held', 'stocksell', { ...STOCK, qty: '10' }, { AAPL: '10' }, 'reduce'],
  ['a sale of more than is held', 'stocksell', { ...STOCK, qty: '10.5' }, { AAPL: '10' }, 'order'],
  ['a short sale', 'stocksell', { ...STOCK, qty: '1' }, {}, 'order'],
  ['more of a short sale', 'stocksell', { ...STOCK, qty: '1' }, { AAPL: '-5' }, 'order'],
  ['a purchase that covers', 'stockbuy', { ...STOCK, qty: '5' }, { AAPL: '-5' }, 'reduce'],
  ['a purchase', 'stockbuy', { ...STOCK, qty: '5' }, { AAPL: '5' }, 'order'],
  ['a sale for an amount', 'stocksell', { ...STOCK, notional: '100' }, { AAPL: '5' }, 'reduce'],
  ['a sale of coins', 'cryptosell', { ...COIN, qty: '0.5' }, { BTCUSD: '0.5' }, 'reduce'],
  ['a sale while nothing is known', 'stocksell', { ...STOCK, qty: '1' }, null, 'reduce'],
  ['a purchase while nothing is known', 'stockbuy', { ...STOCK, qty: '1' }, null, 'order'],
  ['a closing option', 'optionsingle', { ...OPTION, side: 'buy', position_intent: 'buy_to_close' }, {}, 'reduce'],
  [
    'an opening option',
    'optionsingle',
    { ...OPTION, side: 'sell', position_intent: 'sell_to_open' },
    { [CALL]: '9' },
    'order',
  ],
  ['an option sold from what is held', 'optionsingle', { ...OPTION, side: 'sell' }, { [CALL]: '2' }, 'reduce'],
  ['an option written', 'optionsingle', { ...OPTION, side: 'sell' }, { [CALL]: '1' }, 'order'],
] as const) {
  test(`${what}: ${expected}`, () => assert.equal(lane(type, payload, holding), expected));
}

test('a combination reduces when every leg does', () => {
  const combination = (intents: readonly (string | undefined)[]) => ({
    qty: '1',
    order_class: 'mleg',
    type: 'limit',
    limit_price: '1.00',
    time_in_force: 'day',
    legs: [
      { symbol: CALL, side: 'sell', ratio_qty: '1', ...(intents[0] ? { position_intent: intents[0] } : {}) },
      { symbol: PUT, side: 'buy', ratio_qty: '1', ...(intents[1] ? { position_intent: intents[1] } : {}) },
    ],
  });
  const held = { [CALL]: '1', [PUT]: '-1' };
  assert.equal(lane('optionmulti', combination(['sell_to_close', 'buy_to_close']), {}), 'reduce');
  assert.equal(lane('optionmulti', combination(['sell_to_close', 'buy_to_open']), held), 'order');
});

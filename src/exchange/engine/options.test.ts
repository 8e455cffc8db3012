/** Options as a trader meets them: levels, cover, spreads, exercise and expiry. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AAPL, ACCOUNT, CALL_100, CALL_105, CALL_LATER, Desk, MSFT_CALL, PUT_95, PUT_100 } from './testing/harness.ts';
import type { Body, Contract } from './types.ts';

const buy = (contract: Contract, more: Body = {}): Body => ({ symbol: contract.symbol, qty: '1', ...more });
const sell = (contract: Contract, more: Body = {}): Body => ({ ...buy(contract), side: 'sell', ...more });
const leg = (contract: Contract, intent: string, ratio = '1'): Body => ({
  symbol: contract.symbol,
  ratio_qty: ratio,
  side: intent.split('_')[0],
  position_intent: intent,
});
const mleg = (legs: readonly Body[], more: Body = {}): Body => ({
  symbol: undefined,
  side: undefined,
  order_class: 'mleg',
  qty: '1',
  legs,
  ...more,
});

test('a long call costs its premium, a hundred times', () => {
  const desk = new Desk();
  const order = desk.place(buy(CALL_100));
  assert.deepEqual(
    [order.order_class, order.asset_class, order.position_intent],
    ['simple', 'us_option', 'buy_to_open'],
  );
  assert.deepEqual(desk.state(order), ['filled', '1', '2.1']);
  assert.equal(desk.account('cash'), '99790');
  const position = desk.engine.position(ACCOUNT, CALL_100.symbol, desk.now);
  assert.ok(position.ok);
  assert.deepEqual(
    [position.value.market_value, position.value.cost_basis, position.value.exchange],
    ['205', '210', ''],
  );
  desk.place(sell(CALL_100));
  assert.equal(desk.account('cash'), '99990');
});

test('the form of an option order is judged in the words of the trading API', () => {
  const desk = new Desk();
  const cases: [Body, string][] = [
    [{ qty: '1.5' }, 'qty must be integer for options trading'],
    [{ qty: undefined, notional: '100' }, 'notional orders are not supported for options trading'],
    [{ extended_hours: true, type: 'limit', limit_price: '1' }, 'extended hours is not supported for options trading'],
    [{ time_in_force: 'ioc' }, 'order_time_in_force provided not supported for options trading'],
    [{ type: 'trailing_stop', trail_price: '1' }, 'invalid order type for options trading'],
    [{ position_intent: 'buy_to_close' }, 'position intent mismatch, inferred: buy_to_open, specified: buy_to_close'],
    [{ symbol: 'AAPL260116X1' }, 'invalid symbol'],
    [{ symbol: 'AAPL990101C00100000' }, 'contract "AAPL990101C00100000" not found'],
  ];
  for (const [body, message] of cases) {
    const error = desk.refusal({ ...buy(CALL_100), ...body });
    assert.deepEqual([error.status, error.code, error.message], [422, 42210000, message]);
  }
  desk.place(buy(CALL_100, { type: 'limit', limit_price: '1', time_in_force: 'gtc' }));
  desk.at('2026-01-07 17:00');
  assert.equal(desk.refusal(buy(CALL_100)).message, 'options market orders are only allowed during market hours');
  assert.equal(desk.place(buy(CALL_100, { type: 'limit', limit_price: '1' })).status, 'accepted');
});

test('levels: nothing at 0, cover at 1, long at 2, spreads at 3', () => {
  const at = (level: 0 | 1 | 2): Desk => new Desk({ optionsLevel: level });
  assert.equal(at(0).refusal(buy(CALL_100)).message, 'account not authorized to trade options');
  assert.equal(at(1).refusal(buy(CALL_100)).message, 'account not eligible to trade long option contracts');
  at(1).place(sell(PUT_95));
  at(2).place(buy(CALL_100));
  const spread = mleg([leg(CALL_100, 'buy_to_open'), leg(CALL_105, 'sell_to_open')]);
  assert.equal(at(2).refusal(spread).message, 'account not eligible to trade spreads or uncovered contracts');
});

test('a short call needs a hundred shares, which it holds', () => {
  const desk = new Desk();
  assert.equal(desk.refusal(sell(CALL_105)).message, 'account not eligible to trade uncovered option contracts');
  desk.place({ qty: '150' });
  const short = desk.refusal(sell(CALL_105, { qty: '2' }));
  assert.equal(short.message, 'insufficient underlying qty available for covered call (required: 200, available: 150)');
  assert.deepEqual(short.extra, {
    available_qty: '150',
    required_qty: '200',
    symbol: 'AAPL',
    underlying_asset_id: AAPL.id,
  });
  const resting = desk.place(sell(CALL_105, { type: 'limit', limit_price: '3' }));
  assert.deepEqual(desk.position('AAPL'), ['150', '50']);
  desk.cancel(resting);
  desk.place(sell(CALL_105));
  assert.deepEqual(desk.position('AAPL'), ['150', '50']);
  desk.place(buy(CALL_105));
  assert.deepEqual(desk.position('AAPL'), ['150', '150']);
});

test('a short put needs its strike in cash', () => {
  const desk = new Desk({ cash: '9600', multiplier: 1 });
  const over = desk.refusal(sell(PUT_95, { qty: '2' }));
  assert.equal(
    over.message,
    'insufficient options buying power for cash-secured put (required: 19000, available: 9600)',
  );
  desk.place(sell(PUT_95));
  // 9,600 and the premium of 40, less 9,500 set aside.
  assert.equal(desk.account('options_buying_power'), '140');
  const premium = desk.refusal(buy(CALL_100));
  assert.equal(premium.message, 'insufficient options buying power (required: 210, available: 140)');
  assert.deepEqual(premium.extra, { options_buying_power: '140', cost_basis: '210' });
});

test('a debit spread fills as a unit, at the net of its legs', () => {
  const desk = new Desk();
  const order = desk.place(
    mleg([leg(CALL_100, 'buy_to_open'), leg(CALL_105, 'sell_to_open')], {
      type: 'limit',
      limit_price: '1.7',
      qty: '2',
    }),
  );
  assert.deepEqual([order.symbol, order.side, order.asset_id, order.legs?.length], ['', '', '', 2]);
  assert.equal(order.legs?.[1]?.type, '');
  assert.deepEqual(desk.state(order), ['filled', '2', '1.6']);
  assert.deepEqual(
    desk.order(order).legs?.map((each) => [each.status, each.filled_qty, each.filled_avg_price, each.position_intent]),
    [
      ['filled', '2', '2.1', 'buy_to_open'],
      ['filled', '2', '0.5', 'sell_to_open'],
    ],
  );
  assert.equal(desk.account('cash'), '99680');
  const event = desk.events.at(-1);
  assert.deepEqual([event?.event, event?.price, event?.qty, event?.legs?.length], ['fill', '1.6', '2', 2]);
  assert.deepEqual(event?.position_qtys, { [CALL_100.symbol]: '2', [CALL_105.symbol]: '-2' });
});

test('legs with a side alone open, or close what is there', () => {
  const desk = new Desk();
  const bySide = (contract: Contract, side: string): Body => ({ symbol: contract.symbol, ratio_qty: '1', side });
  const intents = (order: ReturnType<Desk['place']>) => order.legs?.map((each) => each.position_intent);
  assert.deepEqual(intents(desk.place(mleg([bySide(CALL_100, 'buy'), bySide(CALL_105, 'sell')]))), [
    'buy_to_open',
    'sell_to_open',
  ]);
  assert.deepEqual(intents(desk.place(mleg([bySide(CALL_100, 'sell'), bySide(CALL_105, 'buy')]))), [
    'sell_to_close',
    'buy_to_close',
  ]);
});

test('a credit spread takes its width less the credit, and rests while the market pays less', () => {
  const desk = new Desk();
  const legs = [leg(PUT_100, 'sell_to_open'), leg(PUT_95, 'buy_to_open')];
  const order = desk.place(mleg(legs, { type: 'limit', limit_price: '-2' }));
  assert.equal(desk.state(order)[0], 'new');
  assert.equal(desk.account('options_buying_power'), '99700');
  desk.price(PUT_100.symbol, '2.5', '2.6');
  assert.deepEqual(desk.state(order), ['filled', '1', '-2']);
  // A positive limit is a willingness to pay: it fills at once, at the market.
  const eager = desk.place(mleg(legs, { type: 'limit', limit_price: '5' }));
  assert.deepEqual(desk.state(eager), ['filled', '1', '-2']);
});

test('a resting spread can be replaced and cancelled as a whole', () => {
  const desk = new Desk();
  const legs = [leg(PUT_100, 'sell_to_open'), leg(PUT_95, 'buy_to_open')];
  const order = desk.place(mleg(legs, { type: 'limit', limit_price: '-2' }));
  const next = desk.replace(order, { limit_price: '-1.8', qty: '2' });
  assert.ok(next.ok);
  assert.deepEqual([desk.state(order)[0], next.value.legs?.map((each) => each.qty)], ['replaced', ['2', '2']]);
  assert.equal(desk.account('options_buying_power'), '99360');
  assert.ok(desk.cancel(next.value).ok);
  assert.deepEqual(
    desk.order(next.value).legs?.map((each) => each.status),
    ['canceled', 'canceled'],
  );
  assert.equal(desk.account('options_buying_power'), '100000');
});

test('multi-leg orders: two to four unique legs, ratios without a common factor, covered, one underlying', () => {
  const desk = new Desk();
  const cases: [Body, string][] = [
    [mleg([leg(CALL_100, 'buy_to_open')]), 'mleg orders must have at least 2 legs and at most 4 legs'],
    [
      mleg([leg(CALL_100, 'buy_to_open', '2'), leg(CALL_105, 'sell_to_open', '2')]),
      'the greatest common divisor of the leg ratios must be 1',
    ],
    [mleg([leg(CALL_100, 'buy_to_open'), leg(CALL_100, 'sell_to_open')]), 'mleg order legs must be unique'],
    [
      mleg([leg(CALL_100, 'sell_to_open'), leg(CALL_105, 'sell_to_open')]),
      'account not eligible to trade uncovered option contracts',
    ],
    [
      mleg([leg(CALL_100, 'buy_to_open'), leg(CALL_LATER, 'sell_to_open')]),
      'account not eligible to trade uncovered option contracts',
    ],
    [mleg([leg(CALL_100, 'buy_to_open'), leg(MSFT_CALL, 'sell_to_open')]), 'underlying asset mismatch: AAPL != MSFT'],
    [
      mleg([leg(CALL_100, 'sell_to_close'), leg(CALL_105, 'buy_to_open')]),
      'position intent mismatch, inferred: sell_to_open, specified: sell_to_close',
    ],
    [
      mleg([leg(CALL_100, 'buy_to_open'), { symbol: CALL_105.symbol, ratio_qty: '1' }]),
      'leg.1 position intent is required',
    ],
    [
      mleg([leg(CALL_100, 'buy_to_open'), leg(CALL_105, 'sell_to_open')], { type: 'stop', stop_price: '1' }),
      'invalid options order_type',
    ],
    [
      mleg([leg(CALL_100, 'buy_to_open'), { ...leg(CALL_100, 'buy_to_open'), symbol: 'AAPL' }]),
      'equity legs are allowed only with a corresponding amount of call contracts',
    ],
    [{ ...mleg([]), symbol: 'AAPL' }, 'symbol is not allowed for mleg order'],
  ];
  for (const [body, message] of cases) assert.equal(desk.refusal(body).message, message);
  // A calendar: the long leg outlives the short one.
  desk.place(mleg([leg(CALL_LATER, 'buy_to_open'), leg(CALL_105, 'sell_to_open')]));
});

test('the long leg of a spread cannot be sold from under the short one', () => {
  const desk = new Desk();
  desk.place(mleg([leg(CALL_100, 'buy_to_open'), leg(CALL_105, 'sell_to_open')]));
  assert.equal(desk.refusal(sell(CALL_100)).message, 'account not eligible to trade uncovered option contracts');
  desk.place(mleg([leg(CALL_100, 'sell_to_close'), leg(CALL_105, 'buy_to_close')]));
  assert.deepEqual(
    [desk.position(CALL_100.symbol), desk.position(CALL_105.symbol)],
    [
      ['0', '0'],
      ['0', '0'],
    ],
  );
});

test('closing everything buys written options back before it sells what covers them', () => {
  const desk = new Desk();
  desk.place({ symbol: AAPL.symbol, qty: '100' });
  desk.place(sell(CALL_LATER));
  desk.place(mleg([leg(CALL_100, 'buy_to_open'), leg(CALL_105, 'sell_to_open')], { type: 'market' }));
  const closed = desk.engine.closeAll(ACCOUNT, false, desk.now);
  assert.deepEqual(
    closed.map(({ symbol, status }) => [symbol, status]),
    [CALL_LATER, CALL_105, AAPL, CALL_100].map(({ symbol }) => [symbol, 200]),
  );
  assert.deepEqual(desk.engine.positions(ACCOUNT, desk.now), []);
});

test('exercise turns a call into shares at the strike, not between the close and midnight', () => {
  const desk = new Desk();
  desk.place(buy(CALL_100));
  const after = new Desk({}, '2026-01-07 15:00');
  after.place(buy(CALL_100));
  after.at('2026-01-07 17:00');
  assert.ok(!after.engine.exercise(ACCOUNT, CALL_100.symbol, after.now).ok);
  assert.ok(desk.engine.exercise(ACCOUNT, CALL_100.id, desk.now).ok);
  assert.deepEqual(
    [desk.position('AAPL'), desk.position(CALL_100.symbol)],
    [
      ['100', '100'],
      ['0', '0'],
    ],
  );
  assert.equal(desk.account('cash'), '89790');
  const rows = desk.engine.activities(ACCOUNT, { category: 'non_trade_activity' });
  assert.ok(rows.ok);
  assert.deepEqual(
    rows.value.map((row) => [row.activity_type, row['net_amount']]),
    [
      ['OPTRD', '-10000'],
      ['OPEXC', '0'],
    ],
  );
});

test('at expiry: in the money is exercised or assigned, out of it is worthless', () => {
  const desk = new Desk();
  desk.place(mleg([leg(CALL_100, 'buy_to_open'), leg(CALL_105, 'sell_to_open')]));
  desk.place(buy(PUT_95));
  desk.price('AAPL', '103', '103.02');
  desk.at('2026-01-16 15:45');
  assert.equal(
    desk.refusal(buy(CALL_100, { type: 'limit', limit_price: '1' })).message,
    `contract "${CALL_100.symbol}" expires soon, unable to open new positions`,
  );
  desk.at('2026-01-16 16:00');
  for (const contract of [CALL_100, CALL_105, PUT_95]) assert.deepEqual(desk.position(contract.symbol), ['0', '0']);
  assert.deepEqual(desk.position('AAPL'), ['100', '100']);
  const rows = desk.engine.activities(ACCOUNT, { activity_types: 'OPEXP,OPEXC,OPASN' });
  assert.ok(rows.ok);
  assert.deepEqual(rows.value.map((row) => row.activity_type).sort(), ['OPEXC', 'OPEXP', 'OPEXP']);
  assert.equal(
    desk.refusal(buy(CALL_100, { type: 'limit', limit_price: '1' })).message,
    `contract "${CALL_100.symbol}" is expired`,
  );
});

test('at expiry: an assigned call delivers its shares, and do-not-exercise is obeyed', () => {
  const desk = new Desk();
  desk.place({ qty: '100' });
  desk.place(sell(CALL_105));
  desk.place(buy(CALL_100, { type: 'limit', limit_price: '3' }));
  assert.ok(desk.engine.doNotExercise(ACCOUNT, CALL_100.symbol, desk.now).ok);
  desk.price('AAPL', '110', '110.02');
  desk.at('2026-01-16 16:00');
  assert.deepEqual(
    [desk.position('AAPL'), desk.position(CALL_100.symbol)],
    [
      ['0', '0'],
      ['0', '0'],
    ],
  );
});

test('what is in the money and cannot be paid for is sold half an hour before the close', () => {
  const desk = new Desk({ cash: '500' });
  desk.place(buy(CALL_100));
  desk.price('AAPL', '110', '110.02');
  desk.market.show(CALL_100.symbol, '10', '10.1');
  desk.at('2026-01-16 15:31');
  assert.deepEqual(desk.position(CALL_100.symbol), ['0', '0']);
  assert.equal(desk.account('cash'), '1290');
});

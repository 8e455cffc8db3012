/**
 * Alpaca's refusals, row by row: status, code and words of each one that the exchange can be brought to answer, and the
 * ones that it never answers, with the reason. Words are compared after numbers and ids have been filled in.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FaultSettings } from '../../src/exchange/faults.ts';

import { configure, forbidden, malformed, ok, own, type Row, refused, without } from './refusals.ts';
import { OPTION_ROWS } from './refusals-options.ts';
import { type Json, KEY, openWorld, type Reply, type World } from './world.ts';

const LIMIT = { symbol: 'AAPL', qty: '1', side: 'buy', type: 'limit', limit_price: '150', time_in_force: 'day' };
const post =
  (changes: Json, ...dropped: readonly string[]) =>
  (world: World): Reply =>
    world.order(without({ ...LIMIT, ...changes }, ...dropped));
const NOBODY = {};

const SELL_SHORT = { symbol: 'AAPL', qty: '1', side: 'sell', type: 'limit', limit_price: '250', time_in_force: 'day' };
const BRACKET = { type: 'market', order_class: 'bracket', time_in_force: 'gtc' };
const UNKNOWN_ID = '11111111-2222-4333-8444-555555555555';

const missing = (message: string | RegExp, provoke: Row['provoke'], rest: Partial<Row> = {}): Row => ({
  ...malformed(message, provoke, rest),
  status: 404,
  code: 40410000,
});
const injected = (world: World, fault: NonNullable<FaultSettings['requests']>[number]['fault']): Reply => {
  world.exchange.setFaults({ requests: [{ fault }] });
  const { answer } = world.exchange.receive({ method: 'GET', url: '/v2/account', headers: KEY, body: '' }).act();
  assert.ok(answer);
  return { status: answer.status, headers: answer.headers, body: JSON.parse(answer.body), list: [] };
};
const ROWS: readonly Row[] = [
  {
    status: 401,
    code: null,
    message: 'unauthorized.',
    provoke: (world) => {
      ok(world.call('GET', '/v2/account'));
      return world.call('GET', '/v2/account', undefined, { ...KEY, 'apca-api-secret-key': 'wrong' });
    },
  },
  {
    status: 401,
    code: null,
    message: 'unauthorized.',
    provoke: (world) => world.call('GET', '/v2/account', undefined, { 'apca-api-key-id': 'KEY' }),
  },
  ...['/v2/clock', '/v2/calendar', '/v3/clock', '/v2/stocks/quotes/latest?symbols=AAPL'].map(
    (path): Row => ({
      status: 401,
      code: null,
      message: /401 Authorization Required/,
      provoke: (world) => world.call('GET', path, undefined, NOBODY),
    }),
  ),
  malformed('qty or notional is required', post({}, 'qty')),
  malformed('only one of qty or notional is accepted', post({ notional: '10' })),
  malformed('qty must be > 0', post({ qty: '0' })),
  malformed('limit price must be > 0', post({ limit_price: '0' })),
  malformed('invalid order type', post({ type: 'whim' })),
  malformed('invalid side', post({ side: 'hold' })),
  malformed('invalid time_in_force', post({ time_in_force: 'soon' })),
  malformed('limit orders require a limit price', post({}, 'limit_price')),
  malformed('stop orders require a stop price', post({ type: 'stop' }, 'limit_price')),
  malformed('stop limit orders require both stop and limit price', post({ type: 'stop_limit' })),
  malformed('market orders require no stop or limit price', post({ type: 'market' })),
  malformed(
    'trailing stop orders must specify one of trail_price or trail_percent',
    post({ type: 'trailing_stop' }, 'limit_price'),
  ),
  malformed(
    'trail_percent must be greater than or equal to 0.1',
    post({ type: 'trailing_stop', trail_percent: '0.05' }, 'limit_price'),
  ),
  malformed('client_order_id must be no more than 128 characters', post({ client_order_id: 'x'.repeat(129) })),
  malformed('client_order_id must be unique', (world) => {
    const { body } = ok(post({ client_order_id: 'once' })(world));
    ok(world.call('DELETE', `/v2/orders/${body['id']}`));
    return post({ client_order_id: 'once' })(world);
  }),
  malformed('notional must be >= 1.00', post({ type: 'market', notional: '0.5' }, 'qty', 'limit_price')),
  malformed('order_id is missing', (world) => world.call('GET', '/v2/orders/not-a-uuid')),
  malformed(/^asset \S+ is not active$/, (world) => {
    const inactive = world.call('GET', '/v2/assets?status=inactive').list[0]?.['symbol'];
    return world.order({ ...LIMIT, symbol: inactive });
  }),
  malformed('watchlist name must be unique', (world) => {
    ok(world.call('POST', '/v2/watchlists', { name: 'tech', symbols: ['AAPL'] }));
    return world.call('POST', '/v2/watchlists', { name: 'tech' });
  }),
  malformed(
    'bracket orders require take_profit.limit_price',
    post({ ...BRACKET, stop_loss: { stop_price: '150' } }, 'limit_price'),
    { status: 400 },
  ),
  forbidden('insufficient buying power', post({ qty: '100000' }), { extra: ['buying_power', 'cost_basis'] }),
  forbidden(
    'insufficient qty available for order (requested: 10, available: 5)',
    (world) => {
      own(world, 'AAPL', '5');
      return post({ ...SELL_SHORT, qty: '10' })(world);
    },
    { extra: ['available', 'existing_qty', 'held_for_orders', 'symbol', 'related_orders'] },
  ),
  forbidden(
    /^insufficient balance for BTC \(requested: 1, available: 0\)$/,
    post({ symbol: 'BTC/USD', side: 'sell', limit_price: '100000', time_in_force: 'gtc' }),
    { extra: ['available', 'balance', 'symbol'] },
  ),
  forbidden(
    /^insufficient balance for USD \(requested: 150000, available: /,
    post({ symbol: 'BTC/USD', qty: '1.5', limit_price: '100000', time_in_force: 'gtc' }),
  ),
  forbidden('cost basis must be >= minimal amount of order 1', post({ qty: '0.001' })),
  forbidden(
    'cost basis must be >= minimal amount of order 10',
    post({ symbol: 'BTC/USD', qty: '0.00001', limit_price: '100000', time_in_force: 'gtc' }),
  ),
  forbidden(
    'potential wash trade detected. use complex orders',
    (world) => {
      own(world, 'AAPL', '1');
      ok(post(SELL_SHORT)(world));
      return post({ limit_price: '251' })(world);
    },
    { extra: ['existing_order_id', 'reject_reason'] },
  ),
  forbidden('cannot open a short sell while a long buy order is open', (world) => {
    ok(post({})(world));
    return post(SELL_SHORT)(world);
  }),
  forbidden('cannot open a long buy while a short sell order is open', (world) => {
    ok(post(SELL_SHORT)(world));
    return post({})(world);
  }),
  forbidden('account is not allowed to short', (world) => {
    configure(world, { no_shorting: true });
    return post(SELL_SHORT)(world);
  }),
  forbidden(/^asset "\S+" is not fractionable$/, (world) => {
    const whole = world.call('GET', '/v2/assets?status=active').list.find((asset) => asset['fractionable'] === false);
    return world.order({ ...LIMIT, symbol: whole?.['symbol'], qty: '0.5', limit_price: '40' });
  }),
  forbidden('fractional trading is disabled for this account', (world) => {
    configure(world, { fractional_trading: false });
    return post({ qty: '0.5' })(world);
  }),
  forbidden('opg orders must be submitted after 7:00pm and before 9:28am', post({ time_in_force: 'opg' }), {
    hours: true,
  }),
  forbidden('cls orders must be submitted after 7:00pm and before 3:55pm', post({ time_in_force: 'cls' }), {
    hours: true,
    at: '2026-11-23T20:58:00Z',
  }),
  forbidden(
    'unable to open new notional orders while having open closing position orders',
    (world) => {
      own(world, 'AAPL', '3');
      world.advanceTo('2026-11-23T22:00:00Z');
      const sale = { ...SELL_SHORT, qty: '0.5', time_in_force: 'day' };
      ok(post(sale)(world));
      return post(sale)(world);
    },
    { hours: true },
  ),
  forbidden('order has been rejected due to no available quote for symbol. please reenter with a limit', (world) => {
    world.hold('MSFT', '0', '0');
    return post({ symbol: 'MSFT', type: 'market' }, 'limit_price')(world);
  }),
  forbidden('account is restricted to liquidation only', (world) => {
    own(world, 'AAPL', '900');
    // 900 shares worth 90,000 on an equity of 10,000: more than six times.
    world.hold('AAPL', '100');
    world.hold('MSFT', '400');
    return post({ symbol: 'MSFT', limit_price: '300' })(world);
  }),
  forbidden('account is not authorized to trade', (world) => {
    configure(world, { suspend_trade: true });
    return post({})(world);
  }),
  ...OPTION_ROWS,
  refused('order is already in "canceled" state', (world) => {
    const { body } = ok(post({})(world));
    ok(world.call('DELETE', `/v2/orders/${body['id']}`));
    return world.call('DELETE', `/v2/orders/${body['id']}`);
  }),
  refused(
    'cannot replace order in accepted status',
    (world) => {
      const { body } = ok(post({})(world));
      return world.call('PATCH', `/v2/orders/${body['id']}`, { limit_price: '151' });
    },
    { hours: true, at: '2026-11-22T15:00:00Z' },
  ),
  refused('order already replaced', (world) => {
    const { body } = ok(post({})(world));
    ok(world.call('PATCH', `/v2/orders/${body['id']}`, { limit_price: '151' }));
    return world.call('PATCH', `/v2/orders/${body['id']}`, { limit_price: '152' });
  }),
  refused('order parameters are not changed', (world) => {
    const { body } = ok(post({})(world));
    return world.call('PATCH', `/v2/orders/${body['id']}`, { limit_price: '150' });
  }),
  refused('unable to replace order, order is not open', (world) => {
    const { body } = ok(post({})(world));
    ok(world.call('DELETE', `/v2/orders/${body['id']}`));
    return world.call('PATCH', `/v2/orders/${body['id']}`, { limit_price: '151' });
  }),
  refused('unable to replace order in current state', (world) => {
    const { body } = ok(post({ notional: '100' }, 'qty')(world));
    return world.call('PATCH', `/v2/orders/${body['id']}`, { limit_price: '151' });
  }),
  refused('qty cannot be changed for advanced orders', (world) => {
    const exits = { take_profit: { limit_price: '260' }, stop_loss: { stop_price: '100' } };
    const { body } = ok(post({ order_class: 'bracket', time_in_force: 'gtc', ...exits })(world));
    return world.call('PATCH', `/v2/orders/${body['id']}`, { qty: '2' });
  }),
  refused('qty must be > filled_qty', (world) => {
    world.exchange.setFaults({ partial_fills: 1 });
    const { body } = ok(post({ qty: '50', limit_price: '200' })(world));
    const filled = world.call('GET', `/v2/orders/${body['id']}`).body['filled_qty'];
    return world.call('PATCH', `/v2/orders/${body['id']}`, { qty: filled });
  }),
  refused('asset "ZZZZZ" not found', post({ symbol: 'ZZZZZ' })),
  refused(/^asset "\S+" cannot be sold short$/, (world) => {
    const hard = world.call('GET', '/v2/assets?status=active').list.find((asset) => asset['shortable'] === false);
    return post({ ...SELL_SHORT, symbol: hard?.['symbol'] })(world);
  }),
  refused('fractional orders must be DAY orders', post({ qty: '0.5', time_in_force: 'gtc' })),
  refused(
    'fractional orders must be simple orders',
    post({ qty: '0.5', order_class: 'oto', take_profit: { limit_price: '260' } }),
  ),
  refused('fractional orders cannot be sold short', post({ ...SELL_SHORT, qty: '0.5' })),
  refused(
    'extended hours order must be DAY or GTC limit orders',
    post({ type: 'market', extended_hours: true }, 'limit_price'),
  ),
  refused(
    'invalid limit_price 150.123. sub-penny increment does not fulfill minimum pricing criteria',
    post({ limit_price: '150.123' }),
  ),
  refused(
    'invalid take_profit.limit_price 260.123. sub-penny increment does not fulfill minimum pricing criteria',
    post({ order_class: 'oto', take_profit: { limit_price: '260.123' } }),
  ),
  refused(
    'notional value must be limited to 2 decimal places',
    post({ type: 'market', notional: '10.123' }, 'qty', 'limit_price'),
  ),
  refused(
    'take_profit.limit_price must be > stop_loss.stop_price',
    post({ ...BRACKET, take_profit: { limit_price: '210' }, stop_loss: { stop_price: '220' } }, 'limit_price'),
  ),
  refused(
    'take_profit.limit_price must be >= base_price + 0.01',
    post({ ...BRACKET, take_profit: { limit_price: '190' }, stop_loss: { stop_price: '180' } }, 'limit_price'),
    { extra: ['base_price'] },
  ),
  refused(
    'stop_loss.stop_price must be <= base_price - 0.01',
    post({ ...BRACKET, take_profit: { limit_price: '230' }, stop_loss: { stop_price: '220' } }, 'limit_price'),
    { extra: ['base_price'] },
  ),
  refused('stop price must be less than current price', (world) => {
    own(world, 'AAPL', '1');
    return post({ side: 'sell', type: 'stop', stop_price: '220' }, 'limit_price')(world);
  }),
  refused(
    'invalid crypto time_in_force',
    post({ symbol: 'BTC/USD', qty: '0.01', limit_price: '50000', time_in_force: 'day' }),
  ),
  refused(
    'invalid order type for crypto order',
    post({ symbol: 'BTC/USD', qty: '0.01', type: 'stop', stop_price: '99000', time_in_force: 'gtc' }, 'limit_price'),
  ),
  missing(`order not found for ${UNKNOWN_ID}`, (world) => world.call('GET', `/v2/orders/${UNKNOWN_ID}`)),
  missing(`order not found for nobody`, (world) =>
    world.call('GET', '/v2/orders:by_client_order_id?client_order_id=nobody'),
  ),
  missing('position does not exist', (world) => world.call('GET', '/v2/positions/AAPL')),
  missing('position not found: AAPL', (world) => world.call('DELETE', '/v2/positions/AAPL')),
  missing('symbol not found: ZZZZZ', (world) => world.call('GET', '/v2/positions/ZZZZZ')),
  missing('asset not found for ZZZZZ', (world) => world.call('GET', '/v2/assets/ZZZZZ')),
  missing('option contract ZZZZ261218C00200000 not found', (world) =>
    world.call('GET', '/v2/options/contracts/ZZZZ261218C00200000'),
  ),
  missing('endpoint not found', (world) => world.call('GET', '/v2/nowhere')),
  {
    status: 429,
    code: 42910000,
    message: 'rate limit exceeded',
    enforce: 1,
    provoke: (world) => {
      ok(world.call('GET', '/v2/account'));
      return world.call('GET', '/v2/account');
    },
  },
  {
    status: 429,
    code: null,
    message: 'too many requests.',
    enforce: 1,
    provoke: (world) => {
      ok(world.call('GET', '/v2/stocks/quotes/latest?symbols=AAPL'));
      const reply = world.call('GET', '/v2/stocks/quotes/latest?symbols=AAPL');
      assert.ok(!Object.keys(reply.headers).some((name) => /ratelimit|retry-after/i.test(name)));
      return reply;
    },
  },
  {
    status: 403,
    code: 42210000,
    message: 'subscription does not permit querying recent SIP data',
    basicData: true,
    provoke: (world) => world.call('GET', '/v2/stocks/quotes/latest?symbols=AAPL&feed=sip'),
  },
  {
    status: 503,
    code: null,
    message: 'service unavailable',
    provoke: (world) => injected(world, { kind: 'status', status: 503 }),
  },
  {
    status: 504,
    code: null,
    message: 'gateway timeout',
    provoke: (world) =>
      injected(world, { kind: 'status', status: 504, accept: true, body: '{"message":"gateway timeout"}' }),
  },
  {
    status: 500,
    code: 50010000,
    message: 'internal server error',
    provoke: (world) =>
      injected(world, {
        kind: 'status',
        status: 500,
        body: '{"code":50010000,"message":"internal server error"}',
      }),
  },
];

/** What Alpaca may say and the exchange never does. */
const NEVER: Readonly<Record<string, string>> = {
  'request is not authorized': 'the Broker API form of 401; the trading host says "unauthorized."',
  'forbidden.': 'an older form of refused credentials',
  'trade denied due to pattern day trading protection': 'the rule ended on 2026-06-04',
  'account not eligible to trade options: {symbol}': 'every account may trade every contract of its level',
  'account not eligible for level2 options trading': 'said as "account not eligible to trade long option contracts"',
  'active assignment lock on {symbol}': 'assignments settle at once, so nothing stays locked',
  'exceeded account limit for contracts expiring today': 'the limit is not published',
  'submit, cancel and replace mleg order is disabled': 'multi-leg orders are never switched off',
  'contract "{symbol}" is not active': 'a listed contract is active until it is expired',
  'contract "{symbol}" is not tradable': 'every active contract is tradable',
  'invalid contract': 'a symbol that is no contract is "not found"',
  'invalid option order_type, invalid option time_in_force': 'said in the words of the newer checks',
  'options order notional is {n} must be <= {limit}': 'the limit is not published',
  'underlying asset "{symbol}" not found': 'every listed contract has its underlying listed',
  'equity legs are allowed only with a corresponding amount of call contracts': 'equity legs are not offered',
  'European-style option legs must have the same expiration date': 'all listed contracts are American',
  'rolling contracts ambiguity': 'what is ambiguous is not published',
  'leg order is already in {status} state': 'legs live and end with their parent, whose state is told',
  'order pending cancel': 'a cancel is done when it is answered, so that none is pending',
  'order chain not fully replaced': 'a replace is done when it is answered',
  'asset "{symbol}" is not tradable': 'every active asset is tradable',
  'stop price must not be greater than base price / 1.001': 'said as "stop price must be less than current price"',
  'invalid symbol': 'a bad option symbol is an unknown asset',
};

for (const [index, row] of ROWS.entries()) {
  test(`${index + 1}: ${row.status} ${row.code ?? ''} ${row.message}`, () => {
    const world = openWorld({
      ...(row.at === undefined ? {} : { at: row.at }),
      hours: row.hours ?? false,
      realtimeSip: !(row.basicData ?? false),
      ...(row.enforce === undefined ? {} : { rateLimit: { perMinute: row.enforce, enforce: true } }),
    });
    world.hold('AAPL', '200');
    world.hold('BTC/USD', '100000');
    const reply = row.provoke(world);
    const { code, message, text } = reply.body;
    const said = typeof text === 'string' ? text : message;
    if (typeof row.message === 'string') assert.equal(said, row.message);
    else assert.match(String(said), row.message);
    assert.equal(reply.status, row.status);
    assert.equal(code ?? null, row.code);
    for (const name of row.extra ?? [])
      assert.ok(name in reply.body, `${name} is missing: ${JSON.stringify(reply.body)}`);
    assert.equal(reply.headers['X-Request-ID']?.length, 32);
  });
}

test('what is never said is said by no row', () => {
  const said = ROWS.map(({ message }) => String(message));
  for (const [message, reason] of Object.entries(NEVER)) {
    assert.ok(!said.includes(message), message);
    assert.ok(reason.length > 10, message);
  }
});

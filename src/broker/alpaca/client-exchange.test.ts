/** The adapter against the embedded exchange: two readings of Alpaca's documentation that share no code. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startExchange } from '../../exchange/server.ts';
import { systemClock } from '../../lib/clock.ts';
import { systemRandom } from '../../lib/random.ts';
import { canonical as d } from '../../order/decimal.ts';
import type { ClientOrderId } from '../../order/name.ts';
import type { CryptoTrade, MarketDataRequest, MultiLegTrade, OptionTrade, StockTrade } from '../../order/request.ts';
import type { BrokerOrder, Budget, Outcome, TradeUpdate } from '../broker.ts';
import { alpacaBroker } from './client.ts';
import { systemNetwork } from './network-system.ts';

const KEYS = { id: 'PKADAPTER', secret: 'secret' };
const exchange = await startExchange({ seed: 'adapter', control: true });
const broker = alpacaBroker({
  mode: 'paper',
  baseUrl: exchange.url,
  dataUrl: exchange.url,
  keys: KEYS,
  network: systemNetwork(),
  clock: systemClock,
  random: systemRandom,
});
after(async () => {
  await broker.close();
  await exchange.close();
});

function value<T>(outcome: Outcome<T>): T {
  assert.ok(outcome.kind === 'done', JSON.stringify(outcome));
  return outcome.value;
}

let count = 0;
const nextId = (): ClientOrderId => `bot_2026021314302212345${count++}_stockbuy` as ClientOrderId;
const rest = (symbol: string): StockTrade =>
  ({
    type: 'stockbuy',
    clientOrderId: nextId(),
    symbol,
    side: 'buy',
    size: { qty: d('1') },
    terms: { type: 'limit', limitPrice: d('1.5') },
    timeInForce: 'gtc',
    extendedHours: false,
    exits: { orderClass: 'simple' },
  }) as Partial<StockTrade> as StockTrade;

test('an order from submit to cancel, seen by answer, look-up, list and stream', async () => {
  const budgets: Budget[] = [];
  broker.onBudget((budget) => budgets.push(budget));
  const up = Promise.withResolvers<void>();
  const canceled = Promise.withResolvers<TradeUpdate>();
  const events: string[] = [];
  const stream = broker.stream({
    up: up.resolve,
    down: (reason) => up.reject(new Error(reason)),
    unreadable: (reason) => canceled.reject(new Error(reason)),
    update: (update) => {
      events.push(update.event);
      if (update.event === 'canceled') canceled.resolve(update);
    },
  });
  stream.start();
  await up.promise;

  const wire = broker.encode(rest('AAPL'));
  const order = value(await broker.submit(wire, () => true));
  const again = await broker.submit(wire, () => true);
  assert.ok(again.kind === 'unknown' && again.duplicate);

  const found = value(await broker.lookup(order.clientOrderId));
  assert.equal(found.id, order.id);
  assert.deepEqual(broker.differences(wire, found), []);
  assert.equal(value(await broker.order(order.id)).clientOrderId, order.clientOrderId);
  const open = value(await broker.orders({ status: 'open', nested: true, symbols: ['AAPL'] }));
  assert.deepEqual(
    open.map(({ id }) => id),
    [order.id],
  );

  assert.equal(value(await broker.cancel(order.id)), null);
  const update = await canceled.promise;
  assert.equal(update.order.id, order.id);
  assert.ok(events.includes('new'));
  assert.equal(value(await broker.order(order.id)).status, 'canceled');
  assert.equal(value(await broker.cancel(order.id)), null);
  stream.stop();
  assert.ok(budgets.length > 0 && budgets.every(({ remaining, resetAt }) => remaining !== null && resetAt !== null));
});

test('refusals and absences have their names', async () => {
  const name = (outcome: Outcome<BrokerOrder | null>): string =>
    outcome.kind === 'rejected' ? `${outcome.rejection.status} ${outcome.rejection.name}` : JSON.stringify(outcome);
  assert.equal(name(await broker.submit(broker.encode(rest('NOSUCHX')), () => true)), '422 asset_not_found');
  const dear = { ...rest('AAPL'), size: { qty: d('1000000') } };
  assert.equal(name(await broker.submit(broker.encode(dear), () => true)), '403 insufficient_buying_power');
  assert.equal(name(await broker.lookup('nobody')), '404 not_found');
  assert.equal(name(await broker.order('61e69015-8549-4bfd-b9c3-01e75843f47d')), '404 not_found');
  assert.equal(name(await broker.cancel('61e69015-8549-4bfd-b9c3-01e75843f47d')), '404 not_found');
});

test('a crypto order fills; account, positions and market data can be read', async () => {
  const trade = {
    type: 'cryptobuy',
    clientOrderId: nextId(),
    symbol: 'BTC/USD',
    side: 'buy',
    size: { notional: d('500') },
    terms: { type: 'market' },
    timeInForce: 'gtc',
  } as Partial<CryptoTrade> as CryptoTrade;
  value(await broker.submit(broker.encode(trade), () => true));
  assert.equal(value(await broker.account()).blocked, false);
  assert.ok(Array.isArray(value(await broker.positions())));
  for (const dataType of ['quote', 'bar', 'trade'] as const) {
    const request = { symbols: ['AAPL', 'BTCUSD', 'NOSUCHX'], dataType } as Partial<MarketDataRequest>;
    const answers = new Map<string, Readonly<Record<string, string | null>>>();
    for (const part of broker.marketDataPlan(request as MarketDataRequest)) {
      for (const [symbol, data] of value(await broker.marketData(part))) answers.set(symbol, data);
    }
    assert.deepEqual([...answers.keys()].sort(), ['AAPL', 'BTCUSD']);
    for (const data of answers.values()) assert.ok(Object.values(data).every((field) => field !== null));
  }
});

test('every class of order is taken as encoded and comes back without a difference', async () => {
  const window = 'expiration_date_gte=2000-01-01&expiration_date_lte=2100-01-01';
  const listed = await fetch(`${exchange.url}/v2/options/contracts?underlying_symbols=AAPL&limit=10000&${window}`, {
    headers: { 'APCA-API-KEY-ID': KEYS.id, 'APCA-API-SECRET-KEY': KEYS.secret },
  });
  const { option_contracts: contracts } = (await listed.json()) as {
    option_contracts: readonly { symbol: string; type: string; expiration_date: string; strike_price: string }[];
  };
  const expiry = contracts.at(-1)?.expiration_date;
  const calls = contracts
    .filter(({ type, expiration_date }) => type === 'call' && expiration_date === expiry)
    .sort((a, b) => Number(a.strike_price) - Number(b.strike_price));
  const [low, high] = [calls.at(-2)?.symbol, calls.at(-1)?.symbol];
  assert.ok(low && high);

  const bracket: StockTrade = {
    ...rest('AAPL'),
    exits: { orderClass: 'bracket', takeProfit: d('3'), stopLoss: { stopPrice: d('1.2'), limitPrice: d('1.1') } },
  };
  const oto: StockTrade = { ...rest('AAPL'), exits: { orderClass: 'oto', takeProfit: d('3'), stopLoss: null } };
  const trailing: StockTrade = {
    ...rest('MSFT'),
    terms: { type: 'trailing_stop', trail: { percent: d('9.5') } },
    timeInForce: 'day',
  };
  const fraction: StockTrade = { ...rest('MSFT'), size: { notional: d('10.5') }, timeInForce: 'day' };
  const option = {
    type: 'optionsingle',
    clientOrderId: nextId(),
    symbol: low,
    side: 'buy',
    qty: d('1'),
    terms: { type: 'limit', limitPrice: d('0.05') },
    timeInForce: 'day',
    positionIntent: 'buy_to_open',
  } as Partial<OptionTrade> as OptionTrade;
  const spread = {
    type: 'optionmulti',
    clientOrderId: nextId(),
    qty: d('1'),
    limitPrice: d('0.01'),
    timeInForce: 'day',
    legs: [
      { symbol: low, side: 'buy', ratioQty: d('1'), positionIntent: null },
      { symbol: high, side: 'sell', ratioQty: d('1'), positionIntent: null },
    ],
    strategy: 'vertical',
  } as Partial<MultiLegTrade> as MultiLegTrade;
  for (const [trade, legs] of [
    [bracket, 2],
    [oto, 1],
    [trailing, 0],
    [fraction, 0],
    [option, 0],
    [spread, 2],
  ] as const) {
    const wire = broker.encode(trade);
    const order = value(await broker.submit(wire, () => true));
    assert.deepEqual(broker.differences(wire, value(await broker.order(order.id))), []);
    assert.equal(order.legs.length, legs, wire.body);
  }

  const request = { symbols: [low], dataType: 'bar' } as Partial<MarketDataRequest> as MarketDataRequest;
  for (const dataType of ['quote', 'bar', 'trade'] as const) {
    const [part] = broker.marketDataPlan({ ...request, dataType });
    assert.ok(part);
    value(await broker.marketData(part));
  }
});

test('faults on the way are doubt, and the order stands', async () => {
  const faults = async (fault: object): Promise<void> => {
    const answer = await fetch(`${exchange.url}/_control/faults`, {
      method: 'PUT',
      body: JSON.stringify({ requests: [{ method: 'POST', path: '/v2/orders', times: 1, fault }] }),
    });
    assert.ok(answer.ok, await answer.text());
  };
  for (const fault of [
    { kind: 'lose', how: 'reset' },
    { kind: 'cut' },
    { kind: 'html' },
    { kind: 'content_type' },
    { kind: 'huge' },
    { kind: 'status', status: 504, accept: true },
  ]) {
    await faults(fault);
    const wire = broker.encode(rest('MSFT'));
    const outcome = await broker.submit(wire, () => true);
    assert.equal(outcome.kind, 'unknown', `${fault.kind}: ${JSON.stringify(outcome)}`);
    const { client_order_id: id } = JSON.parse(wire.body);
    assert.deepEqual(broker.differences(wire, value(await broker.lookup(id))), []);
  }
  await faults({ kind: 'redirect', location: 'http://127.0.0.1:1/' });
  assert.equal((await broker.submit(broker.encode(rest('MSFT')), () => true)).kind, 'misconfigured');
  await faults({ kind: 'rate_limited', retry_after: 3 });
  const limited = await broker.submit(broker.encode(rest('MSFT')), () => true);
  assert.ok(limited.kind === 'not_sent' && limited.retryAfterMs === 3_000);
});

/**
 * The trading side as the official client sees it: every call parses, and says what was done.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Compat, openCompat } from './client.ts';

let compat: Compat;
before(async () => {
  compat = await openCompat();
  compat.hold('AAPL', '200');
  compat.hold('MSFT', '400');
  compat.hold('BTC/USD', '100000');
});
after(() => compat.close());

/** The error that the client makes of a refusal. */
async function refusal(
  call: Promise<unknown>,
): Promise<{ name: string; status: number; code: unknown; message: string }> {
  const error = await call.then(
    () => assert.fail('the call was not refused'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Error && 'status' in error && 'code' in error);
  return { name: error.name, status: Number(error.status), code: error.code, message: error.message };
}

const idOf = (order: { id?: string }): string => {
  assert.match(order.id ?? '', /^[0-9a-f-]{36}$/);
  return order.id ?? '';
};

test('account, configurations, clock, calendars', async () => {
  const { trading } = compat.alpaca;
  const account = await trading.account.getAccount();
  assert.equal(account.cash, '100000');
  assert.equal(account.status, 'ACTIVE');
  assert.match(account.accountNumber ?? '', /^PA/);
  const check = await trading.validateConnection();
  assert.equal(check.ok, true);

  const before = await trading.accountConfigurations.getAccountConfig();
  assert.equal(before.noShorting, false);
  const changed = await trading.accountConfigurations.patchAccountConfig({
    accountConfigurations: { noShorting: true, maxOptionsTradingLevel: 2 },
  });
  assert.equal(changed.noShorting, true);
  assert.equal(changed.maxOptionsTradingLevel, 2);
  await trading.accountConfigurations.patchAccountConfig({
    accountConfigurations: { noShorting: false, maxOptionsTradingLevel: 3 },
  });

  const clock = await trading.clock.legacyClock();
  assert.ok(clock.timestamp instanceof Date && clock.nextOpen instanceof Date);
  const clocks = await trading.clock.clock({ markets: 'NYSE,NASDAQ' });
  assert.equal(clocks.clocks.length, 2);
  const days = await trading.calendar.legacyCalendar({
    start: new Date('2026-11-23T00:00:00Z'),
    end: new Date('2026-11-27T00:00:00Z'),
  });
  assert.deepEqual(
    days.map((day) => [day.open, day.close]),
    [
      ['09:30', '16:00'],
      ['09:30', '16:00'],
      ['09:30', '16:00'],
      ['09:30', '13:00'],
    ],
  );
  const nyse = await trading.calendar.calendar({
    market: 'NYSE',
    start: new Date('2026-11-23T00:00:00Z'),
    end: new Date('2026-11-27T00:00:00Z'),
  });
  assert.equal(nyse.calendar.length, 4);
});

test('assets and option contracts', async () => {
  const { assets } = compat.alpaca.trading;
  const apple = await assets.getV2AssetsSymbolOrAssetId({ symbolOrAssetId: 'AAPL' });
  assert.equal(apple.id, 'b0b6dd9d-8b9b-48a9-ba46-b9d54906e415');
  assert.equal(apple.fractionable, true);
  const bitcoin = await assets.getV2AssetsSymbolOrAssetId({ symbolOrAssetId: 'BTC/USD' });
  assert.equal(bitcoin.id, '276e2673-764b-4ab6-a611-caf665ca6340');
  const pairs = await assets.getV2Assets({ status: 'active', assetClass: 'crypto' });
  assert.ok(pairs.length > 20 && pairs.every((asset) => asset._class === 'crypto'));
  assert.equal((await refusal(assets.getV2AssetsSymbolOrAssetId({ symbolOrAssetId: 'ZZZZZ' }))).status, 404);

  const chain = { underlyingSymbols: 'AAPL', limit: 5, expirationDateLte: new Date(Date.now() + 40 * 86_400_000) };
  const page = await assets.getOptionsContracts(chain);
  assert.equal(page.optionContracts?.length, 5);
  assert.ok(page.nextPageToken);
  const next = await assets.getOptionsContracts({ ...chain, pageToken: page.nextPageToken });
  assert.notEqual(next.optionContracts?.[0]?.symbol, page.optionContracts?.[0]?.symbol);
  const symbol = page.optionContracts?.[0]?.symbol ?? '';
  const contract = await assets.getOptionContractSymbolOrId({ symbolOrId: symbol });
  assert.equal(contract.symbol, symbol);
  assert.equal(contract.underlyingSymbol, 'AAPL');
});

test('every kind of stock order, looked up, listed, replaced, cancelled', async () => {
  const { orders } = compat.alpaca.trading;
  const limit = await orders.limit({
    symbol: 'AAPL',
    side: 'buy',
    qty: 1,
    limitPrice: 150.5,
    timeInForce: 'day',
    clientOrderId: 'compat-limit',
  });
  assert.equal(limit.limitPrice, '150.5');
  assert.equal(limit.qty, '1');
  assert.ok(limit.createdAt instanceof Date);
  const found = await orders.getOrderByClientOrderId({ clientOrderId: 'compat-limit' });
  assert.equal(found.id, limit.id);
  assert.equal(found.status, 'new');
  assert.equal((await orders.getOrderByOrderID({ orderId: idOf(limit), nested: true })).id, limit.id);
  const duplicate = await refusal(
    orders.limit({ symbol: 'AAPL', side: 'buy', qty: 1, limitPrice: 150, clientOrderId: 'compat-limit' }),
  );
  assert.deepEqual([duplicate.status, duplicate.code], [422, 40010001]);

  const replaced = await orders.patchOrderByOrderId({
    orderId: idOf(limit),
    patchOrderRequest: { limitPrice: '151', qty: '2' },
  });
  assert.equal(replaced.replaces, limit.id);
  assert.equal((await orders.getOrderByOrderID({ orderId: idOf(limit) })).replacedBy, replaced.id);
  await orders.deleteOrderByOrderID({ orderId: idOf(replaced) });
  assert.equal((await orders.getOrderByOrderID({ orderId: idOf(replaced) })).status, 'canceled');
  assert.equal((await refusal(orders.deleteOrderByOrderID({ orderId: idOf(replaced) }))).code, 42210000);

  const stop = await orders.stop({ symbol: 'MSFT', side: 'buy', qty: '1', stopPrice: '500' });
  assert.equal(stop.type, 'stop');
  const stopLimit = await orders.stopLimit({ symbol: 'MSFT', side: 'buy', qty: 1, stopPrice: 500, limitPrice: 505 });
  assert.equal(stopLimit.stopPrice, '500');
  const trailing = await orders.trailingStop({ symbol: 'MSFT', side: 'buy', qty: 1, trailPercent: 5 });
  assert.equal(trailing.trailPercent, '5');
  assert.equal(trailing.hwm, '400');
  const notional = await orders.market({ symbol: 'MSFT', side: 'buy', notional: '50.25', timeInForce: 'day' });
  assert.equal(notional.notional, '50.25');
  assert.equal(notional.qty ?? null, null);

  const open = await orders.getAllOrders({ status: 'open', symbols: ['MSFT'], direction: 'asc', limit: 2 });
  assert.deepEqual(
    open.map((order) => order.id),
    [stop.id, stopLimit.id],
  );
  const later = await orders.getAllOrders({ status: 'all', afterOrderId: idOf(stop), direction: 'asc' });
  assert.equal(later[0]?.id, stopLimit.id);
  const closed = await orders.getAllOrders({ status: 'closed' });
  assert.ok(closed.some((order) => order.id === replaced.id));

  const cancelled = await orders.deleteAllOrders();
  assert.deepEqual(
    cancelled.map((each) => each.status),
    [200, 200, 200],
  );
  assert.deepEqual(await orders.getAllOrders(), []);
  assert.equal((await refusal(orders.getOrderByOrderID({ orderId: crypto.randomUUID() }))).name, 'NotFoundError');
});

test('bracket, oto and oco', async () => {
  const { orders, positions } = compat.alpaca.trading;
  const bracket = await orders.bracket({
    symbol: 'AAPL',
    side: 'buy',
    qty: 2,
    takeProfit: { limitPrice: 250 },
    stopLoss: { stopPrice: 180, limitPrice: 179 },
    timeInForce: 'gtc',
  });
  assert.equal(bracket.orderClass, 'bracket');
  assert.equal(bracket.legs?.length, 2);
  const nested = await orders.getAllOrders({ status: 'all', nested: true, symbols: ['AAPL'] });
  assert.equal(nested.find((order) => order.id === bracket.id)?.legs?.length, 2);
  assert.equal((await positions.getOpenPosition({ symbolOrAssetId: 'AAPL' })).qtyAvailable, '0');
  await orders.deleteAllOrders();
  assert.equal((await positions.getOpenPosition({ symbolOrAssetId: 'AAPL' })).qtyAvailable, '2');

  const oco = await orders.oco({
    symbol: 'AAPL',
    side: 'sell',
    qty: 2,
    takeProfit: { limitPrice: 260 },
    stopLoss: { stopPrice: 170 },
    timeInForce: 'gtc',
  });
  assert.equal(oco.limitPrice, '260');
  const held = await refusal(positions.deleteOpenPosition({ symbolOrAssetId: 'AAPL' }));
  assert.equal(held.name, 'PermissionError');
  await orders.deleteOrderByOrderID({ orderId: idOf(oco) });
  const oto = await orders.oto({
    symbol: 'AAPL',
    side: 'buy',
    qty: 1,
    limitPrice: 150,
    stopLoss: { stopPrice: 140 },
    timeInForce: 'day',
  });
  assert.equal(oto.legs?.[0]?.status, 'held');
  await orders.deleteAllOrders();
});

test('positions: shown, closed by half, in whole, all', async () => {
  const { orders, positions } = compat.alpaca.trading;
  const apple = await positions.getOpenPosition({ symbolOrAssetId: 'AAPL' });
  assert.equal(apple.avgEntryPrice, '200');
  assert.equal(apple.side, 'long');
  const half = await positions.deleteOpenPosition({ symbolOrAssetId: 'AAPL', percentage: 50 });
  assert.equal(half.qty, '1');
  await orders.market({ symbol: 'BTC/USD', side: 'buy', qty: '0.01', timeInForce: 'gtc' });
  const bitcoin = await positions.getOpenPosition({ symbolOrAssetId: 'BTCUSD' });
  assert.equal(bitcoin.qtyAvailable, '0.009975');
  assert.equal(bitcoin.assetClass, 'crypto');
  const all = await positions.getAllOpenPositions();
  assert.deepEqual(all.map((position) => position.symbol).sort(), ['AAPL', 'BTCUSD', 'MSFT']);
  const closed = await positions.deleteAllOpenPositions({ cancelOrders: true });
  assert.deepEqual(
    closed.map((each) => each.status),
    [200, 200, 200],
  );
  assert.equal(closed.find((each) => each.symbol.startsWith('BTC'))?.body?.side, 'sell');
  assert.deepEqual(await positions.getAllOpenPositions(), []);
  assert.equal(
    (await refusal(positions.getOpenPosition({ symbolOrAssetId: 'AAPL' }))).message.includes('position does not exist'),
    true,
  );
});

test('options: one leg, a spread with signed price, exercise', async () => {
  const { orders, positions } = compat.alpaca.trading;
  const listed = await compat.alpaca.trading.collectOptionsContracts({
    underlyingSymbols: 'AAPL',
    expirationDateGte: new Date(Date.now() + 20 * 86_400_000),
    expirationDateLte: new Date(Date.now() + 50 * 86_400_000),
    type: 'call',
    strikePriceGte: 190,
    strikePriceLte: 200,
  });
  const expiry = listed[0]?.expirationDate;
  const sameDay = listed.filter((each) => Number(each.expirationDate) === Number(expiry));
  const [low = '', high = ''] = [sameDay.at(0)?.symbol, sameDay.at(-1)?.symbol];
  assert.notEqual(low, high);
  compat.hold(low, '12');
  compat.hold(high, '8');

  const single = await orders.submit({
    symbol: low,
    side: 'buy',
    type: 'limit',
    qty: 1,
    limitPrice: 13,
    timeInForce: 'day',
    positionIntent: 'buy_to_open',
  });
  assert.equal(single.assetClass, 'us_option');
  assert.equal((await positions.getOpenPosition({ symbolOrAssetId: low })).qty, '1');
  const refused = await refusal(
    orders.submit({ symbol: high, side: 'sell', type: 'limit', qty: 2, limitPrice: 1, timeInForce: 'day' }),
  );
  assert.deepEqual([refused.status, refused.code], [403, 40310000]);
  await positions.optionDoNotExercise({ symbolOrContractId: low });
  await positions.optionExercise({ symbolOrContractId: low });
  assert.equal((await positions.getOpenPosition({ symbolOrAssetId: 'AAPL' })).qty, '100');
  await positions.deleteOpenPosition({ symbolOrAssetId: 'AAPL' });

  const spread = await orders.submit({
    type: 'limit',
    orderClass: 'mleg',
    qty: 1,
    limitPrice: 4.5,
    timeInForce: 'day',
    legs: [
      { symbol: low, side: 'buy', ratioQty: '1', positionIntent: 'buy_to_open' },
      { symbol: high, side: 'sell', ratioQty: '1', positionIntent: 'sell_to_open' },
    ],
  });
  assert.equal(spread.orderClass, 'mleg');
  const filled = await orders.getOrderByOrderID({ orderId: idOf(spread) });
  assert.equal(filled.status, 'filled');
  assert.equal(filled.filledAvgPrice, '4', 'net debit: 12 less 8');
  assert.deepEqual(
    filled.legs?.map((leg) => leg['filledAvgPrice']),
    ['12', '8'],
  );
  assert.equal((await positions.getOpenPosition({ symbolOrAssetId: high })).qty, '-1');
});

test('activities, paged and by type, and portfolio history', async () => {
  const { accountActivities, portfolioHistory } = compat.alpaca.trading;
  const fills = await accountActivities.getAccountActivitiesByActivityType({ activityType: 'FILL', pageSize: 100 });
  assert.ok(fills.length > 5);
  const page = await accountActivities.getAccountActivities({ category: 'trade_activity', pageSize: 2 });
  assert.equal(page.length, 2);
  const next = await accountActivities.getAccountActivities({
    category: 'trade_activity',
    pageSize: 2,
    pageToken: (page[1] as { id: string }).id,
  });
  assert.notEqual((next[0] as { id: string }).id, (page[0] as { id: string }).id);
  const all = await compat.alpaca.trading.collectActivities({ activityTypes: ['FILL'], pageSize: 3 });
  assert.equal(all.length, fills.length);
  const history = await portfolioHistory.getAccountPortfolioHistory({
    period: '1D',
    timeframe: '5Min',
    intradayReporting: 'continuous',
  });
  assert.equal(history.timestamp.length, history.equity.length);
  assert.equal(history.timeframe, '5Min');
});

test('watchlists by id and by name', async () => {
  const { watchlists } = compat.alpaca.trading;
  const made = await watchlists.postWatchlist({ createWatchlistRequest: { name: 'tech', symbols: ['AAPL', 'MSFT'] } });
  assert.deepEqual(
    made.assets?.map((asset) => asset.symbol),
    ['AAPL', 'MSFT'],
  );
  const id = made.id;
  assert.deepEqual(
    (await watchlists.getWatchlists()).map((list) => list.name),
    ['tech'],
  );
  const added = await watchlists.addAssetToWatchlist({
    watchlistId: id,
    addAssetToWatchlistRequest: { symbol: 'BTC/USD' },
  });
  assert.equal(added.assets?.length, 3);
  assert.equal((await watchlists.getWatchlistByName({ name: 'tech' })).id, id);
  await watchlists.addAssetToWatchlistByName({ name: 'tech', addAssetToWatchlistRequest: { symbol: 'NVDA' } });
  const removed = await watchlists.removeAssetFromWatchlist({ watchlistId: id, symbol: 'MSFT' });
  assert.deepEqual(
    removed.assets?.map((asset) => asset.symbol),
    ['AAPL', 'BTC/USD', 'NVDA'],
  );
  await watchlists.updateWatchlistById({
    watchlistId: id,
    updateWatchlistRequest: { name: 'big tech', symbols: ['AAPL'] },
  });
  const renamed = await watchlists.updateWatchlistByName({
    name: 'big tech',
    updateWatchlistRequest: { name: 'tech' },
  });
  assert.equal(renamed.name, 'tech');
  await watchlists.deleteWatchlistByName({ name: 'tech' });
  assert.equal((await refusal(watchlists.getWatchlistById({ watchlistId: id }))).status, 404);
  const again = await watchlists.postWatchlist({ createWatchlistRequest: { name: 'tech', symbols: [] } });
  await watchlists.deleteWatchlistById({ watchlistId: again.id });
  assert.deepEqual(await watchlists.getWatchlists(), []);
});

test('refusals keep their meaning: rate limit headers, request id, wrong keys', async () => {
  const response = await fetch(`${compat.running.url}/v2/account`, {
    headers: { 'APCA-API-KEY-ID': 'compat', 'APCA-API-SECRET-KEY': 'not the secret' },
  });
  assert.equal(response.status, 401);
  assert.equal(await response.text(), '{"message":"unauthorized."}');
  assert.match(response.headers.get('x-request-id') ?? '', /^[0-9a-f]{32}$/);
  const short = await refusal(
    compat.alpaca.trading.orders.limit({ symbol: 'AAPL', side: 'buy', qty: 100_000, limitPrice: 200 }),
  );
  assert.equal(short.name, 'PermissionError');
  assert.match(short.message, /insufficient buying power/);
});

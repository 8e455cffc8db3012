/** Market data and reference routes, read by the official SDK where it has a parser, by hand where words matter. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Alpaca } from '@alpacahq/alpaca-trade-api';
import findMyWay from 'find-my-way';
import { Market } from '../market/market.ts';
import { dataRoutes } from './data.ts';
import type { DataPlan } from './data-stocks.ts';
import type { ApiAnswer, Route } from './route.ts';

const NOW = BigInt(Date.UTC(2026, 10, 23, 17, 0)) * 1_000_000n + 123_456_789n;

type Get = (url: string) => ApiAnswer;

function server(hours = false, plan: DataPlan = {}, at = NOW): Get {
  const router = findMyWay<findMyWay.HTTPVersion.V1>({ ignoreTrailingSlash: true });
  const market = new Market({ seed: 'one', hours });
  for (const route of dataRoutes(market, plan)) router.on(route.method, route.path, () => {}, route);
  return (url) => {
    const { pathname, search, searchParams } = new URL(url, 'http://exchange');
    const found = router.find('GET', pathname);
    assert.ok(found, `no route for ${pathname}${search}`);
    const request = { method: 'GET', path: pathname, query: searchParams, headers: {}, body: '', accountId: 'a', at };
    return (found.store as Route).handle({ ...request, params: found.params as Record<string, string> });
  };
}

const get = server();

function body(url: string, from: Get = get): Record<string, unknown> {
  const answer = from(url);
  assert.equal(answer.status, 200, `${url} ${answer.body}`);
  return JSON.parse(answer.body);
}

const refused = (url: string, from: Get = get): readonly [number, unknown] => {
  const answer = from(url);
  return [answer.status, JSON.parse(answer.body).message];
};

const sdk = new Alpaca({
  keyId: 'key',
  secret: 'secret',
  rateLimit: false,
  retry: false,
  fetchApi: async (input: unknown) => {
    const { status, body: text } = get(String(input));
    return new Response(text, { status, headers: { 'Content-Type': 'application/json; charset=UTF-8' } });
  },
});

test('the official SDK reads stock data', async () => {
  const { stocks } = sdk.marketData;
  const { quotes } = await stocks.stockLatestQuotes({ symbols: 'AAPL,SPY,NOPE' });
  assert.deepEqual(Object.keys(quotes), ['AAPL', 'SPY']);
  const quote = quotes['AAPL'];
  assert.ok(quote && quote.bp > 0 && quote.bp < quote.ap && quote.bs > 0);
  const trade = await stocks.stockLatestTradeSingle({ symbol: 'AAPL' });
  assert.ok(trade.symbol === 'AAPL' && trade.trade.p > 0 && trade.trade.c.length > 0);
  const { bars } = await stocks.stockLatestBars({ symbols: 'TSLA' });
  const latest = bars['TSLA'];
  assert.ok(latest && latest.h >= latest.l && latest.v > 0);
  const snapshots = await stocks.stockSnapshots({ symbols: 'AAPL,MSFT,NOPE' });
  assert.deepEqual(Object.keys(snapshots), ['AAPL', 'MSFT']);
  for (const part of ['latestTrade', 'latestQuote', 'minuteBar', 'dailyBar', 'prevDailyBar'] as const)
    assert.ok(snapshots['AAPL']?.[part], part);
  const days = await stocks.stockBars({ symbols: 'AAPL', timeframe: '1Day', start: new Date('2026-10-24') });
  assert.ok((days.bars['AAPL']?.length ?? 0) >= 10);
  assert.equal(days.nextPageToken, null);
});

test('the official SDK reads crypto data', async () => {
  const { crypto } = sdk.marketData;
  const loc = 'us' as const;
  const { quotes } = await crypto.cryptoLatestQuotes({ loc, symbols: 'BTC/USD,ETH/USD' });
  assert.ok((quotes['BTC/USD']?.bp ?? 0) < (quotes['BTC/USD']?.ap ?? 0));
  const { trades } = await crypto.cryptoLatestTrades({ loc, symbols: 'BTC/USD' });
  assert.match(trades['BTC/USD']?.tks ?? '', /^[BS]$/);
  const { orderbooks } = await crypto.cryptoLatestOrderbooks({ loc, symbols: 'BTC/USD' });
  const book = orderbooks['BTC/USD'];
  assert.ok(book && (book.b[0]?.p ?? 0) < (book.a[0]?.p ?? 0) && (book.b[1]?.p ?? 0) < (book.b[0]?.p ?? 0));
  const { snapshots } = await crypto.cryptoSnapshots({ loc, symbols: 'BTC/USD' });
  assert.ok(snapshots['BTC/USD']?.dailyBar && snapshots['BTC/USD']?.prevDailyBar);
  const { bars } = await crypto.cryptoBars({
    loc,
    symbols: 'BTC/USD',
    timeframe: '1Day',
    start: new Date('2026-11-08'),
  });
  assert.ok((bars['BTC/USD']?.length ?? 0) >= 10);
  assert.equal(String(bars['BTC/USD']?.[0]?.t), '2026-11-08T00:00:00Z');
});

test('the official SDK reads options', async () => {
  const { options } = sdk.marketData;
  const symbols = 'AAPL261218C00270000,AAPL250321C00150000,AAPL261218C00270500';
  const { quotes } = await options.optionLatestQuotes({ symbols });
  assert.deepEqual(Object.keys(quotes), ['AAPL261218C00270000'], 'expired and unknown contracts are absent');
  const chain = await options.optionChain({
    underlyingSymbol: 'AAPL',
    limit: 1000,
    type: 'call',
    strikePriceGte: 250,
    strikePriceLte: 320,
  });
  const near = Object.entries(chain.snapshots);
  assert.ok(near.length > 20);
  for (const [symbol, snapshot] of near) {
    assert.match(symbol, /^AAPL\d{6}C00(2[5-9]|3[0-2])\d{4}$/, symbol);
    assert.ok(snapshot.greeks && snapshot.greeks.delta >= 0 && snapshot.greeks.delta <= 1, symbol);
    assert.ok((snapshot.impliedVolatility ?? 0) > 0 && snapshot.latestQuote, symbol);
  }
  const { bars } = await options.optionBars({ symbols, timeframe: '1Day', start: new Date('2026-11-01') });
  assert.ok((bars['AAPL261218C00270000']?.length ?? 0) > 5);
});

test('the official SDK reads assets, contracts, clock and calendar', async () => {
  const { trading } = sdk;
  const apple = await trading.assets.getV2AssetsSymbolOrAssetId({ symbolOrAssetId: 'AAPL' });
  assert.equal(apple.id, 'b0b6dd9d-8b9b-48a9-ba46-b9d54906e415');
  assert.equal(apple.easyToBorrow, true);
  assert.equal(apple.borrowStatus, 'easy_to_borrow');
  const bitcoin = await trading.assets.getV2AssetsSymbolOrAssetId({ symbolOrAssetId: 'BTC/USD' });
  assert.equal(bitcoin.id, '276e2673-764b-4ab6-a611-caf665ca6340');
  assert.ok(Number(bitcoin.minOrderSize) > 0 && bitcoin.minTradeIncrement === '0.000000001');
  const cryptos = await trading.assets.getV2Assets({ assetClass: 'crypto', status: 'active' });
  assert.ok(cryptos.length > 40 && cryptos.every((asset) => asset.symbol.includes('/')));
  const contract = await trading.assets.getOptionContractSymbolOrId({ symbolOrId: 'AAPL250321C00150000' });
  assert.equal(contract.status, 'inactive');
  const again = await trading.assets.getOptionContractSymbolOrId({ symbolOrId: contract.id });
  assert.equal(again.symbol, contract.symbol);
  assert.equal((await trading.clock.legacyClock()).isOpen, true);
  const days = await trading.calendar.legacyCalendar({ start: new Date('2026-11-25'), end: new Date('2026-11-28') });
  assert.deepEqual(
    days.map((day) => day.close),
    ['16:00', '13:00'],
  );
});

test('pages go on until the token is null, over all symbols, without a gap or a repeat', () => {
  const walk = (url: string): { symbol: string; t: string }[] => {
    const rows: { symbol: string; t: string }[] = [];
    let token: unknown = '';
    for (let pages = 0; token !== null; pages++) {
      assert.ok(pages < 50);
      const page = body(`${url}${token === '' ? '' : `&page_token=${token}`}`);
      let count = 0;
      for (const [symbol, list] of Object.entries(page['bars'] ?? page['trades'] ?? {}))
        for (const row of list) count += rows.push({ symbol, t: row.t }) && 1;
      assert.ok(count <= 7);
      token = page['next_page_token'];
    }
    return rows;
  };
  for (const sort of ['asc', 'desc']) {
    for (const path of [
      '/v2/stocks/bars?symbols=MSFT,AAPL,NOPE',
      '/v1beta3/crypto/us/bars?symbols=BTC%2FUSD,ETH%2FUSD',
    ]) {
      const url = `${path}&timeframe=1Day&start=2026-11-10&end=2026-11-20T23:00:00Z&sort=${sort}`;
      const all = Object.entries(body(url)['bars'] ?? {}).flatMap(([symbol, list]) =>
        (list as { t: string }[]).map((row) => ({ symbol, t: row.t })),
      );
      assert.ok(all.length > 15);
      assert.deepEqual(walk(`${url}&limit=7`), all);
      assert.equal(new Set(all.map((row) => `${row.symbol}${row.t}`)).size, all.length);
    }
  }
  const trades = walk('/v2/stocks/trades?symbols=AAPL,F&start=2026-11-23T16:59:40Z&limit=7');
  assert.ok(trades.length > 7 && trades[0]?.symbol === 'AAPL' && trades.at(-1)?.symbol === 'F');
});

test('years of daily bars come in pages that do not hold up the others', () => {
  const first = body('/v2/stocks/bars?symbols=AAPL,MSFT&timeframe=1Day&start=2023-01-01&limit=10000', server(true));
  assert.ok(typeof first['next_page_token'] === 'string');
  const rows = (first['bars'] as Record<string, unknown[]>)['AAPL']?.length ?? 0;
  assert.ok(rows > 900 && rows < 1100, `${rows}`);
});

test('single-symbol answers carry the symbol, not a map', () => {
  const bars = body('/v2/stocks/AAPL/bars?timeframe=1Min&limit=3&start=2026-11-23T15:00:00Z');
  assert.equal(bars['symbol'], 'AAPL');
  assert.deepEqual(
    (bars['bars'] as { t: string }[]).map((bar) => bar.t),
    ['2026-11-23T15:00:00Z', '2026-11-23T15:01:00Z', '2026-11-23T15:02:00Z'],
  );
  assert.deepEqual(body('/v2/stocks/NOPE/bars?timeframe=1Day'), { symbol: 'NOPE', bars: [], next_page_token: null });
  const snapshot = body('/v2/stocks/AAPL/snapshot');
  assert.deepEqual(Object.keys(snapshot), [
    'symbol',
    'dailyBar',
    'latestQuote',
    'latestTrade',
    'minuteBar',
    'prevDailyBar',
  ]);
  assert.deepEqual(body('/v2/stocks/bars/latest?symbols=NOPE'), { bars: {} });
  assert.deepEqual(body('/v1beta1/news?symbols=AAPL'), { news: [], next_page_token: null });
});

test('refusals are in the words of Alpaca', () => {
  assert.deepEqual(refused('/v2/stocks/bars?symbols=AAPL&timeframe=1Day&limit=10001'), [
    400,
    'invalid limit: larger than the allowed maximum of 10000',
  ]);
  assert.deepEqual(refused('/v1beta3/crypto/us/latest/quotes?symbols=BTCUSD'), [
    400,
    'invalid symbol: BTCUSD does not match ^[A-Z]+x?/[A-Z]+$',
  ]);
  assert.deepEqual(refused('/v2/assets/NOPE'), [404, 'asset not found for NOPE']);
  assert.deepEqual(refused('/v2/options/contracts/AAPL261218C00270500'), [
    404,
    'option contract AAPL261218C00270500 not found',
  ]);
  for (const url of [
    '/v2/stocks/bars?symbols=AAPL&timeframe=2Day',
    '/v2/stocks/bars?symbols=AAPL',
    '/v2/stocks/bars?timeframe=1Day',
    '/v2/stocks/quotes/latest?symbols=BTC/USD',
    '/v2/stocks/quotes/latest?symbols=AAPL&feed=nonsense',
    '/v2/stocks/trades?symbols=AAPL&start=yesterday',
    '/v2/stocks/trades?symbols=AAPL&start=2026-11-23&end=2026-11-20',
    '/v2/stocks/trades?symbols=AAPL&sort=up',
    '/v2/stocks/trades?symbols=AAPL&page_token=nonsense',
    '/v2/stocks/trades?symbols=AAPL&limit=0',
    '/v1beta3/crypto/mars/latest/quotes?symbols=BTC/USD',
    '/v1beta1/options/quotes/latest?symbols=AAPL',
    '/v1beta1/news?limit=51',
    '/v3/calendar/MARS',
  ])
    assert.equal(refused(url)[0], 400, url);
});

test('without the right to real-time SIP data, its last 15 minutes are refused', () => {
  const basic = server(false, { realtimeSip: false });
  const message = 'subscription does not permit querying recent SIP data';
  assert.deepEqual(refused('/v2/stocks/quotes/latest?symbols=AAPL&feed=sip', basic), [403, message]);
  assert.deepEqual(refused('/v2/stocks/trades?symbols=AAPL&feed=sip&end=2026-11-23T16:50:00Z', basic), [403, message]);
  const quotes = body('/v2/stocks/quotes/latest?symbols=AAPL', basic)['quotes'] as Record<string, { bx: string }>;
  assert.equal(quotes['AAPL']?.bx, 'V', 'IEX is the default');
  const rows = body('/v2/stocks/AAPL/trades?sort=desc&limit=1', basic)['trades'] as { t: string }[];
  assert.ok((rows[0]?.t ?? '') <= '2026-11-23T16:45:00.2Z');
  assert.equal(body('/v2/stocks/AAPL/trades?sort=desc&limit=1')['symbol'], 'AAPL');
});

test('the delayed feed is the real one of 15 minutes ago', () => {
  const delayed = body('/v2/stocks/AAPL/quotes/latest?feed=delayed_sip');
  const before = server(false, {}, NOW - 900_000_000_000n);
  assert.deepEqual(delayed, body('/v2/stocks/AAPL/quotes/latest', before));
});

test('option contracts come in pages, filtered, by default up to the weekend', () => {
  type Rows = readonly {
    symbol: string;
    expiration_date: string;
    strike_price: string;
    type: string;
    status: string;
  }[];
  const rows = (query: string): Rows => body(`/v2/options/contracts?${query}`)['option_contracts'] as Rows;
  assert.ok(rows('underlying_symbols=AAPL').every((row) => row.expiration_date === '2026-11-27'));
  for (const date of [21, 22, 23, 27, 28]) {
    const day = server(false, {}, BigInt(Date.UTC(2026, 10, date, 17)) * 1_000_000n);
    const found = body('/v2/options/contracts?underlying_symbols=AAPL', day)['option_contracts'] as Rows;
    assert.equal(found[0]?.expiration_date, date < 28 ? '2026-11-27' : '2026-12-04', `on November ${date}`);
  }
  const wanted =
    'underlying_symbols=AAPL,SPY&type=put&strike_price_gte=250&strike_price_lte=300&expiration_date_gte=2026-12-01&expiration_date_lte=2027-03-31';
  const all = rows(`${wanted}&limit=10000`);
  assert.ok(all.length > 50);
  for (const row of all) {
    assert.ok(row.type === 'put' && Number(row.strike_price) >= 250 && Number(row.strike_price) <= 300);
    assert.ok(row.expiration_date >= '2026-12-01' && row.expiration_date <= '2027-03-31' && row.status === 'active');
  }
  const paged: string[] = [];
  let token: unknown = '';
  while (token !== null) {
    const page = body(`/v2/options/contracts?${wanted}&limit=30${token === '' ? '' : `&page_token=${token}`}`);
    paged.push(...(page['option_contracts'] as Rows).map((row) => row.symbol));
    token = page['next_page_token'];
  }
  assert.deepEqual(
    paged,
    all.map((row) => row.symbol),
  );
  const expired = rows('underlying_symbols=AAPL&status=inactive');
  assert.ok(
    expired.length > 0 && expired.every((row) => row.status === 'inactive' && row.expiration_date < '2026-11-23'),
  );
  assert.ok('deliverables' in (rows('underlying_symbols=AAPL&show_deliverables=True&limit=1')[0] ?? {}));
});

test('clock and calendar tell the market hours in New York time', () => {
  const weekend = BigInt(Date.UTC(2026, 10, 28, 17)) * 1_000_000n;
  assert.deepEqual(body('/v2/clock', server(true, {}, weekend)), {
    timestamp: '2026-11-28T12:00:00-05:00',
    is_open: false,
    next_open: '2026-11-30T09:30:00-05:00',
    next_close: '2026-11-30T16:00:00-05:00',
  });
  assert.equal(body('/v2/clock', server(false, {}, weekend))['is_open'], true);
  assert.equal(body('/v2/clock')['timestamp'], '2026-11-23T12:00:00.123456789-05:00');
  const [clock] = body('/v3/clock?markets=NASDAQ&time=2026-11-27T18:30:00Z', server(true))['clocks'] as Record<
    string,
    unknown
  >[];
  assert.equal(clock?.['phase'], 'post');
  assert.equal(clock?.['phase_until'], '2026-11-27T17:00:00-05:00');
  const { calendar } = body('/v3/calendar/NYSE?start=2026-11-26&end=2026-11-27&timezone=UTC') as {
    calendar: Record<string, string>[];
  };
  assert.deepEqual(
    [calendar.length, calendar[0]?.['core_end'], calendar[0]?.['settlement_date']],
    [1, '2026-11-27T18:00:00Z', '2026-11-30'],
  );
  const settled = JSON.parse(get('/v2/calendar?date_type=SETTLEMENT&start=2026-11-27&end=2026-11-27').body);
  assert.deepEqual(
    settled.map((day: { date: string }) => day.date),
    ['2026-11-25'],
  );
  const all = JSON.parse(get('/v2/calendar').body);
  assert.deepEqual([all[0].date, all.at(-1).date], ['1970-01-02', '2029-12-31']);
});

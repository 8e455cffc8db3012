/**
 * Market data over REST as the official client sees it.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TimeFrame } from '@alpacahq/alpaca-trade-api';
import { type Compat, openCompat } from './client.ts';

let compat: Compat;
before(async () => {
  compat = await openCompat();
});
after(() => compat.close());

const daysAgo = (days: number): Date => new Date(Date.now() - days * 86_400_000);

test('stocks: latest, snapshots, history', async () => {
  const { stocks } = compat.alpaca.marketData;
  const quotes = await stocks.stockLatestQuotes({ symbols: 'AAPL,MSFT,ZZZZZ' });
  assert.deepEqual(Object.keys(quotes.quotes).sort(), ['AAPL', 'MSFT']);
  const quote = quotes.quotes['AAPL'];
  assert.ok(quote && quote.bp > 0 && quote.ap >= quote.bp);
  const single = await stocks.stockLatestQuoteSingle({ symbol: 'AAPL' });
  assert.equal(single.symbol, 'AAPL');
  const trades = await stocks.stockLatestTrades({ symbols: 'AAPL' });
  assert.ok((trades.trades['AAPL']?.p ?? 0) > 0);
  const trade = await stocks.stockLatestTradeSingle({ symbol: 'AAPL' });
  assert.equal(trade.symbol, 'AAPL');
  const bars = await stocks.stockLatestBars({ symbols: 'AAPL' });
  assert.ok((bars.bars['AAPL']?.h ?? 0) >= (bars.bars['AAPL']?.l ?? 1));
  assert.equal((await stocks.stockLatestBarSingle({ symbol: 'AAPL' })).symbol, 'AAPL');
  const snapshots = await stocks.stockSnapshots({ symbols: 'AAPL' });
  assert.ok(snapshots['AAPL']?.dailyBar && snapshots['AAPL']?.prevDailyBar);
  assert.ok((await stocks.stockSnapshotSingle({ symbol: 'MSFT' })).latestTrade);

  const daily = await stocks.stockBars({ symbols: 'AAPL', timeframe: '1Day', start: daysAgo(30) });
  assert.ok((daily.bars['AAPL']?.length ?? 0) >= 10);
  const first = await stocks.stockBarSingle({ symbol: 'AAPL', timeframe: '1Min', start: daysAgo(3), limit: 3 });
  assert.equal(first.bars.length, 3);
  assert.ok(first.nextPageToken);
  const second = await stocks.stockBarSingle({
    symbol: 'AAPL',
    timeframe: '1Min',
    start: daysAgo(3),
    limit: 3,
    pageToken: first.nextPageToken ?? '',
  });
  assert.ok(Number(second.bars[0]?.t) > Number(first.bars[2]?.t));
  assert.ok((await stocks.stockQuotes({ symbols: 'AAPL', start: daysAgo(3), limit: 5 })).quotes['AAPL']?.length);
  assert.ok((await stocks.stockTrades({ symbols: 'AAPL', start: daysAgo(3), limit: 5 })).trades['AAPL']?.length);
  assert.ok((await stocks.stockAuctions({ symbols: 'AAPL', start: daysAgo(10) })).auctions['AAPL']?.length);
  const collected = await compat.alpaca.marketData.getStockBarsFor('AAPL', {
    timeframe: TimeFrame.Hour,
    start: daysAgo(4),
    limit: 7,
  });
  assert.ok(collected.length > 7, 'the client follows the pages');
  assert.ok(((await compat.alpaca.marketData.getLatestPrice('AAPL')) ?? 0) > 0);
});

test('crypto: latest, snapshots, history, with the slash', async () => {
  const { crypto } = compat.alpaca.marketData;
  const symbols = 'BTC/USD,ETH/USD';
  const quotes = await crypto.cryptoLatestQuotes({ loc: 'us', symbols });
  assert.deepEqual(Object.keys(quotes.quotes).sort(), ['BTC/USD', 'ETH/USD']);
  assert.ok((await crypto.cryptoLatestTrades({ loc: 'us', symbols })).trades['BTC/USD']);
  assert.ok((await crypto.cryptoLatestBars({ loc: 'us', symbols })).bars['BTC/USD']);
  const books = await crypto.cryptoLatestOrderbooks({ loc: 'us', symbols });
  assert.ok((books.orderbooks['BTC/USD']?.a.length ?? 0) > 0);
  assert.ok((await crypto.cryptoSnapshots({ loc: 'us', symbols })).snapshots['ETH/USD']?.latestQuote);
  const bars = await crypto.cryptoBars({ loc: 'us', symbols, timeframe: '1Day', start: daysAgo(15) });
  assert.ok((bars.bars['BTC/USD']?.length ?? 0) >= 10);
  assert.ok((await crypto.cryptoQuotes({ loc: 'us', symbols, start: daysAgo(1), limit: 5 })).quotes['BTC/USD']);
  assert.ok((await crypto.cryptoTrades({ loc: 'us', symbols, start: daysAgo(1), limit: 5 })).trades['BTC/USD']);
});

test('options: chain, latest, snapshots, bars', async () => {
  const { options } = compat.alpaca.marketData;
  const expiry = new Date(Date.now() + 45 * 86_400_000);
  const chain = await options.optionChain({ underlyingSymbol: 'AAPL', expirationDateLte: expiry, limit: 10 });
  const symbols = Object.keys(chain.snapshots);
  assert.equal(symbols.length, 10);
  const [first = ''] = symbols;
  const quotes = await options.optionLatestQuotes({ symbols: first });
  assert.ok((quotes.quotes[first]?.ap ?? 0) > 0);
  assert.ok(await options.optionLatestTrades({ symbols: first }));
  const snapshots = await options.optionSnapshots({ symbols: first });
  assert.ok(snapshots.snapshots[first]);
  assert.ok(await options.optionBars({ symbols: first, timeframe: '1Day', start: daysAgo(10) }));
});

test('news is empty, and errors are errors', async () => {
  const news = await compat.alpaca.marketData.news.news({});
  assert.deepEqual(news.news, []);
  const { crypto, stocks } = compat.alpaca.marketData;
  await assert.rejects(crypto.cryptoLatestQuotes({ loc: 'us', symbols: 'BTCUSD' }), /invalid symbol/);
  await assert.rejects(stocks.stockBars({ symbols: 'AAPL', timeframe: '1Day', limit: 10_001 }), /invalid limit/);
});

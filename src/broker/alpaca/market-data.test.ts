/** Which instrument a symbol names, which requests follow, and how answers are read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MarketDataRequest } from '../../order/request.ts';
import type { MarketDataPart } from '../broker.ts';
import { instrumentOf, marketDataPath, marketDataPlan, readMarketData } from './market-data.ts';
import { readJson } from './wire-json.ts';

test('the kind of a symbol', () => {
  const rows: readonly (readonly [string, MarketDataPart['kind'], string])[] = [
    ['AAPL', 'stock', 'AAPL'],
    ['BRK.B', 'stock', 'BRK.B'],
    ['GOOGL', 'stock', 'GOOGL'],
    ['USD', 'stock', 'USD'],
    ['BTC', 'stock', 'BTC'],
    ['BTC/USD', 'crypto', 'BTC/USD'],
    ['BTCUSD', 'crypto', 'BTC/USD'],
    ['btcusd', 'crypto', 'BTC/USD'],
    ['BTCUSDT', 'crypto', 'BTC/USDT'],
    ['ETHUSDC', 'crypto', 'ETH/USDC'],
    ['USDTUSD', 'crypto', 'USDT/USD'],
    ['ETHBTC', 'crypto', 'ETH/BTC'],
    ['SHIBUSD', 'crypto', 'SHIB/USD'],
    ['AAPL250321C00150000', 'option', 'AAPL250321C00150000'],
    ['F260116P00012500', 'option', 'F260116P00012500'],
  ];
  for (const [asked, kind, symbol] of rows) assert.deepEqual(instrumentOf(asked), { kind, symbol }, asked);
});

const part = (
  kind: MarketDataPart['kind'],
  dataType: MarketDataPart['dataType'],
  ...symbols: string[]
): MarketDataPart => ({
  kind,
  dataType,
  symbols: new Map(symbols.map((asked) => [asked, instrumentOf(asked).symbol])),
});

test('one request per kind, however many symbols, and one symbol for two spellings of a pair', () => {
  const request = {
    symbols: ['AAPL', 'BTCUSD', 'BTC/USD', 'AAPL250321C00150000', 'MSFT'],
    dataType: 'quote',
  } as unknown as MarketDataRequest;
  const plan = marketDataPlan(request);
  assert.deepEqual(plan, [
    part('stock', 'quote', 'AAPL', 'MSFT'),
    part('crypto', 'quote', 'BTCUSD', 'BTC/USD'),
    part('option', 'quote', 'AAPL250321C00150000'),
  ]);
  assert.deepEqual(plan.map(marketDataPath), [
    '/v2/stocks/quotes/latest?symbols=AAPL%2CMSFT',
    '/v1beta3/crypto/us/latest/quotes?symbols=BTC%2FUSD',
    '/v1beta1/options/quotes/latest?symbols=AAPL250321C00150000',
  ]);
  assert.equal(marketDataPath(part('stock', 'bar', 'A')), '/v2/stocks/bars/latest?symbols=A');
  assert.equal(
    marketDataPath(part('crypto', 'trade', 'BTC/USD')),
    '/v1beta3/crypto/us/latest/trades?symbols=BTC%2FUSD',
  );
  assert.equal(
    marketDataPath(part('option', 'bar', 'F260116P00012500')),
    '/v1beta1/options/snapshots?symbols=F260116P00012500&limit=1000',
  );
});

test('answers keep the digits, answer under the spelling asked, and leave out what has no data', () => {
  const crypto = part('crypto', 'bar', 'BTCUSD', 'BTC/USD', 'ETHUSD');
  const bars = readMarketData(
    crypto,
    readJson(
      '{"bars":{"BTC/USD":{"t":"T","o":29059,"h":29060.10,"l":2e4,"c":29059.000000001,"v":0,"n":0,"vw":29059.5}}}',
    ),
  );
  const bar = {
    open: '29059',
    high: '29060.10',
    low: '20000',
    close: '29059.000000001',
    volume: '0',
    vwap: '29059.5',
    trade_count: '0',
    timestamp: 'T',
  };
  assert.deepEqual(
    bars,
    new Map([
      ['BTCUSD', bar],
      ['BTC/USD', bar],
    ]),
  );

  const contract = 'AAPL250321C00150000';
  const option = part('option', 'bar', contract, 'F260116P00012500');
  const snapshots = `{"snapshots":{"${contract}":{"minuteBar":{"t":"T","o":1,"h":1,"l":1,"c":1.05,"v":2,"n":1,"vw":1.01}},"F260116P00012500":{"latestQuote":{}}},"next_page_token":null}`;
  const minute = readMarketData(option, readJson(snapshots));
  assert.deepEqual([...(minute?.keys() ?? [])], [contract]);
  assert.equal(minute?.get(contract)?.['close'], '1.05');

  const trade = readMarketData(part('stock', 'trade', 'AAPL'), readJson('{"trades":{"AAPL":{"t":"T","p":172.8}}}'));
  assert.deepEqual(trade?.get('AAPL'), { price: '172.8', size: null, timestamp: 'T' });
});

test('a body of another shape is no answer, and a symbol cannot name a part of the machine', () => {
  assert.equal(readMarketData(part('stock', 'trade', 'AAPL'), readJson('{"quotes":{}}')), null);
  assert.equal(readMarketData(part('stock', 'trade', 'AAPL'), readJson('[]')), null);
  const odd: MarketDataPart = { kind: 'stock', dataType: 'trade', symbols: new Map([['constructor', 'constructor']]) };
  assert.deepEqual(readMarketData(odd, readJson('{"trades":{}}')), new Map());
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cryptoPair, isStockSymbol, kindOf, optionContract } from './symbol.ts';

test('stocks', () => {
  for (const symbol of ['A', 'AAPL', 'BRK.B', 'BAC.PRL', 'ZVZZT']) assert.ok(isStockSymbol(symbol), symbol);
  for (const symbol of ['', 'aapl', 'BRK/B', '.A', 'A.', 'AAPL ', 'AAPL\n', 'АAPL', 'ABCDEFGHI'])
    assert.ok(!isStockSymbol(symbol), symbol);
});

test('a pair is the same with and without its slash', () => {
  const pairs = {
    BTCUSD: 'BTC/USD',
    'BTC/USD': 'BTC/USD',
    ETHBTC: 'ETH/BTC',
    BTCUSDT: 'BTC/USDT',
    USDTUSD: 'USDT/USD',
    USDCUSD: 'USDC/USD',
  };
  for (const [text, pair] of Object.entries(pairs)) assert.equal(cryptoPair(text), pair);
  for (const text of ['BTC', 'BTC/EUR', 'btc/usd', 'BTC-USD', '/USD', 'BTC/USD/', 'B/USD', 'USD'])
    assert.equal(cryptoPair(text), null, text);
});

test('option contracts have a real date and a strike', () => {
  assert.deepEqual(optionContract('AAPL250321C00150000'), {
    root: 'AAPL',
    expiry: '250321',
    type: 'call',
    strikeMills: 150_000,
  });
  assert.deepEqual(optionContract('AAPL1250321P00002500'), {
    root: 'AAPL1',
    expiry: '250321',
    type: 'put',
    strikeMills: 2500,
  });
  for (const text of [
    'AAPL250230C00150000',
    'AAPL250321C00000000',
    'AAPL250321c00150000',
    'AAPL250321C150000',
    'AAPL  250321C00150000',
    '250321C00150000',
  ]) {
    assert.equal(optionContract(text), null, text);
  }
});

test('the kind of a symbol', () => {
  assert.equal(kindOf('AAPL'), 'stock');
  assert.equal(kindOf('FUSD'), 'stock');
  assert.equal(kindOf('BRK.B'), 'stock');
  assert.equal(kindOf('BTC/USD'), 'crypto');
  assert.equal(kindOf('BTCUSD'), 'crypto');
  assert.equal(kindOf('AAPL250321C00150000'), 'option');
  assert.equal(kindOf('aapl'), null);
});

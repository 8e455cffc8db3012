import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { micros } from '../lib/clock.ts';
import { type OrderType, orderName } from './name.ts';
import { contentOf, parse } from './parse.ts';
import type { Request } from './request.ts';

const STAMP = '20260213143022123456';
const RECEIVED = micros(Date.UTC(2026, 1, 13, 14, 30, 23) * 1000);

/** The request of a file with this payload (JSON text) and these further envelope members (JSON text, with their comma). */
function read(type: OrderType, payload: string, more = ''): Request {
  const name = orderName('paper', 'a1', type, STAMP);
  assert.ok(name);
  const text = `{"agent_id":"a1","client_order_id":"${name.clientOrderId}","order_type":"${type}","mode":"paper","payload":${payload}${more}}`;
  const result = parse({ fileName: name, bytes: Buffer.from(text), receivedAt: RECEIVED });
  assert.ok(result.ok, JSON.stringify(result));
  return result.request;
}

/** The request without its envelope. */
function body(type: OrderType, payload: string): object {
  const { name, mode, agent, clientOrderId, requestOrderId, sendBy, metaJson, ...rest } = read(type, payload);
  assert.deepEqual([name.type, mode, agent, clientOrderId], [type, 'paper', 'a1', `a1_${STAMP}_${type}`]);
  assert.deepEqual([requestOrderId, sendBy, metaJson], [null, null, null]);
  return rest;
}

describe('stocks', () => {
  const BUY = {
    type: 'stockbuy',
    symbol: 'AAPL',
    side: 'buy',
    size: { qty: '10' },
    terms: { type: 'market' },
    timeInForce: 'day',
    extendedHours: false,
    exits: { orderClass: 'simple' },
  };
  const check = (title: string, payload: string, expected: object, type: OrderType = 'stockbuy'): void => {
    test(title, () =>
      assert.deepEqual(body(type, payload), { ...BUY, type, side: type === 'stockbuy' ? 'buy' : 'sell', ...expected }),
    );
  };
  const AAPL = '{"symbol":"AAPL","qty":10,"time_in_force":"day"';
  check('market', `${AAPL},"order_class":"market"}`, {});
  for (const qty of ['123456789012.123456789', '"123456789012.123456789"']) {
    check(`every digit of qty ${qty}`, `{"symbol":"AAPL","qty":${qty},"time_in_force":"day","order_class":"market"}`, {
      size: { qty: '123456789012.123456789' },
    });
  }
  check('sale', `${AAPL},"order_class":"market"}`, {}, 'stocksell');
  check('limit, digits as written', `${AAPL},"order_class":"limit","limit_price":200.00}`, {
    terms: { type: 'limit', limitPrice: '200' },
  });
  check('sub-dollar limit', `${AAPL},"order_class":"limit","limit_price":"0.1234"}`, {
    terms: { type: 'limit', limitPrice: '0.1234' },
  });
  check('stop', `${AAPL},"order_class":"stop","stop_price":"99.5"}`, { terms: { type: 'stop', stopPrice: '99.5' } });
  check('stop limit', `${AAPL},"order_class":"stop_limit","stop_price":"99","limit_price":98}`, {
    terms: { type: 'stop_limit', stopPrice: '99', limitPrice: '98' },
  });
  check('trailing by price', `${AAPL},"order_class":"trailing_stop","trail_price":1.5}`, {
    terms: { type: 'trailing_stop', trail: { price: '1.5' } },
  });
  check('trailing by percent', `${AAPL},"order_class":"trailing_stop","trail_percent":"0.1"}`, {
    terms: { type: 'trailing_stop', trail: { percent: '0.1' } },
  });
  check('extended hours', `${AAPL},"order_class":"limit","limit_price":1,"extended_hours":true}`, {
    terms: { type: 'limit', limitPrice: '1' },
    extendedHours: true,
  });
  check('extended hours off, with market', `${AAPL},"order_class":"market","extended_hours":false}`, {});
  check('nine decimals', '{"symbol":"BRK.B","qty":0.123456789,"time_in_force":"day","order_class":"market"}', {
    symbol: 'BRK.B',
    size: { qty: '0.123456789' },
  });
  check('10.0 shares are whole', '{"symbol":"AAPL","qty":"10.0","time_in_force":"ioc","order_class":"market"}', {
    timeInForce: 'ioc',
  });
  check('notional', '{"symbol":"AAPL","notional":"1.50","time_in_force":"day","order_class":"limit","limit_price":5}', {
    size: { notional: '1.5' },
    terms: { type: 'limit', limitPrice: '5' },
  });
  const PAIR = '"take_profit":{"limit_price":"210"},"stop_loss":{"stop_price":190,"limit_price":"189.5"}';
  check('bracket', `${AAPL},"order_class":"limit","limit_price":200,${PAIR}}`, {
    terms: { type: 'limit', limitPrice: '200' },
    exits: { orderClass: 'bracket', takeProfit: '210', stopLoss: { stopPrice: '190', limitPrice: '189.5' } },
  });
  check(
    'bracket at a cent from the limit',
    `${AAPL},"order_class":"limit","limit_price":200,"take_profit":{"limit_price":"200.01"},"stop_loss":{"stop_price":199.99}}`,
    {
      terms: { type: 'limit', limitPrice: '200' },
      exits: { orderClass: 'bracket', takeProfit: '200.01', stopLoss: { stopPrice: '199.99', limitPrice: null } },
    },
  );
  check('oto with a stop loss', `${AAPL},"order_class":"market","stop_loss":{"stop_price":190}}`, {
    exits: { orderClass: 'oto', takeProfit: null, stopLoss: { stopPrice: '190', limitPrice: null } },
  });
  check(
    'oto with a take profit, short entry',
    `${AAPL},"order_class":"market","take_profit":{"limit_price":190}}`,
    { exits: { orderClass: 'oto', takeProfit: '190', stopLoss: null } },
    'stocksell',
  );
  check(
    'oco of a long position',
    `${AAPL},"order_class":"oco",${PAIR}}`,
    {
      terms: { type: 'limit', limitPrice: '210' },
      exits: { orderClass: 'oco', takeProfit: '210', stopLoss: { stopPrice: '190', limitPrice: '189.5' } },
    },
    'stocksell',
  );
  check(
    'oco of a short position',
    `${AAPL},"order_class":"oco","take_profit":{"limit_price":180},"stop_loss":{"stop_price":190}}`,
    {
      terms: { type: 'limit', limitPrice: '180' },
      exits: { orderClass: 'oco', takeProfit: '180', stopLoss: { stopPrice: '190', limitPrice: null } },
    },
  );
});

test('crypto, with and without slash', () => {
  const expected = {
    type: 'cryptobuy',
    symbol: 'BTC/USD',
    side: 'buy',
    size: { qty: '0.01' },
    terms: { type: 'market' },
    timeInForce: 'gtc',
  };
  assert.deepEqual(
    body('cryptobuy', '{"symbol":"BTCUSD","qty":0.01,"order_class":"market","time_in_force":"gtc"}'),
    expected,
  );
  assert.deepEqual(
    body('cryptobuy', '{"symbol":"BTC/USD","qty":"0.010","order_class":"market","time_in_force":"gtc"}'),
    expected,
  );
  assert.deepEqual(
    body(
      'cryptosell',
      '{"symbol":"ETH/BTC","notional":20,"order_class":"stop_limit","stop_price":"0.031","limit_price":"0.030000001","time_in_force":"ioc"}',
    ),
    {
      type: 'cryptosell',
      symbol: 'ETH/BTC',
      side: 'sell',
      size: { notional: '20' },
      terms: { type: 'stop_limit', stopPrice: '0.031', limitPrice: '0.030000001' },
      timeInForce: 'ioc',
    },
  );
});

test('one option contract; that it has expired is not the parser’s to say', () => {
  assert.deepEqual(
    body(
      'optionsingle',
      '{"symbol":"AAPL250321C00150000","qty":1,"side":"buy","order_class":"limit","limit_price":5.50,"time_in_force":"day"}',
    ),
    {
      type: 'optionsingle',
      symbol: 'AAPL250321C00150000',
      side: 'buy',
      qty: '1',
      terms: { type: 'limit', limitPrice: '5.5' },
      timeInForce: 'day',
      positionIntent: null,
    },
  );
  assert.deepEqual(
    body(
      'optionsingle',
      '{"symbol":"AAPL250321P00150000","qty":"2","side":"sell","order_class":"stop","stop_price":"3","time_in_force":"gtc","position_intent":"sell_to_close"}',
    ),
    {
      type: 'optionsingle',
      symbol: 'AAPL250321P00150000',
      side: 'sell',
      qty: '2',
      terms: { type: 'stop', stopPrice: '3' },
      timeInForce: 'gtc',
      positionIntent: 'sell_to_close',
    },
  );
});

describe('several option contracts', () => {
  const LEGS =
    '"legs":[{"symbol":"AAPL250321C00150000","side":"buy","ratio_qty":1},{"symbol":"AAPL250321C00155000","side":"sell","ratio_qty":"1"}]';
  const legs = [
    { symbol: 'AAPL250321C00150000', side: 'buy', ratioQty: '1', positionIntent: null },
    { symbol: 'AAPL250321C00155000', side: 'sell', ratioQty: '1', positionIntent: null },
  ];
  const check = (title: string, terms: string, expected: object): void => {
    test(title, () => {
      const usual = { type: 'optionmulti', qty: '1', limitPrice: null, timeInForce: 'day', legs, strategy: 'vertical' };
      assert.deepEqual(body('optionmulti', `{"order_class":"mleg","time_in_force":"day",${terms},${LEGS}}`), {
        ...usual,
        ...expected,
      });
    });
  };
  check('debit, one unit when qty is left out', '"type":"limit","limit_price":2.00', { limitPrice: '2' });
  check('credit', '"type":"limit","limit_price":-2.50,"qty":3', { limitPrice: '-2.5', qty: '3' });
  check('even', '"type":"limit","limit_price":"0"', { limitPrice: '0' });
  check('market', '"type":"market"', {});

  test('an adjusted contract belongs to the same underlying', () => {
    const mixed = LEGS.replace('AAPL250321C00155000', 'AAPL1250321C00155000');
    assert.equal(
      read('optionmulti', `{"order_class":"mleg","time_in_force":"day","type":"market",${mixed}}`).type,
      'optionmulti',
    );
  });
});

test('queries and their defaults', () => {
  const LIST = {
    symbols: [],
    ofAgent: null,
    after: null,
    until: null,
    direction: 'desc',
    side: null,
    limit: 100,
    maxAgeMs: null,
  };
  assert.deepEqual(body('openorders', '{}'), { type: 'openorders', status: 'open', ...LIST });
  assert.deepEqual(body('openorders', '{"status":"closed","limit":500,"symbols":["BTC/USD","AAPL"],"agent":"a2"}'), {
    type: 'openorders',
    ...LIST,
    status: 'closed',
    limit: 500,
    symbols: ['BTC/USD', 'AAPL'],
    ofAgent: 'a2',
  });
  assert.deepEqual(body('allorders', '{}'), { type: 'allorders', status: 'all', ...LIST });
  assert.deepEqual(
    body(
      'allorders',
      '{"limit":"1","after":"2026-02-01T00:00:00Z","until":"2026-02-02T00:00:00+01:00","direction":"asc","side":"sell"}',
    ),
    {
      type: 'allorders',
      ...LIST,
      status: 'all',
      limit: 1,
      after: '2026-02-01T00:00:00Z',
      until: '2026-02-02T00:00:00+01:00',
      direction: 'asc',
      side: 'sell',
    },
  );
  const symbols = ['AAPL', 'BTCUSD', 'BTC/USD', 'AAPL250321C00150000'];
  assert.deepEqual(body('marketdata', JSON.stringify({ symbols, data_type: 'bar' })), {
    type: 'marketdata',
    symbols,
    dataType: 'bar',
    maxAgeMs: null,
  });
  const hundred = Array.from({ length: 100 }, (_, i) => `A${i}`);
  assert.deepEqual(body('marketdata', JSON.stringify({ symbols: hundred, data_type: 'quote' })), {
    type: 'marketdata',
    symbols: hundred,
    dataType: 'quote',
    maxAgeMs: null,
  });
  assert.deepEqual(body('orderstatus', '{"client_order_id":"any id"}'), {
    type: 'orderstatus',
    target: { clientOrderId: 'any id' },
    maxAgeMs: null,
  });
  assert.deepEqual(body('cancelorder', '{"alpaca_order_id":"61e69015-8549-4bfd-b9c3-01e75843f47d"}'), {
    type: 'cancelorder',
    target: { alpacaOrderId: '61e69015-8549-4bfd-b9c3-01e75843f47d' },
  });
  assert.deepEqual(body('positions', '{}'), { type: 'positions', assetClass: null, maxAgeMs: null });
  assert.deepEqual(body('positions', '{"asset_class":"crypto"}'), {
    type: 'positions',
    assetClass: 'crypto',
    maxAgeMs: null,
  });
  assert.deepEqual(body('accountinfo', '{}'), { type: 'accountinfo', maxAgeMs: null });
  assert.deepEqual(body('accountinfo', '{"max_age_ms":0}'), { type: 'accountinfo', maxAgeMs: 0 });
});

test('the optional part of the envelope', () => {
  const more =
    ',"request_order_id":"my n° 7","send_by":"2026-02-13T14:30:23.000001Z","meta":{"model":"m","p":0.10,"ignore":"previous instructions"}';
  const request = read('accountinfo', '{}', more);
  assert.equal(request.requestOrderId, 'my n° 7');
  assert.equal(request.sendBy, RECEIVED + 1);
  assert.equal(request.metaJson, '{"model":"m","p":0.10,"ignore":"previous instructions"}');
});

test('equal content is equal whatever its spelling', () => {
  const meta = (text: string): string => `,"meta":${text}`;
  const first = read(
    'stockbuy',
    '{"symbol":"AAPL","qty":10,"order_class":"market","time_in_force":"day"}',
    meta('{"a":1,"b":"x"}'),
  );
  const again = read(
    'stockbuy',
    '{ "time_in_force":"day","order_class":"market","qty":"10.00","symbol":"AAPL","extended_hours":false}',
    meta('{"b":"x","a":1}'),
  );
  const other = read(
    'stockbuy',
    '{"symbol":"AAPL","qty":11,"order_class":"market","time_in_force":"day"}',
    meta('{"a":1,"b":"x"}'),
  );
  assert.equal(contentOf(again), contentOf(first));
  assert.notEqual(contentOf(other), contentOf(first));
});

test('the reference of a bad file is told where it can be read', () => {
  const name = orderName('paper', 'a1', 'accountinfo', STAMP);
  assert.ok(name);
  const referenceOf = (text: string): string | null => {
    const result = parse({ fileName: name, bytes: Buffer.from(text), receivedAt: RECEIVED });
    assert.ok(!result.ok);
    assert.equal((result.error.details['problems'] as unknown[]).length > 0, true);
    return result.requestOrderId;
  };
  assert.equal(referenceOf('{"request_order_id":"mine"}'), 'mine');
  assert.equal(referenceOf('{"request_order_id":17}'), null);
  assert.equal(referenceOf('{}'), null);
  assert.equal(referenceOf('{"request_order_id":"mine"'), null);
  assert.equal(referenceOf(''), null);
});

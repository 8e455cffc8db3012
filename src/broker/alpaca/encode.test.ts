/** Requests on the wire, byte for byte, and what counts as a difference in what comes back. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Micros } from '../../lib/clock.ts';
import { canonical as d } from '../../order/decimal.ts';
import type { AgentId, ClientOrderId, OrderName, OrderType } from '../../order/name.ts';
import type { CryptoTrade, Envelope, MultiLegTrade, OptionTrade, StockTrade } from '../../order/request.ts';
import { differences, encode } from './encode.ts';
import { readOrder } from './read.ts';
import { readJson } from './wire-json.ts';

const CID = 'bot_20260213143022123456_x';
const envelope: Envelope = {
  name: { type: 'stockbuy' satisfies OrderType } as unknown as OrderName,
  mode: 'paper',
  agent: 'bot' as AgentId,
  clientOrderId: CID as ClientOrderId,
  requestOrderId: null,
  sendBy: 0 as Micros,
  metaJson: null,
};
const stock: StockTrade = {
  ...envelope,
  type: 'stockbuy',
  symbol: 'AAPL',
  side: 'buy',
  size: { qty: d('10') },
  terms: { type: 'limit', limitPrice: d('150.25') },
  timeInForce: 'day',
  extendedHours: false,
  exits: { orderClass: 'simple' },
};
const crypto: CryptoTrade = {
  ...envelope,
  type: 'cryptosell',
  symbol: 'BTC/USD',
  side: 'sell',
  size: { qty: d('0.000000001') },
  terms: { type: 'stop_limit', stopPrice: d('60000'), limitPrice: d('59999.5') },
  timeInForce: 'gtc',
};
const option: OptionTrade = {
  ...envelope,
  type: 'optionsingle',
  symbol: 'AAPL250321C00150000',
  side: 'sell',
  qty: d('1'),
  terms: { type: 'market' },
  timeInForce: 'day',
  positionIntent: 'sell_to_close',
};
const spread: MultiLegTrade = {
  ...envelope,
  type: 'optionmulti',
  qty: d('1'),
  limitPrice: d('-1.25'),
  timeInForce: 'day',
  legs: [
    { symbol: 'AAPL250321C00150000', side: 'sell', ratioQty: d('1'), positionIntent: null },
    { symbol: 'AAPL250321C00160000', side: 'buy', ratioQty: d('2'), positionIntent: 'buy_to_close' },
  ],
  strategy: null,
};

describe('encode', () => {
  const rows: readonly (readonly [string, Parameters<typeof encode>[0], string])[] = [
    [
      'a stock limit order',
      stock,
      `{"symbol":"AAPL","qty":"10","side":"buy","type":"limit","limit_price":"150.25","time_in_force":"day","client_order_id":"${CID}"}`,
    ],
    [
      'money instead of shares, at market, after hours',
      { ...stock, size: { notional: d('99.5') }, terms: { type: 'market' }, extendedHours: true },
      `{"symbol":"AAPL","notional":"99.5","side":"buy","type":"market","time_in_force":"day","extended_hours":true,"client_order_id":"${CID}"}`,
    ],
    [
      'a trailing stop',
      { ...stock, terms: { type: 'trailing_stop', trail: { percent: d('1.5') } } },
      `{"symbol":"AAPL","qty":"10","side":"buy","type":"trailing_stop","trail_percent":"1.5","time_in_force":"day","client_order_id":"${CID}"}`,
    ],
    [
      'a bracket',
      {
        ...stock,
        exits: {
          orderClass: 'bracket',
          takeProfit: d('160'),
          stopLoss: { stopPrice: d('140'), limitPrice: d('139.5') },
        },
      },
      `{"symbol":"AAPL","qty":"10","side":"buy","type":"limit","limit_price":"150.25","time_in_force":"day","order_class":"bracket","take_profit":{"limit_price":"160"},"stop_loss":{"stop_price":"140","limit_price":"139.5"},"client_order_id":"${CID}"}`,
    ],
    [
      'one triggers other',
      { ...stock, exits: { orderClass: 'oto', takeProfit: null, stopLoss: { stopPrice: d('140'), limitPrice: null } } },
      `{"symbol":"AAPL","qty":"10","side":"buy","type":"limit","limit_price":"150.25","time_in_force":"day","order_class":"oto","stop_loss":{"stop_price":"140"},"client_order_id":"${CID}"}`,
    ],
    [
      'one cancels other: a limit order whose limit is the take profit',
      {
        ...stock,
        type: 'stocksell',
        side: 'sell',
        terms: { type: 'limit', limitPrice: d('160') },
        exits: { orderClass: 'oco', takeProfit: d('160'), stopLoss: { stopPrice: d('140'), limitPrice: null } },
      },
      `{"symbol":"AAPL","qty":"10","side":"sell","type":"limit","time_in_force":"day","order_class":"oco","take_profit":{"limit_price":"160"},"stop_loss":{"stop_price":"140"},"client_order_id":"${CID}"}`,
    ],
    [
      'a crypto stop-limit, no exponent in the smallest amount',
      crypto,
      `{"symbol":"BTC/USD","qty":"0.000000001","side":"sell","type":"stop_limit","limit_price":"59999.5","stop_price":"60000","time_in_force":"gtc","client_order_id":"${CID}"}`,
    ],
    [
      'an option with its intent',
      option,
      `{"symbol":"AAPL250321C00150000","qty":"1","side":"sell","type":"market","time_in_force":"day","position_intent":"sell_to_close","client_order_id":"${CID}"}`,
    ],
    [
      'an option without intent: Alpaca infers it',
      { ...option, positionIntent: null },
      `{"symbol":"AAPL250321C00150000","qty":"1","side":"sell","type":"market","time_in_force":"day","client_order_id":"${CID}"}`,
    ],
    [
      'a credit spread: signed price, ratios as strings, an intent on every leg',
      spread,
      `{"order_class":"mleg","qty":"1","type":"limit","limit_price":"-1.25","time_in_force":"day","legs":[{"symbol":"AAPL250321C00150000","ratio_qty":"1","side":"sell","position_intent":"sell_to_open"},{"symbol":"AAPL250321C00160000","ratio_qty":"2","side":"buy","position_intent":"buy_to_close"}],"client_order_id":"${CID}"}`,
    ],
    [
      'legs at market',
      { ...spread, limitPrice: null, legs: spread.legs.slice(0, 1) },
      `{"order_class":"mleg","qty":"1","type":"market","time_in_force":"day","legs":[{"symbol":"AAPL250321C00150000","ratio_qty":"1","side":"sell","position_intent":"sell_to_open"}],"client_order_id":"${CID}"}`,
    ],
  ];
  for (const [name, trade, body] of rows) {
    test(name, () => {
      assert.deepEqual(encode(trade), { method: 'POST', path: '/v2/orders', body });
      assert.deepEqual(encode(structuredClone(trade)), encode(trade));
    });
  }
});

describe('differences', () => {
  const compare = (trade: Parameters<typeof encode>[0], told: Record<string, unknown>): readonly string[] => {
    const json = JSON.stringify({ id: 'x', client_order_id: CID, status: 'new', filled_qty: '0', ...told });
    const order = readOrder(readJson(json));
    assert.ok(order);
    return differences(encode(trade), order);
  };
  const answer = {
    symbol: 'AAPL',
    qty: '10',
    notional: null,
    side: 'buy',
    type: 'limit',
    order_type: 'limit',
    order_class: '',
    limit_price: '150.25',
    stop_price: null,
    time_in_force: 'day',
    extended_hours: false,
    legs: null,
  };

  test('the order that was asked for has none, however its numbers are written', () => {
    assert.deepEqual(compare(stock, answer), []);
    assert.deepEqual(compare(stock, { ...answer, qty: 10, limit_price: '150.250000', order_class: 'simple' }), []);
    assert.deepEqual(compare(stock, { ...answer, qty: '1e1', side: 'BUY', time_in_force: 'DAY', symbol: null }), []);
    assert.deepEqual(compare(stock, {}), []);
  });

  test('pairs are the same with and without the slash', () => {
    const told = { symbol: 'BTCUSD', qty: '0.000000001', side: 'sell', type: 'stop_limit', limit_price: '59999.50' };
    assert.deepEqual(compare(crypto, told), []);
    assert.deepEqual(compare(crypto, { ...told, symbol: 'BTC/USDT' }), ['symbol']);
    assert.deepEqual(compare(crypto, { ...told, qty: '0.0000000010000000001' }), ['qty']);
  });

  test('a buy stop may come back as the stop-limit that Alpaca makes of it, a sell stop may not', () => {
    const stop: StockTrade = { ...stock, terms: { type: 'stop', stopPrice: d('150') } };
    const told = { ...answer, type: 'stop_limit', stop_price: '150', limit_price: '153.75' };
    assert.deepEqual(compare(stop, told), []);
    assert.deepEqual(compare({ ...stop, side: 'sell' }, { ...told, side: 'sell' }), ['type']);
  });

  for (const [field, told] of [
    ['client_order_id', { client_order_id: 'other' }],
    ['symbol', { symbol: 'AAPX' }],
    ['side', { side: 'sell' }],
    ['type', { type: 'market' }],
    ['order_class', { order_class: 'bracket' }],
    ['qty', { qty: '11' }],
    ['qty', { qty: null, notional: '10' }],
    ['limit_price', { limit_price: '150.26' }],
  ] as const) {
    test(`another ${field} is told (${JSON.stringify(told)})`, () => {
      assert.deepEqual(compare(stock, { ...answer, ...told }), [field]);
    });
  }

  test('the rest of what can differ', () => {
    const afterHours = { ...stock, extendedHours: true };
    assert.deepEqual(compare(afterHours, answer), ['extended_hours']);
    const trailing: StockTrade = { ...stock, terms: { type: 'trailing_stop', trail: { price: d('2') } } };
    assert.deepEqual(compare(trailing, { ...answer, type: 'trailing_stop', trail_price: '2.5' }), ['trail_price']);
    assert.deepEqual(compare(option, { position_intent: 'sell_to_open' }), ['position_intent']);
    const oco: StockTrade = {
      ...stock,
      exits: { orderClass: 'oco', takeProfit: d('160'), stopLoss: { stopPrice: d('140'), limitPrice: null } },
    };
    assert.deepEqual(compare(oco, { ...answer, order_class: 'oco', limit_price: '160' }), []);
    assert.deepEqual(compare(oco, { ...answer, order_class: 'oco', limit_price: '161' }), ['take_profit']);
  });

  test('legs are compared by contract, side and ratio, in any order, where they are told', () => {
    const leg = (symbol: string, side: string, ratio: unknown): object => ({
      id: symbol,
      client_order_id: symbol,
      status: 'new',
      symbol,
      side,
      ratio_qty: ratio,
    });
    const [first, second] = [leg('AAPL250321C00150000', 'sell', '1'), leg('AAPL250321C00160000', 'buy', 2)];
    const told = { order_class: 'mleg', symbol: '', side: 'buy', qty: '1', type: 'limit', limit_price: '-1.25' };
    assert.deepEqual(compare(spread, { ...told, legs: [second, first] }), []);
    assert.deepEqual(compare(spread, { ...told, legs: null }), []);
    assert.deepEqual(compare(spread, { ...told, legs: [first] }), ['legs']);
    assert.deepEqual(compare(spread, { ...told, legs: [first, leg('AAPL250321C00160000', 'buy', 3)] }), ['legs']);
    assert.deepEqual(compare(spread, { ...told, legs: [first, leg('AAPL250321C00165000', 'buy', 2)] }), ['legs']);
    assert.deepEqual(compare(spread, { ...told, limit_price: '1.25', legs: [first, second] }), ['limit_price']);
  });
});

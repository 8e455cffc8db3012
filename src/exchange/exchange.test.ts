import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, micros } from '../lib/clock.ts';
import type { WireRequest } from './api/handle.ts';
import { parseNanos } from './clock.ts';
import { Exchange, type ExchangeOptions } from './exchange.ts';

/** A virtual clock: time passes only in `run`, timer by timer. */
function virtualClock() {
  let ms = 0;
  const start = Number((parseNanos('2026-11-23T15:00:00Z') ?? 0n) / 1000n);
  const timers: { at: number; run: () => void }[] = [];
  const clock: Clock = {
    now: () => micros(start + ms * 1000),
    monotonic: () => ms,
    after(delay, run) {
      const timer = { at: ms + delay, run };
      timers.push(timer);
      return () => {
        const index = timers.indexOf(timer);
        if (index >= 0) timers.splice(index, 1);
      };
    },
  };
  return {
    clock,
    timers,
    run(duration: number) {
      const end = ms + duration;
      for (;;) {
        const next = timers.toSorted((a, b) => a.at - b.at)[0];
        if (next === undefined || next.at > end) break;
        timers.splice(timers.indexOf(next), 1);
        ms = next.at;
        next.run();
      }
      ms = end;
    },
  };
}

const HEADERS = { 'apca-api-key-id': 'K', 'apca-api-secret-key': 'S' };

function open(options: ExchangeOptions = {}) {
  const time = virtualClock();
  const exchange = new Exchange({ clock: time.clock, seed: 'virtual', ...options });
  const call = (method: string, url: string, body: unknown = '', headers: WireRequest['headers'] = HEADERS) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const answer = exchange.handle({ method, url, headers, body: text });
    return { ...answer, json: answer.body === '' ? null : JSON.parse(answer.body) };
  };
  return { time, exchange, call };
}

const BUY = { symbol: 'AAPL', qty: 1, side: 'buy', type: 'limit', limit_price: 150, time_in_force: 'day' };

test('time drives the market by itself only while something depends on it', () => {
  const { time, exchange, call } = open();
  exchange.start();
  call('GET', '/v2/account');
  assert.equal(time.timers.length, 0, 'nothing rests: no timer');
  exchange.changeMarket({ kind: 'hold', symbol: 'AAPL', bid: '200', ask: '200' });
  const { json: order } = call('POST', '/v2/orders', BUY);
  assert.equal(time.timers.length, 1, 'an order rests: one timer');
  time.run(10_000);
  assert.equal(call('GET', `/v2/orders/${order.id}`).json.status, 'new');
  call('DELETE', `/v2/orders/${order.id}`);
  time.run(1_000);
  assert.equal(time.timers.length, 0, 'nothing rests any more');
  call('POST', '/v2/orders', BUY);
  exchange.stop();
  assert.equal(time.timers.length, 0);
});

test('a resting order fills when the market comes to it, on virtual time', () => {
  const { time, exchange, call } = open({ speed: 60 });
  exchange.start();
  exchange.changeMarket({ kind: 'hold', symbol: 'AAPL', bid: '200', ask: '200' });
  const { json: order } = call('POST', '/v2/orders', BUY);
  time.run(1_000);
  exchange.changeMarket({ kind: 'hold', symbol: 'AAPL', bid: '149.98', ask: '149.99' });
  const filled = call('GET', `/v2/orders/${order.id}`).json;
  assert.equal(filled.status, 'filled');
  assert.equal(filled.filled_avg_price, '149.99');
  const elapsed = Date.parse(filled.filled_at) - Date.parse(filled.created_at);
  assert.ok(elapsed >= 60_000 && elapsed < 70_000, 'a second of real time is a minute here');
});

test('numbers keep every digit, booleans may be spelled as Python does', () => {
  const { exchange, call } = open();
  exchange.changeMarket({ kind: 'hold', symbol: 'AAPL', bid: '200', ask: '200' });
  const body =
    '{"symbol":"AAPL","qty":0.123456789,"side":"buy","type":"limit","limit_price":150.10,"time_in_force":"day"}';
  const { json } = call('POST', '/v2/orders', body);
  assert.equal(json.qty, '0.123456789');
  assert.equal(json.limit_price, '150.1');
  assert.equal(call('GET', '/v2/orders?nested=True&status=all').json.length, 1);
  assert.equal(call('DELETE', '/v2/positions?cancel_orders=True').status, 207);
  assert.equal(call('GET', '/v2/orders').json.length, 0);
  const patch = { pdt_check: null, dtbp_check: null, suspend_trade: false };
  assert.equal(call('PATCH', '/v2/account/configurations', patch).status, 200);
});

test('open and closed doors: crypto data without a key, never with a wrong one', () => {
  const { call } = open({ keys: [{ key: 'K', secret: 'S', cash: '5000' }] });
  const quotes = '/v1beta3/crypto/us/latest/quotes?symbols=BTC%2FUSD';
  assert.equal(call('GET', quotes, '', {}).status, 200);
  assert.equal(call('GET', quotes, '', { ...HEADERS, 'apca-api-secret-key': 'x' }).status, 401);
  assert.equal(call('GET', '/v2/account').json.cash, '5000');
  assert.equal(call('GET', '/v2/account', '', { ...HEADERS, 'apca-api-key-id': 'other' }).status, 401);
  assert.deepEqual(call('GET', '/v2/orders', '', {}).json, { message: 'unauthorized.' });
});

test('accounts do not see each other', () => {
  const { call } = open();
  const other = { ...HEADERS, 'apca-api-key-id': 'other' };
  const { json: order } = call('POST', '/v2/orders', { ...BUY, client_order_id: 'mine' });
  assert.equal(call('GET', `/v2/orders/${order.id}`, '', other).status, 404);
  assert.equal(call('POST', '/v2/orders', { ...BUY, client_order_id: 'mine' }, other).status, 200);
  assert.equal(call('GET', '/v2/orders', '', other).json.length, 1);
});

test('when the journal cannot be written, nothing more is promised', () => {
  let broken = false;
  const store = {
    load: () => ({ snapshot: null, commands: [] }),
    append: () => {
      if (broken) throw new Error('disk full');
    },
    compact: () => {},
    close: () => {},
  };
  const { call } = open({ store });
  assert.equal(call('POST', '/v2/orders', BUY).status, 200);
  broken = true;
  assert.equal(call('POST', '/v2/orders', BUY).status, 500);
  broken = false;
  assert.equal(call('POST', '/v2/orders', BUY).status, 503, 'memory is ahead of the disk until a restart');
});

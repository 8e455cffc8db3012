/** The market data protocol: spoken by hand for its words, and by the official SDK for its shapes. No sockets. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { streaming } from '@alpacahq/alpaca-trade-api';
import { decode, encode } from '@msgpack/msgpack';
import { Market } from '../market/market.ts';
import { type DataStreamOptions, DataStreamSession, isDataStream, Seats } from './data.ts';

const NOW = BigInt(Date.UTC(2026, 10, 23, 17, 0)) * 1_000_000n;
const SECOND = 1_000_000_000n;

type Frame = Record<string, unknown>;

interface Wire {
  readonly session: DataStreamSession;
  /** Everything received since the last call. */
  take(): Frame[];
  say(message: unknown): Frame[];
  readonly closed: boolean;
}

const account = (key: string, secret: string): string | null => (secret === 'secret' ? `account of ${key}` : null);

function connect(path: string, options: Partial<DataStreamOptions> = {}): Wire {
  const codec = options.codec ?? 'json';
  const inbox: Frame[] = [];
  let closed = false;
  const port = {
    send(frame: Uint8Array | string) {
      assert.equal(typeof frame === 'string', codec === 'json');
      const messages = typeof frame === 'string' ? JSON.parse(frame) : decode(frame);
      assert.ok(Array.isArray(messages), 'every message is an array');
      inbox.push(...messages);
    },
    close() {
      closed = true;
    },
    buffered: () => 0,
  };
  const market = options.market ?? new Market({ seed: 'one', hours: false });
  const session = new DataStreamSession(port, {
    path,
    codec,
    market,
    seats: new Seats(),
    authenticate: account,
    ...options,
  });
  const take = (): Frame[] => inbox.splice(0);
  return {
    session,
    take,
    say(message) {
      session.receive(codec === 'json' ? JSON.stringify(message) : encode(message));
      return take();
    },
    get closed() {
      return closed;
    },
  };
}

const AUTH = { action: 'auth', key: 'key', secret: 'secret' };

function open(path: string, options: Partial<DataStreamOptions> = {}): Wire {
  const wire = connect(path, options);
  wire.say(AUTH);
  return wire;
}

const errors = (frames: Frame[]): unknown[] => frames.map((frame) => frame['code']);

test('the server speaks first, and answers authentication', () => {
  const wire = connect('/v2/sip');
  assert.deepEqual(wire.take(), [{ T: 'success', msg: 'connected' }]);
  assert.deepEqual(wire.say({ action: 'subscribe', trades: ['AAPL'] }), [
    { T: 'error', code: 401, msg: 'not authenticated' },
  ]);
  assert.deepEqual(wire.say({ ...AUTH, secret: 'wrong' }), [{ T: 'error', code: 402, msg: 'auth failed' }]);
  assert.deepEqual(wire.say(AUTH), [{ T: 'success', msg: 'authenticated' }]);
  assert.deepEqual(errors(wire.say(AUTH)), [403]);
  assert.deepEqual(errors(wire.say({ action: 'dance' })), [400]);
  assert.deepEqual(errors(wire.say('hello')), [400]);
  wire.session.receive('{');
  assert.deepEqual(errors(wire.take()), [400]);
});

test('headers of the upgrade authenticate too; silence ends in a timeout', () => {
  assert.deepEqual(connect('/v2/iex', { account: 'a' }).take().at(-1), { T: 'success', msg: 'authenticated' });
  assert.deepEqual(errors(connect('/v2/iex', { account: null }).take().slice(1)), [402]);
  const late = connect('/v2/iex');
  late.take();
  late.session.timeOut();
  assert.deepEqual([errors(late.take()), late.closed], [[404], true]);
  const early = open('/v2/iex');
  early.session.timeOut();
  assert.equal(early.closed, false);
});

test('an account has one connection per endpoint, until it leaves', () => {
  const seats = new Seats();
  const first = open('/v2/sip', { seats });
  const second = connect('/v2/sip', { seats });
  assert.deepEqual(errors(second.say(AUTH)).slice(-1), [406]);
  assert.equal(second.closed, true);
  second.session.ended();
  assert.equal(open('/v2/iex', { seats }).closed, false, 'another endpoint');
  const other = connect('/v2/sip', { seats });
  assert.equal(other.say({ ...AUTH, key: 'other' }).at(-1)?.['msg'], 'authenticated', 'another account');
  first.session.ended();
  first.session.ended();
  assert.equal(connect('/v2/sip', { seats }).say(AUTH).at(-1)?.['msg'], 'authenticated');
});

test('a reply tells the whole subscription, and trades bring their corrections', () => {
  const wire = open('/v2/sip');
  assert.deepEqual(wire.say({ action: 'subscribe', trades: ['AAPL'], quotes: ['SPY', 'AAPL'], bars: ['*'] }), [
    {
      T: 'subscription',
      trades: ['AAPL'],
      quotes: ['SPY', 'AAPL'],
      bars: ['*'],
      updatedBars: [],
      dailyBars: [],
      statuses: [],
      lulds: [],
      corrections: ['AAPL'],
      cancelErrors: ['AAPL'],
    },
  ]);
  const [reply] = wire.say({ action: 'unsubscribe', quotes: ['AAPL'], bars: ['*'] });
  assert.deepEqual([reply?.['quotes'], reply?.['bars'], reply?.['trades']], [['SPY'], [], ['AAPL']]);
  assert.deepEqual(Object.keys(open('/v1beta3/crypto/us').say({ action: 'subscribe', quotes: ['BTC/USD'] })[0] ?? {}), [
    'T',
    'trades',
    'quotes',
    'orderbooks',
    'bars',
    'updatedBars',
    'dailyBars',
  ]);
});

test('subscriptions that a feed cannot serve are refused by code', () => {
  assert.deepEqual(errors(open('/v1beta3/crypto/us').say({ action: 'subscribe', statuses: ['BTC/USD'] })), [410]);
  assert.deepEqual(errors(open('/v2/sip').say({ action: 'subscribe', trades: 'AAPL' })), [400]);
  assert.deepEqual(errors(open('/v2/sip').say({ action: 'subscribe' })), [400]);
  assert.deepEqual(errors(open('/v1beta1/opra').say({ action: 'subscribe', trades: ['AAPL261218C00270000'] })), [412]);
  assert.deepEqual(
    errors(open('/v1beta1/opra', { codec: 'msgpack' }).say({ action: 'subscribe', quotes: ['*'] })),
    [413],
  );
  assert.deepEqual(
    errors(open('/v2/sip', { symbolLimit: 2 }).say({ action: 'subscribe', trades: ['A', 'B'], quotes: ['C'] })),
    [405],
  );
  const basic = connect('/v2/sip', { realtimeSip: false });
  assert.deepEqual([errors(basic.say(AUTH)).at(-1), basic.closed], [409, true]);
});

test('what is streamed is what REST shows: each quote and trade once, in order', () => {
  const market = new Market({ seed: 'one', hours: false });
  const wire = open('/v2/sip', { market });
  wire.say({ action: 'subscribe', quotes: ['AAPL'], trades: ['AAPL', 'NOPE'] });
  const seen: Frame[] = [];
  for (let i = 0n; i < 50n; i++) {
    wire.session.pulse(NOW + i * (SECOND / 5n), NOW + (i + 1n) * (SECOND / 5n));
    seen.push(...wire.take());
  }
  const quotes = seen.filter((frame) => frame['T'] === 'q');
  assert.ok(quotes.length >= 19 && quotes.length <= 21, `${quotes.length} in ten seconds`);
  assert.ok(seen.some((frame) => frame['T'] === 't'));
  const times = quotes.map((quote) => quote['t']);
  assert.deepEqual(times, [...times].sort());
  const last = quotes.at(-1);
  const row = market.quoteRow('AAPL', NOW + 10n * SECOND);
  assert.deepEqual([last?.['bp'], last?.['ap']], [(row?.bid ?? 0) / 1e9, (row?.ask ?? 0) / 1e9]);
  assert.deepEqual(Object.keys(last ?? {}).sort(), ['S', 'T', 'ap', 'as', 'ax', 'bp', 'bs', 'bx', 'c', 't', 'z']);
});

test('bars come when their minute is over, for a star of every symbol', () => {
  const wire = open('/v2/sip');
  wire.say({ action: 'subscribe', bars: ['*'], dailyBars: ['AAPL'], lulds: ['AAPL'] });
  wire.session.pulse(NOW + SECOND, NOW + 59n * SECOND);
  assert.deepEqual(wire.take(), []);
  wire.session.pulse(NOW + 59n * SECOND, NOW + 60n * SECOND);
  const frames = wire.take();
  const bars = frames.filter((frame) => frame['T'] === 'b');
  assert.ok(bars.length > 200);
  assert.ok(bars.every((bar) => bar['t'] === '2026-11-23T17:00:00Z'));
  assert.equal(frames.filter((frame) => frame['T'] === 'd').length, 1);
  assert.equal(frames.filter((frame) => frame['T'] === 'l').length, 1);
  wire.session.pulse(NOW + 60n * SECOND, NOW + 61n * SECOND);
  assert.deepEqual(wire.take(), []);
});

test('halts are told on statuses, and stop the quotes', () => {
  const market = new Market({ seed: 'one', hours: false });
  const wire = open('/v2/sip', { market });
  wire.say({ action: 'subscribe', statuses: ['TSLA'], quotes: ['TSLA'] });
  market.apply({ kind: 'halt', symbol: 'TSLA', code: 'LUDP', reason: 'Volatility Trading Pause' }, NOW + SECOND);
  wire.session.pulse(NOW + SECOND - 1000n, NOW + 20n * SECOND);
  assert.deepEqual(wire.take(), [
    {
      T: 's',
      S: 'TSLA',
      sc: 'H',
      sm: 'Trading Halt',
      rc: 'LUDP',
      rm: 'Volatility Trading Pause',
      t: '2026-11-23T17:00:01Z',
      z: 'C',
    },
  ]);
  market.apply({ kind: 'resume', symbol: 'TSLA' }, NOW + 30n * SECOND);
  wire.session.pulse(NOW + 20n * SECOND, NOW + 40n * SECOND);
  const resumed = wire.take();
  assert.equal(resumed[0]?.['sc'], 'T');
  assert.ok(resumed.slice(1).every((frame) => frame['T'] === 'q') && resumed.length > 1);
});

test('coins, books, options, the test symbol and the delayed feed', () => {
  const coins = open('/v1beta3/crypto/us');
  coins.say({ action: 'subscribe', quotes: ['BTC/USD'], orderbooks: ['BTC/USD'], trades: ['*'] });
  coins.session.pulse(NOW, NOW + 5n * SECOND);
  const kinds = new Set(coins.take().map((frame) => frame['T']));
  assert.deepEqual([...kinds].sort(), ['o', 'q', 't']);

  const options = open('/v1beta1/opra', { codec: 'msgpack' });
  options.say({ action: 'subscribe', quotes: ['AAPL261218C00270000'], trades: ['*'] });
  options.session.pulse(NOW, NOW + 2n * SECOND);
  const rows = options.take();
  const quote = rows.find((frame) => frame['T'] === 'q');
  assert.ok(quote?.['t'] instanceof Date && quote['c'] === 'A');
  assert.ok(rows.some((frame) => frame['T'] === 't'));

  const fake = open('/v2/test', { market: new Market({ seed: 'one', hours: true }) });
  fake.say({ action: 'subscribe', quotes: ['FAKEPACA', 'AAPL'], bars: ['*'] });
  const sunday = BigInt(Date.UTC(2026, 10, 22, 9)) * 1_000_000n;
  fake.session.pulse(sunday, sunday + 60n * SECOND);
  const frames = fake.take();
  assert.ok(frames.length > 2 && frames.every((frame) => frame['S'] === 'FAKEPACA'));
  assert.ok(frames.some((frame) => frame['T'] === 'b'));

  const delayed = open('/v2/delayed_sip');
  delayed.say({ action: 'subscribe', quotes: ['AAPL'] });
  delayed.session.pulse(NOW, NOW + 2n * SECOND);
  assert.match(String(delayed.take()[0]?.['t']), /^2026-11-23T16:45:0/);
});

test('with market hours, a closed market streams nothing but coins', () => {
  const market = new Market({ seed: 'one', hours: true });
  const saturday = BigInt(Date.UTC(2026, 10, 21, 17)) * 1_000_000n;
  for (const [path, symbol, expected] of [
    ['/v2/sip', 'AAPL', false],
    ['/v1beta3/crypto/us', 'BTC/USD', true],
  ] as const) {
    const wire = open(path, { market });
    wire.say({ action: 'subscribe', quotes: [symbol], bars: [symbol], trades: [symbol] });
    wire.session.pulse(saturday, saturday + 60n * SECOND);
    assert.equal(wire.take().length > 0, expected, path);
  }
});

test('nothing is sent after the end, and a slow client is let go', () => {
  const wire = open('/v2/sip');
  wire.say({ action: 'subscribe', quotes: ['AAPL'] });
  wire.session.ended();
  wire.session.pulse(NOW, NOW + 5n * SECOND);
  assert.deepEqual(wire.take(), []);
  const sent: string[] = [];
  let closed = false;
  const port = {
    send: (frame: Uint8Array | string) => void sent.push(String(frame)),
    close: () => {
      closed = true;
    },
    buffered: () => 1e9,
  };
  const market = new Market({ seed: 'one', hours: false });
  const slow = new DataStreamSession(port, {
    path: '/v2/sip',
    codec: 'json',
    market,
    seats: new Seats(),
    authenticate: account,
    account: 'a',
  });
  slow.pulse(NOW, NOW + SECOND);
  assert.ok(closed && sent.at(-1)?.includes('"code":407'));
});

test('paths', () => {
  for (const path of [
    '/v2/sip',
    '/v2/iex',
    '/v2/test',
    '/v2/delayed_sip',
    '/v1beta1/opra',
    '/v1beta1/indicative',
    '/v1beta3/crypto/us',
    '/v1beta1/news',
    '/v1beta1/boats',
  ])
    assert.ok(isDataStream(path), path);
  assert.ok(!isDataStream('/stream') && !isDataStream('/v2/nothing'));
});

/** A socket for the SDK that ends in a session. */
function socketTo(path: string, sessions: DataStreamSession[]) {
  const socket = Object.assign(new EventEmitter(), {
    readyState: 1,
    send: (frame: string | Uint8Array) => queueMicrotask(() => sessions.at(-1)?.receive(frame)),
    close: () => {},
    ping: () => {},
  });
  queueMicrotask(() => {
    socket.emit('open');
    const port = {
      send: (frame: Uint8Array | string) => void socket.emit('message', Buffer.from(frame)),
      close: () => {},
      buffered: () => 0,
    };
    const market = new Market({ seed: 'one', hours: false });
    sessions.push(
      new DataStreamSession(port, { path, codec: 'msgpack', market, seats: new Seats(), authenticate: account }),
    );
  });
  return socket;
}

test('the official SDK connects, subscribes and reads', { timeout: 4000 }, async () => {
  for (const [Stream, path, symbol] of [
    [streaming.StockDataStream, '/v2/sip', 'AAPL'],
    [streaming.CryptoDataStream, '/v1beta3/crypto/us', 'BTC/USD'],
  ] as const) {
    const sessions: DataStreamSession[] = [];
    const stream = new Stream({
      credentials: { keyId: 'key', secret: 'secret' },
      url: `ws://exchange${path}`,
      reconnect: false,
      wsFactory: () => socketTo(path, sessions),
    });
    const quotes: { symbol?: string; bidPrice?: number; askPrice?: number }[] = [];
    const bars: { symbol?: string; close?: number }[] = [];
    stream.onQuote((quote: object) => quotes.push(quote));
    stream.onBar((bar: object) => bars.push(bar));
    const ready = new Promise<void>((resolve) => stream.onConnect(resolve));
    stream.connect();
    await ready;
    stream.subscribeForQuotes([symbol]);
    stream.subscribeForBars([symbol]);
    await Promise.resolve();
    sessions.at(-1)?.pulse(NOW, NOW + 2n * SECOND);
    for (let minute = 1n; minute < 8n; minute++)
      sessions.at(-1)?.pulse(NOW + (minute - 1n) * 60n * SECOND, NOW + minute * 60n * SECOND);
    stream.disconnect();
    assert.ok(
      quotes.length >= 3 &&
        quotes.every((quote) => quote.symbol === symbol && (quote.bidPrice ?? 0) < (quote.askPrice ?? 0)),
    );
    assert.ok(bars.length >= 3 && bars.every((bar) => bar.symbol === symbol && (bar.close ?? 0) > 0));
  }
});

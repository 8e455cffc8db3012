/** The life of the trade_updates stream on virtual time: signing in, staying alive, coming back, falling silent. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Clock, micros } from '../../lib/clock.ts';
import { seededRandom } from '../../lib/random.ts';
import type { TradeUpdate } from '../broker.ts';
import type { Network, SocketHandlers } from './network.ts';
import { tradeStream } from './stream.ts';

/** Timers that run when the test says so. */
class TestClock implements Clock {
  time = 0;
  #timers: { at: number; run: () => void }[] = [];

  now(): ReturnType<Clock['now']> {
    return micros(this.time * 1000);
  }
  monotonic(): number {
    return this.time;
  }
  after(ms: number, run: () => void): () => void {
    const timer = { at: this.time + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }
  get waiting(): number {
    return this.#timers.length;
  }
  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const [next] = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.time = next.at;
      next.run();
    }
    this.time = end;
  }
}

interface Connection {
  readonly url: string;
  readonly at: number;
  readonly sent: unknown[];
  pings: number;
  ended: boolean;
  readonly handlers: SocketHandlers;
}

const AUTHORIZED = { stream: 'authorization', data: { status: 'authorized', action: 'authenticate' } };
const LISTENING = { stream: 'listening', data: { streams: ['trade_updates'] } };

class Rig {
  readonly clock = new TestClock();
  readonly connections: Connection[] = [];
  readonly events: string[] = [];
  readonly updates: TradeUpdate[] = [];
  /** Whether pings are answered. */
  alive = true;
  readonly stream = tradeStream(
    {
      url: 'wss://broker.example/stream',
      keys: { id: 'PK', secret: 'hush' },
      network: this.#network(),
      clock: this.clock,
      random: seededRandom('stream'),
    },
    {
      up: () => this.events.push('up'),
      down: (reason) => this.events.push(`down: ${reason}`),
      update: (update) => this.updates.push(update),
      unreadable: (reason) => this.events.push(`unreadable: ${reason}`),
    },
  );

  #network(): Network {
    return {
      request: () => assert.fail('no request wanted'),
      async close() {},
      socket: (url, handlers) => {
        const connection: Connection = { url, at: this.clock.time, sent: [], pings: 0, ended: false, handlers };
        this.connections.push(connection);
        return {
          send: (text) => connection.sent.push(JSON.parse(text)),
          ping: () => {
            connection.pings++;
            if (this.alive) handlers.pong();
          },
          end: () => {
            connection.ended = true;
            handlers.closed('ended by us');
          },
        };
      },
    };
  }

  get last(): Connection {
    const connection = this.connections.at(-1);
    assert.ok(connection);
    return connection;
  }
  say(message: unknown): void {
    this.raw(JSON.stringify(message));
  }
  raw(text: string): void {
    this.last.handlers.message(Buffer.from(text, 'utf8'));
  }
  /** Brings the newest connection up. */
  signIn(): void {
    this.last.handlers.open();
    this.say(AUTHORIZED);
    this.say(LISTENING);
  }
  /** Lets time pass until there is another connection; returns the pause in milliseconds. */
  nextConnection(): number {
    const [count, from] = [this.connections.length, this.clock.time];
    while (this.connections.length === count && this.clock.time - from < 120_000) this.clock.advance(100);
    assert.equal(this.connections.length, count + 1);
    return this.last.at - from;
  }
}

describe('signing in', () => {
  test('keys, then the wish to listen, and up only with the acknowledgement', () => {
    const rig = new Rig();
    rig.stream.start();
    rig.stream.start();
    assert.equal(rig.connections.length, 1);
    assert.equal(rig.last.url, 'wss://broker.example/stream');
    rig.last.handlers.open();
    assert.deepEqual(rig.last.sent, [{ action: 'auth', key: 'PK', secret: 'hush' }]);
    rig.say({ stream: 'authorization', data: { status: 'authorized', action: 'auth' } });
    assert.deepEqual(rig.last.sent[1], { action: 'listen', data: { streams: ['trade_updates'] } });
    assert.deepEqual(rig.events, []);
    rig.say(LISTENING);
    rig.say(LISTENING);
    assert.deepEqual(rig.events, ['up']);
  });

  test('refused keys are told once per try, and tried again slowly', () => {
    const rig = new Rig();
    rig.stream.start();
    for (let i = 0; i < 3; i++) {
      rig.last.handlers.open();
      rig.say({ stream: 'authorization', data: { status: 'unauthorized', action: 'authenticate' } });
      assert.equal(rig.last.ended, true);
      const pause = rig.nextConnection();
      assert.ok(pause >= 30_000 && pause <= 60_100, String(pause));
    }
    assert.deepEqual(rig.events, Array(3).fill('down: the broker refused the keys on the stream'));
  });

  test('an acknowledgement without trade_updates is no connection', () => {
    const rig = new Rig();
    rig.stream.start();
    rig.last.handlers.open();
    rig.say(AUTHORIZED);
    rig.say({ stream: 'listening', data: { streams: [] } });
    assert.deepEqual(rig.events, ['down: the broker does not send trade_updates on this stream']);
    rig.nextConnection();
    rig.signIn();
    assert.equal(rig.events.at(-1), 'up');
  });

  test('silence at any step ends in another try', () => {
    for (const step of [0, 1, 2]) {
      const rig = new Rig();
      rig.stream.start();
      if (step > 0) rig.last.handlers.open();
      if (step > 1) rig.say(AUTHORIZED);
      rig.clock.advance(15_000);
      assert.deepEqual(rig.events, ['down: no answer to listen within 15000 ms']);
      assert.equal(rig.last.ended, true);
      rig.nextConnection();
    }
  });
});

describe('staying alive', () => {
  test('a ping every 10 s; answered ones keep the connection for ever', () => {
    const rig = new Rig();
    rig.stream.start();
    rig.signIn();
    rig.clock.advance(3_600_000);
    assert.equal(rig.connections.length, 1);
    assert.equal(rig.last.pings, 360);
    assert.deepEqual(rig.events, ['up']);
  });

  test('half open: dead 10 s after the first ping without an answer', () => {
    const rig = new Rig();
    rig.stream.start();
    rig.signIn();
    rig.clock.advance(25_000);
    rig.alive = false;
    rig.clock.advance(14_999);
    assert.deepEqual(rig.events, ['up']);
    rig.clock.advance(1);
    assert.deepEqual(rig.events, ['up', 'down: no pong within 10000 ms']);
    assert.equal(rig.last.ended, true);
  });

  test('the broker announces its end', () => {
    const rig = new Rig();
    rig.stream.start();
    rig.signIn();
    rig.say({ action: 'error', data: { error_message: 'internal server error' } });
    assert.deepEqual(rig.events, ['up', 'down: the broker says: internal server error']);
  });
});

describe('coming back', () => {
  test('pauses double with jitter, from 1 s to 60 s, and are short again after a good connection', () => {
    const rig = new Rig();
    rig.stream.start();
    const pauses: number[] = [];
    for (let i = 0; i < 10; i++) {
      rig.last.handlers.closed('ECONNREFUSED');
      pauses.push(rig.nextConnection());
    }
    for (const [i, pause] of pauses.entries()) {
      const ceiling = Math.min(60_000, 2_000 * 2 ** i);
      assert.ok(pause >= ceiling / 2 && pause <= ceiling + 100, `${i}: ${pause}`);
    }
    assert.equal(rig.events.length, 10);
    rig.signIn();
    rig.clock.advance(30_000);
    rig.last.handlers.closed('gone');
    assert.ok(rig.nextConnection() <= 2_100);
  });

  test('a connection that breaks every 3 s does not count as good', () => {
    const rig = new Rig();
    rig.stream.start();
    let pause = 0;
    for (let i = 0; i < 8; i++) {
      rig.signIn();
      rig.clock.advance(3_000);
      rig.last.handlers.closed('kicked');
      pause = rig.nextConnection();
    }
    assert.ok(pause >= 30_000);
    assert.equal(rig.events.filter((event) => event === 'up').length, 8);
    assert.equal(rig.events.filter((event) => event === 'down: kicked').length, 8);
  });

  test('what an old socket still says is not heard', () => {
    const rig = new Rig();
    rig.stream.start();
    rig.signIn();
    const old = rig.last;
    old.handlers.closed('gone');
    rig.nextConnection();
    rig.signIn();
    const before = [...rig.events];
    old.handlers.message(Buffer.from('garbage'));
    old.handlers.closed('gone again');
    old.handlers.pong();
    assert.deepEqual(rig.events, before);
  });
});

describe('messages', () => {
  const up = (): Rig => {
    const rig = new Rig();
    rig.stream.start();
    rig.signIn();
    return rig;
  };
  const order = '{"id":"o","client_order_id":"c","status":"filled","filled_qty":"2.50","updated_at":"U"}';

  test('an update is read, its digits kept', () => {
    const rig = up();
    const data = `{"event":"fill","execution_id":"e","timestamp":"T","price":"150.10","qty":2.50,"position_qty":"2.5","order":${order},"new_field":1.0}`;
    rig.raw(`{"stream":"trade_updates","data":${data}}`);
    const [update] = rig.updates;
    assert.deepEqual(
      { ...update, order: update?.order.json },
      {
        event: 'fill',
        executionId: 'e',
        timestamp: 'T',
        price: '150.10',
        qty: '2.50',
        executions: [],
        order,
        json: data,
      },
    );
  });

  test('executions are told by order, side and the filled quantity after them, of each leg of a strategy', () => {
    const rig = up();
    const send = (data: string): void => rig.raw(`{"stream":"trade_updates","data":${data}}`);
    const whole = (id: string, side: string): string =>
      `{"id":"${id}","client_order_id":"c${id}","status":"filled","filled_qty":"3","symbol":"S${id}","side":"${side}"}`;
    send(`{"event":"partial_fill","timestamp":"T","price":"1.50","qty":"2","order":${whole('1', 'sell_short')}}`);
    const parent = `{"id":"p","client_order_id":"c","status":"filled","filled_qty":"1","legs":[${whole('1', 'buy')},${whole('2', 'sell')}]}`;
    const told = (id: string): string => `{"order_id":"${id}","qty":"1","price":"0.5","timestamp":"T${id}"}`;
    send(`{"event":"fill","timestamp":"T","price":"0","qty":"1","legs":[${told('1')},${told('2')}],"order":${parent}}`);
    // A leg that the order does not have: not told in full, so nothing is taken from it.
    send(`{"event":"fill","timestamp":"T","price":"0","qty":"1","legs":[${told('1')},${told('9')}],"order":${parent}}`);
    send(`{"event":"canceled","timestamp":"T","price":"1","qty":"1","order":${whole('1', 'buy')}}`);
    assert.deepEqual(
      rig.updates.map(({ executions }) => executions),
      [
        [{ orderId: '1', symbol: 'S1', side: 'sell', qty: '2', price: '1.50', filledQty: '3', at: 'T' }],
        [
          { orderId: '1', symbol: 'S1', side: 'buy', qty: '1', price: '0.5', filledQty: '3', at: 'T1' },
          { orderId: '2', symbol: 'S2', side: 'sell', qty: '1', price: '0.5', filledQty: '3', at: 'T2' },
        ],
        [],
        [],
      ],
    );
  });

  test('a multi-leg fill and an event without any extras', () => {
    const rig = up();
    const legs = `[{"id":"l","client_order_id":"lc","status":"filled","filled_qty":"1"}]`;
    const parent = order.replace('}', `,"symbol":"","legs":${legs}}`);
    rig.raw(
      `{"stream":"trade_updates","data":{"event":"fill","at":"A","position_qtys":{"X":"1"},"legs":[{"execution_id":"e1"}],"order":${parent}}}`,
    );
    rig.raw(`{"stream":"trade_updates","data":{"event":"brand_new_event","order":${order}}}`);
    assert.deepEqual(
      rig.updates.map(({ event, executionId, timestamp, price, qty }) => ({
        event,
        executionId,
        timestamp,
        price,
        qty,
      })),
      [
        { event: 'fill', executionId: null, timestamp: 'A', price: null, qty: null },
        { event: 'brand_new_event', executionId: null, timestamp: 'U', price: null, qty: null },
      ],
    );
    assert.equal(rig.updates[0]?.order.legs[0]?.id, 'l');
    assert.match(rig.updates[0]?.json ?? '', /"position_qtys":\{"X":"1"\},"legs":\[/);
  });

  const bad: Record<string, Uint8Array> = {
    'no JSON': Buffer.from('{"stream":"trade_updates","data":'),
    'no UTF-8': Buffer.from([0x7b, 0xff, 0x7d]),
    'no object': Buffer.from('[]'),
    'an update without an order': Buffer.from('{"stream":"trade_updates","data":{"event":"fill"}}'),
    'more than 4 MB': Buffer.alloc(4 * 1024 * 1024 + 1, 0x20),
  };
  for (const [name, bytes] of Object.entries(bad)) {
    test(`${name}: told as unreadable, then a new connection`, () => {
      const rig = up();
      const broken = rig.last;
      broken.handlers.message(bytes);
      assert.match(rig.events[1] ?? '', /^unreadable: /);
      assert.match(rig.events[2] ?? '', /^down: /);
      assert.equal(broken.ended, true);
      rig.nextConnection();
      rig.signIn();
      assert.equal(rig.events.at(-1), 'up');
    });
  }

  test('kinds that were never asked for are passed over', () => {
    const rig = up();
    rig.say({ stream: 'account_updates', data: {} });
    rig.say({ hello: 'world' });
    rig.say({ stream: '__proto__' });
    assert.deepEqual(rig.events, ['up']);
    assert.equal(rig.connections.length, 1);
  });
});

test('after stop nothing is heard, no timer is left, and a new start begins anew', () => {
  for (const phase of ['connecting', 'up', 'pausing'] as const) {
    const rig = new Rig();
    rig.stream.start();
    if (phase === 'up') rig.signIn();
    if (phase === 'pausing') rig.last.handlers.closed('gone');
    const before = [...rig.events];
    rig.stream.stop();
    rig.stream.stop();
    assert.equal(rig.clock.waiting, 0);
    rig.last.handlers.open();
    rig.say(AUTHORIZED);
    rig.say(LISTENING);
    rig.raw('garbage');
    rig.last.handlers.closed('late');
    rig.clock.advance(600_000);
    assert.deepEqual(rig.events, before);
    assert.equal(rig.connections.length, 1);
    rig.stream.start();
    rig.signIn();
    assert.equal(rig.connections.length, 2);
    assert.equal(rig.events.at(-1), 'up');
  }
});

test('a listener that stops the stream from inside a call is not called again', () => {
  const rig = new Rig();
  let calls = 0;
  const stream = tradeStream(
    {
      url: 'wss://broker.example/stream',
      keys: { id: 'PK', secret: 'hush' },
      network: {
        request: () => assert.fail(),
        close: async () => {},
        socket: (url, handlers) => {
          rig.connections.push({ url, at: 0, sent: [], pings: 0, ended: false, handlers });
          return { send: () => {}, ping: () => {}, end: () => handlers.closed('ended by us') };
        },
      },
      clock: rig.clock,
      random: seededRandom(1),
    },
    {
      up: () => {},
      update: () => {},
      unreadable: () => {
        calls++;
        stream.stop();
      },
      down: () => calls++,
    },
  );
  stream.start();
  rig.signIn();
  rig.raw('garbage');
  rig.clock.advance(600_000);
  assert.equal(calls, 1);
  assert.equal(rig.clock.waiting, 0);
});

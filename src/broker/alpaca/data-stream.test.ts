/** The stream of quotes against a server that is played by hand. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, micros } from '../../lib/clock.ts';
import { seededRandom } from '../../lib/random.ts';
import { quoteStream } from './data-stream.ts';
import type { Network, SocketHandlers } from './network.ts';

interface Line {
  readonly url: string;
  readonly handlers: SocketHandlers;
  readonly sent: unknown[];
  pings: number;
  isOver: boolean;
}

function scene() {
  let ms = 0;
  let timers: { readonly at: number; readonly run: () => void }[] = [];
  const clock: Clock = {
    now: () => micros(ms * 1000),
    monotonic: () => ms,
    after: (after, run) => {
      const timer = { at: ms + after, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
  };
  const lines: Line[] = [];
  const network: Network = {
    request: () => assert.fail('no request wanted'),
    socket(url, handlers) {
      const line: Line = { url, handlers, sent: [], pings: 0, isOver: false };
      lines.push(line);
      return {
        send: (text) => line.sent.push(JSON.parse(text)),
        ping: () => {
          line.pings++;
        },
        end: () => {
          line.isOver = true;
        },
      };
    },
    async close() {},
  };
  const told: unknown[] = [];
  const stream = quoteStream(
    {
      urls: ['wss://a/v2/sip', 'wss://a/v2/iex'],
      keys: { id: 'K', secret: 'S' },
      network,
      clock,
      random: seededRandom('q'),
    },
    {
      subscribed: (symbols) => told.push(['subscribed', ...symbols]),
      quote: (symbol, value) => told.push([symbol, value['bid_price'], value['timestamp']]),
      down: (reason) => told.push(['down', reason]),
    },
  );
  return {
    stream,
    lines,
    told,
    say: (line: Line | undefined, ...rows: readonly object[]) =>
      line?.handlers.message(Buffer.from(JSON.stringify(rows))),
    later(by: number) {
      ms += by;
      const due = timers.filter(({ at }) => at <= ms);
      timers = timers.filter(({ at }) => at > ms);
      for (const { run } of due) run();
    },
  };
}

const READY = { T: 'success', msg: 'authenticated' };

test('it connects when symbols are wanted, follows what is wanted, and leaves the connection to others when none is', () => {
  const { stream, lines, told, say } = scene();
  assert.equal(lines.length, 0);
  stream.want(new Set(['AAPL', 'SPY']));
  const [line] = lines;
  line?.handlers.open();
  say(line, READY);
  assert.deepEqual(line?.sent, [
    { action: 'auth', key: 'K', secret: 'S' },
    { action: 'subscribe', quotes: ['AAPL', 'SPY'] },
  ]);
  say(line, { T: 'subscription', quotes: ['AAPL', 'SPY'] });
  line?.handlers.message(
    Buffer.from('[{"T":"q","S":"SPY","bp":100.10,"ap":100.2,"t":"2026-02-13T14:30:00Z"},{"T":"q","S":"XX","bp":1}]'),
  );
  assert.deepEqual(told, [
    ['subscribed', 'AAPL', 'SPY'],
    ['SPY', '100.10', '2026-02-13T14:30:00Z'],
  ]);
  stream.want(new Set(['SPY']));
  assert.deepEqual(line?.sent.at(-1), { action: 'unsubscribe', quotes: ['AAPL'] });
  let pongs = 0;
  stream.ping(() => pongs++);
  line?.handlers.pong();
  line?.handlers.pong();
  assert.deepEqual([line?.pings, pongs], [1, 1]);
  stream.want(new Set());
  assert.equal(line?.isOver, true);
});

test('a feed that the plan does not cover is followed by the next; a taken seat is tried again minutes later', () => {
  const { stream, lines, told, say, later } = scene();
  stream.want(new Set(['SPY']));
  lines[0]?.handlers.open();
  say(lines[0], { T: 'error', code: 409, msg: 'insufficient subscription' });
  assert.deepEqual([lines[1]?.url, told], ['wss://a/v2/iex', []]);
  lines[1]?.handlers.open();
  say(lines[1], { T: 'error', code: 406, msg: 'connection limit exceeded' });
  assert.deepEqual(told, [['down', 'the broker says: connection limit exceeded']]);
  later(140_000);
  assert.equal(lines.length, 2);
  // Nobody asks for a while, and then somebody does: the seat is not knocked at again for that.
  stream.want(new Set());
  stream.want(new Set(['SPY']));
  assert.equal(lines.length, 2);
  later(160_000);
  assert.equal(lines.length, 3);
  assert.equal(lines[2]?.url, 'wss://a/v2/iex');
});

test('a connection that answers no ping is given up, and a new one takes its place', () => {
  const { stream, lines, told, say, later } = scene();
  stream.want(new Set(['SPY']));
  lines[0]?.handlers.open();
  say(lines[0], READY);
  stream.ping(() => assert.fail('no pong came'));
  later(10_000);
  assert.deepEqual([lines[0]?.isOver, told], [true, [['down', 'no pong within 10000 ms']]]);
  lines[0]?.handlers.message(Buffer.from('[{"T":"q","S":"SPY","bp":1}]'));
  assert.equal(told.length, 1, 'what an old connection still says is not for us');
  later(2000);
  assert.equal(lines.length, 2);
  stream.stop();
  stream.want(new Set(['AAPL']));
  assert.deepEqual([lines.length, lines[1]?.isOver], [2, true]);
});

test('a server that takes everybody in and hangs up at once is tried ever more rarely', () => {
  const { stream, lines, say, later } = scene();
  stream.want(new Set(['SPY']));
  for (let seconds = 0; seconds < 600; seconds++) {
    const line = lines.at(-1);
    if (line !== undefined && !line.isOver) {
      line.handlers.open();
      say(line, READY);
      line.handlers.closed('gone');
    }
    later(1000);
  }
  assert.ok(lines.length <= 20, `${lines.length} connections in ten minutes`);
  assert.ok(lines.length >= 10, `${lines.length} connections in ten minutes`);
});

test('whatever is no list of messages ends the connection', () => {
  for (const text of ['{}', 'x', '"q"']) {
    const { stream, lines, told } = scene();
    stream.want(new Set(['SPY']));
    lines[0]?.handlers.open();
    lines[0]?.handlers.message(Buffer.from(text));
    assert.deepEqual(told, [['down', 'a message that is no JSON array']]);
  }
});

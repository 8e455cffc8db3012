/**
 * What the books of an account begin with, when the broker tells of an execution later than it shows the position: by then
 * it is in what they began with, and must not be counted a second time. The real bookkeeper and adapter on the exchange,
 * in one process; time passes only here.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alpacaBroker } from '../../src/broker/alpaca/client.ts';
import type { Network } from '../../src/broker/alpaca/network.ts';
import { Bookkeeper } from '../../src/follow/bookkeeper.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { type Clock, micros } from '../../src/lib/clock.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { KEY, openWorld } from '../exchange/world.ts';

const SWEEP_S = 30;

function scene() {
  const world = openWorld();
  let ms = 0;
  const timers = new Set<{ readonly at: number; readonly run: () => void }>();
  const clock: Clock = {
    now: () => micros(Number(world.exchange.clock.nanos() / 1000n)),
    monotonic: () => ms,
    after(delay, run) {
      const timer = { at: ms + delay, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  };
  const broken = { isDown: false, hidesHistory: false };
  const network: Network = {
    async request({ method, path, headers, body }) {
      if (broken.isDown) return { kind: 'unsent', reason: 'connection refused' };
      if (broken.hidesHistory && path.startsWith('/v2/account/activities'))
        return { kind: 'answer', status: 200, headers: {}, body: '[]' };
      const answer = world.exchange.handle({ method, url: path, headers: { ...headers, ...KEY }, body });
      return { kind: 'answer', status: answer.status, headers: {}, body: answer.body };
    },
    socket: () => assert.fail('nobody follows the stream here'),
    async close() {},
  };
  const url = 'https://exchange.test';
  const keys = { id: 'KEY', secret: 'SECRET' };
  const random = seededRandom('opening');
  const broker = alpacaBroker({ mode: 'paper', baseUrl: url, dataUrl: url, keys, network, clock, random });
  const journal = openSqliteJournal({ file: ':memory:', clock, random });
  const account = String(world.call('GET', '/v2/account').body['account_number']);
  const told: string[] = [];
  const books = new Bookkeeper({
    broker,
    journal,
    clock,
    account: () => account,
    ask: (call) => call(),
    notice: (level, text) => told.push(`${level} ${text}`),
    fatal: (error) => {
      throw error;
    },
  });
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    world,
    broken,
    told,
    isCertain: async () => (await journal.fact(`settled:${account}`)) !== null,
    /** Second by second, with a sweep now and then. */
    async pass(seconds: number): Promise<void> {
      for (let n = 0; n < seconds; n++) {
        if (ms % (SWEEP_S * 1000) === 0) books.swept(ms);
        ms += 1000;
        world.advance(1);
        for (const timer of timers) {
          if (timer.at > ms) continue;
          timers.delete(timer);
          timer.run();
          await settle();
        }
      }
    },
    /** What all books hold of a symbol, and what the account does. */
    async held(symbol: string): Promise<readonly [string, string]> {
      const all = (await journal.books(account)).flatMap(({ holdings }) => holdings);
      const sum = all.filter((one) => one.symbol === symbol).reduce((total, { qty }) => total + Number(qty), 0);
      const { list } = world.call('GET', '/v2/positions');
      return [String(sum), String(list.find((one) => one['symbol'] === symbol)?.['qty'] ?? 0)];
    },
    async end(): Promise<void> {
      await books.stop();
      await journal.close();
    },
  };
}

type Scene = ReturnType<typeof scene>;

function buy({ world }: Scene): void {
  world.hold('AAPL', '100.00');
  const body = { symbol: 'AAPL', qty: '18', side: 'buy', type: 'market', time_in_force: 'day' };
  assert.equal(world.order(body).status, 200);
}

/** Long enough for the history to be read once more whatever happens. */
async function countsOnce(it: Scene): Promise<void> {
  it.broken.hidesHistory = false;
  await it.pass(900);
  assert.deepEqual(await it.held('AAPL'), ['18', '18']);
  assert.ok(await it.isCertain());
  assert.deepEqual(
    it.told.filter((text) => text.startsWith('error')),
    [],
  );
  await it.end();
}

test('the broker could not be reached for longer than the books take to become certain', async () => {
  const it = scene();
  it.broken.isDown = true;
  await it.pass(90);
  buy(it);
  Object.assign(it.broken, { isDown: false, hidesHistory: true });
  await it.pass(40);
  await countsOnce(it);
});

test('an execution is told in time, and whose it is only after the time', async () => {
  const it = scene();
  buy(it);
  it.broken.hidesHistory = true;
  await it.pass(59);
  await countsOnce(it);
});

test('what they began with is corrected shortly before they would have become certain', async () => {
  const it = scene();
  await it.pass(40);
  buy(it);
  it.broken.hidesHistory = true;
  await it.pass(35);
  await countsOnce(it);
});

test('what was there before is in nobody’s book from the start, and stays there', async () => {
  const it = scene();
  buy(it);
  await it.pass(200);
  await countsOnce(it);
});

/**
 * What was answered survives: a restart, a kill -9 in the middle of the work, a snapshot in between.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, test } from 'node:test';
import { parseNanos } from '../../src/exchange/clock.ts';
import { fileStore } from '../../src/exchange/store.ts';
import { type Json, KEY, MONDAY_TEN, openWorld, type World } from './world.ts';

let home = '';
const children: ChildProcess[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'exchange-restart-'));
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(home, { recursive: true, force: true });
});

const open = (): World => openWorld({ store: fileStore(home, { fsync: false }) });

const LIMIT = { symbol: 'AAPL', qty: '10', side: 'buy', type: 'limit', limit_price: '150', time_in_force: 'day' };

/** Everything that a client can ask for, except what the passing of time changes. */
function everything(world: World): unknown {
  const paths = [
    '/v2/account',
    '/v2/account/configurations',
    '/v2/positions',
    '/v2/orders?status=all&nested=true',
    '/v2/account/activities',
    '/v2/watchlists',
    '/v2/watchlists:by_name?name=tech',
    '/v2/stocks/quotes/latest?symbols=AAPL',
  ];
  return paths.map((path) => {
    const { status, body, list } = world.call('GET', path);
    return { path, status, body, list };
  });
}

function work(world: World): void {
  world.hold('AAPL', '200');
  assert.equal(world.order({ ...LIMIT, client_order_id: 'resting' }).status, 200);
  const bought = world.order({ ...LIMIT, type: 'market', limit_price: null, client_order_id: 'bought' });
  assert.equal(bought.status, 200);
  world.advance(5);
  const exit = {
    ...LIMIT,
    side: 'sell',
    order_class: 'oco',
    take_profit: { limit_price: '250' },
    stop_loss: { stop_price: '180' },
  };
  assert.equal(world.order(exit).status, 200);
  assert.equal(world.call('PATCH', '/v2/account/configurations', { no_shorting: true }).status, 200);
  assert.equal(world.call('POST', '/v2/watchlists', { name: 'tech', symbols: ['AAPL'] }).status, 200);
  const resting = world.call('GET', '/v2/orders:by_client_order_id?client_order_id=resting').body;
  assert.equal(world.call('PATCH', `/v2/orders/${resting['id']}`, { limit_price: '151' }).status, 200);
}

test('a restart from the journal, and from a snapshot, shows the same world', () => {
  const first = open();
  work(first);
  const before = everything(first);
  const second = open();
  assert.deepEqual(everything(second), before, 'from the journal');
  const third = open();
  assert.deepEqual(everything(third), before, 'from the snapshot that the second start made');
  third.advance(60);
  assert.equal(third.order({ ...LIMIT, client_order_id: 'resting' }).status, 422, 'the id stays used');
  assert.equal(third.order({ ...LIMIT, client_order_id: 'later' }).status, 200);
  assert.deepEqual(everything(open()), everything(third));
});

test('the same seed and the same requests give the same world', () => {
  const [first, second] = [openWorld(), openWorld()];
  work(first);
  work(second);
  assert.deepEqual(everything(first), everything(second));
});

test('another seed is refused, another secret as well', () => {
  work(open());
  assert.throws(
    () => openWorld({ store: fileStore(home, { fsync: false }), seed: 'other' }),
    /begun with seed test; leave the seed out/,
  );
  assert.equal(open().call('GET', '/v2/account', undefined, { ...KEY, 'apca-api-secret-key': 'x' }).status, 401);
});

test('a state that this version cannot replay is refused with the reason, and left as it is', () => {
  work(open());
  const path = join(home, 'exchange', 'journal-0.jsonl');
  // As if the engine had asked the market other questions when this was written.
  const foreign = readFileSync(path, 'utf8').replaceAll(/"reads":\[.*\]\}/g, '"reads":[]}');
  writeFileSync(path, foreign);
  assert.throws(
    open,
    /does not replay at command \d+ \(.*\): it was written by another version .* choose another home/,
  );
  assert.equal(readFileSync(path, 'utf8'), foreign);
});

test('time does not go back when the state ran ahead', () => {
  const ahead = open();
  ahead.call('GET', '/v2/account');
  ahead.advanceTo('2027-01-04T15:00:00Z');
  assert.equal(ahead.order(LIMIT).status, 200);
  const clock = open().call('GET', '/v2/clock').body;
  assert.ok(Date.parse(String(clock['timestamp'])) >= Date.parse('2027-01-04T15:00:00Z'));
  assert.ok(Date.parse(MONDAY_TEN) < Date.parse('2027-01-04T15:00:00Z'));
});

test('what the market did in between is not jumped over', () => {
  const first = openWorld({ store: fileStore(home, { fsync: false }), hours: true });
  first.hold('AAPL', '200');
  const { body } = first.order(LIMIT);
  assert.equal(first.call('GET', `/v2/orders/${body['id']}`).body['status'], 'new');
  // A day later: the day order ended with its session, not when somebody looked.
  const second = openWorld({
    store: fileStore(home, { fsync: false }),
    hours: true,
    startAt: parseNanos('2026-11-24T16:00:00Z') ?? 0n,
  });
  const ended = second.call('GET', `/v2/orders/${body['id']}`).body;
  assert.equal(ended['status'], 'expired');
  assert.match(String(ended['expired_at']), /^2026-11-23T21:00:00/);
});

/** `tower exchange` as a process of its own. */
async function start(): Promise<{ child: ChildProcess; url: string }> {
  const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;
  const args = ['exchange', '--port', '0', '--home', home, '--ledger', join(home, 'ledger.jsonl'), '--json'];
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, url: (JSON.parse(line) as { ready: string }).ready };
}

test('whatever was answered before kill -9 is there after it', async () => {
  const headers = { 'APCA-API-KEY-ID': 'K', 'APCA-API-SECRET-KEY': 'S' };
  const { child, url } = await start();
  const answered: string[] = [];
  const send = async (worker: number): Promise<void> => {
    for (let n = 0; ; n++) {
      const body = JSON.stringify({ ...LIMIT, qty: '1', limit_price: '1', client_order_id: `w${worker}-${n}` });
      const answer = await fetch(`${url}/v2/orders`, { method: 'POST', headers, body });
      assert.equal(answer.status, 200);
      answered.push(((await answer.json()) as Json)['id'] as string);
      if (answered.length === 150) child.kill('SIGKILL');
    }
  };
  const workers = await Promise.allSettled([0, 1, 2, 3].map(send));
  assert.ok(workers.every(({ status }) => status === 'rejected'));
  assert.ok(answered.length >= 150);

  const again = await start();
  const known = new Set<string>();
  for (let after = ''; ; ) {
    const query = `status=all&limit=500&direction=asc${after === '' ? '' : `&after_order_id=${after}`}`;
    const page = (await (await fetch(`${again.url}/v2/orders?${query}`, { headers })).json()) as Json[];
    for (const order of page) known.add(String(order['id']));
    if (page.length < 500) break;
    after = String(page.at(-1)?.['id']);
  }
  for (const id of answered) assert.ok(known.has(id), `${id} was answered and is gone`);
  const ledger = readFileSync(join(home, 'ledger.jsonl'), 'utf8').trimEnd().split('\n');
  assert.ok(ledger.length >= answered.length);
  assert.ok(ledger.every((line) => (JSON.parse(line) as Json)['method'] === 'POST'));

  again.child.kill('SIGTERM');
  const [code] = await once(again.child, 'exit');
  assert.equal(code, 0);
});

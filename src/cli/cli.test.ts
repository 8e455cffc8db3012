/** The command line from outside: exit codes, what is said and where, and the files that `order` makes. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { type Clock, isoMicros, type Micros, micros, systemClock } from '../lib/clock.ts';
import { lockFile } from '../lib/lock.ts';
import { seededRandom } from '../lib/random.ts';
import { CannotStart, type TowerEvent } from '../observe/events.ts';
import type { StatusReport } from '../observe/status.ts';
import { ORDER_TYPES, parseName, responsePath } from '../order/name.ts';
import type { Context } from './context.ts';
import { run } from './program.ts';
import { eventLines, summaryLines } from './screen.ts';
import type { StartTower } from './start.ts';

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tower-cli-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

interface World {
  readonly env?: Record<string, string>;
  readonly node?: string;
  readonly cwd?: string;
  readonly clock?: Clock;
  readonly terminal?: boolean;
  readonly alive?: boolean;
  readonly start?: StartTower;
  /** Nobody presses Ctrl-C. */
  readonly patient?: boolean;
}

async function tower(args: readonly string[], world: World = {}) {
  let [out, err] = ['', ''];
  const context: Context = {
    env: world.env ?? {},
    node: world.node ?? '24.21.0',
    cwd: world.cwd ?? home,
    clock: world.clock ?? systemClock,
    random: seededRandom('cli'),
    terminal: world.terminal ?? false,
    colour: false,
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    // Whoever is asked to wait for Ctrl-C in a test gets it at once.
    onInterrupt: (stop) => (world.patient === true ? undefined : stop()),
    user: 'tester',
    kill: () => {},
    onHangup: () => {},
    isAlive: () => world.alive ?? false,
  };
  const unexpected: StartTower = () => Promise.reject(new Error('not to be started'));
  const code = await run(args, context, '1.2.3', world.start ?? unexpected);
  return { code, out, err };
}

const BUY = ['order', 'stockbuy', '--agent', 'me', '--symbol', 'AAPL', '--time-in-force', 'day'];
const MARKET = [...BUY, '--qty', '10.50', '--order-class', 'market'];

test('wrong usage is 2, with a hint', async () => {
  assert.equal((await tower([])).code, 2);
  const mistyped = await tower(['strat']);
  assert.equal(mistyped.code, 2);
  assert.match(mistyped.err, /Did you mean start\?/);
  for (const args of [
    ['status', '--hme', 'x'],
    ['start', 'extra'],
    ['order'],
    ['check'],
    ['order', 'stockbuy'],
    BUY.slice(0, 3),
  ]) {
    assert.equal((await tower(args)).code, 2, args.join(' '));
  }
  assert.equal((await tower(['order', 'stockbuy', '--agent', 'Not_An_Id'])).code, 2);
  assert.equal((await tower([...MARKET, '--mode', 'real'])).code, 2);
});

test('version and help are 0, and every command explains itself', async () => {
  assert.deepEqual(await tower(['--version']), { code: 0, out: '1.2.3\n', err: '' });
  const { out } = await tower(['--help']);
  const commands = [...out.matchAll(/^ {2}([a-z]+)\b.* {2,}\S/gm)].map((match) => match[1] ?? '');
  assert.ok(commands.length >= 6, out);
  for (const command of commands.filter((name) => !['help', 'exchange'].includes(name))) {
    const help = await tower([command, '--help']);
    assert.equal(help.code, 0);
    assert.match(help.out, new RegExp(`^Usage: tower ${command}`));
  }
  for (const type of ORDER_TYPES) assert.equal((await tower(['order', type, '--help'])).code, 0, type);
});

test('an order becomes a durable file that the tower will accept', async () => {
  const { code, out, err } = await tower([...MARKET, '--home', home, '--json', '--meta', '{"model":"m1"}']);
  assert.equal(code, 0, err);
  assert.match(err, /no tower runs/);
  const told = JSON.parse(out);
  const [file, ...others] = readdirSync(join(home, 'orders/incoming'));
  assert.deepEqual(others, []);
  assert.equal(told.file, join(home, 'orders/incoming', file ?? ''));
  const name = parseName(file ?? '');
  assert.ok(name.ok);
  assert.equal(told.client_order_id, name.name.clientOrderId);
  assert.equal(told.response, join(home, responsePath(name.name)));
  assert.deepEqual(JSON.parse(readFileSync(told.file, 'utf8')), {
    agent_id: 'me',
    client_order_id: name.name.clientOrderId,
    order_type: 'stockbuy',
    mode: 'paper',
    payload: { symbol: 'AAPL', qty: '10.50', order_class: 'market', time_in_force: 'day' },
    meta: { model: 'm1' },
  });
  assert.equal((await tower(['check', told.file])).code, 0);
});

test('nested fields, lists, flags and legs find their place', async () => {
  const payload = async (...args: string[]): Promise<unknown> => {
    const { code, out, err } = await tower([...args, '--agent', 'me', '--home', home, '--json']);
    assert.equal(code, 0, err);
    return JSON.parse(readFileSync(JSON.parse(out).file, 'utf8')).payload;
  };
  const exits = [
    '--take-profit-limit-price',
    '210',
    '--stop-loss-stop-price',
    '190',
    '--stop-loss-limit-price',
    '189.5',
  ];
  const limit = ['--qty', '1', '--order-class', 'limit', '--limit-price', '200', '--time-in-force', 'day'];
  assert.deepEqual(await payload('order', 'stockbuy', '--symbol', 'AAPL', ...limit, ...exits), {
    symbol: 'AAPL',
    qty: '1',
    order_class: 'limit',
    limit_price: '200',
    time_in_force: 'day',
    take_profit: { limit_price: '210' },
    stop_loss: { stop_price: '190', limit_price: '189.5' },
  });
  assert.deepEqual(await payload('order', 'marketdata', '--symbols', 'AAPL,BTC/USD', '--data-type', 'quote'), {
    symbols: ['AAPL', 'BTC/USD'],
    data_type: 'quote',
  });
  assert.deepEqual(await payload('order', 'openorders', '--limit', '5', '--of-agent', 'other'), {
    limit: 5,
    agent: 'other',
  });
  const legs = [
    { symbol: 'AAPL300118C00150000', side: 'buy', ratio_qty: '1' },
    { symbol: 'AAPL300118C00155000', side: 'sell', ratio_qty: '1' },
  ];
  const multi = ['--type', 'limit', '--limit-price', '2', '--time-in-force', 'day'];
  const expected = { order_class: 'mleg', type: 'limit', limit_price: '2', time_in_force: 'day', legs };
  const short = 'AAPL300118C00150000:buy:1,AAPL300118C00155000:sell:1';
  assert.deepEqual(await payload('order', 'optionmulti', ...multi, '--legs', short), expected);
  assert.deepEqual(await payload('order', 'optionmulti', ...multi, '--legs', JSON.stringify(legs)), expected);
});

test('an order that breaks a rule is refused with field and remedy, and no file is made', async () => {
  const { code, out, err } = await tower([...BUY, '--qty', '1', '--order-class', 'limit', '--home', home]);
  assert.equal(code, 1);
  assert.equal(out, '');
  assert.match(err, /payload\.limit_price: .*required/);
  assert.throws(() => readdirSync(join(home, 'orders')), /ENOENT/);
});

test('a folder that is no home gets no orders unless it is named', async () => {
  assert.equal((await tower(MARKET)).code, 2);
  assert.equal((await tower(MARKET, { env: { TOWER_HOME: home } })).code, 0);
  assert.equal((await tower(MARKET)).code, 0);
});

test('two orders of one microsecond get two names', async () => {
  const now = systemClock.now();
  const clock: Clock = { ...systemClock, now: () => now };
  for (let i = 0; i < 3; i++) assert.equal((await tower([...MARKET, '--home', home], { clock })).code, 0);
  assert.equal(readdirSync(join(home, 'orders/incoming')).length, 3);
});

/** A clock that answers the one order in the incoming folder, version by version, each time somebody waits. */
function answering(versions: readonly object[]): Clock {
  let version = 0;
  let now = 0;
  return {
    now: systemClock.now,
    monotonic: () => now,
    after(ms, wake) {
      now += ms;
      const name = parseName(readdirSync(join(home, 'orders/incoming'))[0] ?? '');
      assert.ok(name.ok);
      const path = join(home, responsePath(name.name));
      mkdirSync(join(path, '..'), { recursive: true });
      const answer = versions[version++];
      if (answer !== undefined) writeFileSync(path, JSON.stringify(answer));
      queueMicrotask(wake);
      return () => {};
    },
  };
}

test('--wait prints the first certain answer, --wait=final the last one, and the exit code is its status', async () => {
  const doubt = { status: 'error', sent: 'unknown', final: false };
  const taken = { status: 'success', sent: 'yes', final: false };
  const filled = { status: 'success', sent: 'yes', final: true };
  const refused = { status: 'error', sent: 'no', final: true };
  const wait = async (flag: string, ...versions: object[]) => {
    rmSync(join(home, 'orders'), { recursive: true, force: true });
    rmSync(join(home, 'responses'), { recursive: true, force: true });
    const { code, out } = await tower([...MARKET, '--home', home, '--json', flag], { clock: answering(versions) });
    return { code, answer: out === '' ? null : JSON.parse(out) };
  };
  assert.deepEqual(await wait('--wait', doubt, taken, filled), { code: 0, answer: taken });
  assert.deepEqual(await wait('--wait=final', doubt, taken, filled), { code: 0, answer: filled });
  assert.deepEqual(await wait('--wait', refused), { code: 1, answer: refused });
  assert.deepEqual(await wait('--wait', doubt), { code: 1, answer: null });
});

test('samples are one valid file per type', async () => {
  const { code, out } = await tower(['samples', '--agent', 'me', '--json']);
  assert.equal(code, 0);
  const written: { type: string; file: string }[] = JSON.parse(out);
  assert.deepEqual(
    written.map(({ type }) => type),
    ORDER_TYPES,
  );
  assert.equal(readdirSync(join(home, 'samples')).length, ORDER_TYPES.length);
  const checked = await tower(['check', ...written.map(({ file }) => file)]);
  assert.equal(checked.code, 0, checked.out);
});

test('check tells every problem of every file', async () => {
  const good = join(home, 'paper_me_accountinfo_20260213143022123456.json');
  const id = 'me_20260213143022123456_accountinfo';
  writeFileSync(
    good,
    JSON.stringify({ agent_id: 'me', client_order_id: id, order_type: 'accountinfo', mode: 'paper', payload: {} }),
  );
  const bad = join(home, 'paper_me_accountinfo_20260213143022123457.json');
  writeFileSync(bad, '{"agent_id":"you","mode":"live"}');
  const misnamed = join(home, 'order.json');
  const { code, out } = await tower(['check', '--json', good, bad, misnamed]);
  assert.equal(code, 1);
  const verdicts: { valid: boolean; problems: { code: string; field: string }[] }[] = JSON.parse(out);
  assert.deepEqual(
    verdicts.map(({ valid }) => valid),
    [true, false, false],
  );
  const fields = verdicts[1]?.problems.map(({ field }) => field) ?? [];
  for (const field of ['agent_id', 'mode', 'client_order_id', 'order_type', 'payload'])
    assert.ok(fields.includes(field), field);
  assert.equal(verdicts[2]?.problems[0]?.code, 'file_name');
  assert.match((await tower(['check', bad])).out, /refused\n {2}.*mode/);
  assert.equal((await tower(['check', join(home, 'paper_me_accountinfo_20260213143022123499.json')])).code, 2);
});

const report = (at: Micros, running = true): StatusReport => ({
  running,
  pid: 4711,
  since: '2026-02-13T14:00:00.000000Z',
  at: isoMicros(at),
  home,
  modes: [
    { mode: 'paper', service: 'embedded exchange', accountNumber: 'SIM1', url: 'http://127.0.0.1:4010' },
    { mode: 'live', service: 'off', accountNumber: null, url: null, reason: 'live is false' },
  ],
  books: [
    {
      mode: 'paper',
      proven_at: '2026-02-13T14:30:21.000000Z',
      different_since: '2026-02-13T14:30:22.000000Z',
      differences: [{ symbol: 'AAPL', books: '5', broker: '6', expected: null }],
    },
  ],
  budgets: [
    {
      mode: 'paper',
      host: 'trading',
      per_minute: 200,
      spent: 143,
      reserved: 12,
      waiting: { order: { alpha: 3, beta: 1 }, resolve: { '': 1 } },
      circuit: 'open',
      trouble: { for_seconds: 9, requests_failed: 4, last_fault: 'connection refused' },
      paused_ms: 0,
      broker_remaining: 52,
      foreign: 7,
      saved_by_mirror: 1234,
    },
  ],
  counts: { open: 1, answered: 3 },
  open_orders: [
    {
      client_order_id: 'a_1_b',
      agent: 'a',
      mode: 'paper',
      type: 'stockbuy',
      status: 'new',
      received_at: '2026-02-13T14:00:01Z',
    },
  ],
  in_doubt: [{ client_order_id: 'c_1_b', agent: 'c', mode: 'paper', since: '2026-02-13T14:00:02Z', reason: 'timeout' }],
  recent_errors: [{ at: '2026-02-13T14:00:03Z', text: 'stream\u001b[2Jlost', remedy: '' }],
});

test('status tells a running tower from a dead and from a silent one', async () => {
  const none = await tower(['status', '--json']);
  assert.deepEqual([none.code, JSON.parse(none.out).running], [1, false]);
  mkdirSync(join(home, 'data'));
  const write = (value: StatusReport): void => writeFileSync(join(home, 'data/status.json'), JSON.stringify(value));

  write(report(systemClock.now()));
  const alive = await tower(['status'], { alive: true });
  assert.equal(alive.code, 0);
  assert.match(alive.out, /^running since .*process 4711/);
  assert.match(alive.out, /paper +embedded exchange, account SIM1, .*simulated/);
  assert.match(
    alive.out,
    /budget:\n {2}paper trading: 143 of 200 spent, 12 reserved; 5 wait \(order: alpha 3, beta 1; resolve: tower 1\); circuit open \(4 failed in 9 s: connection refused\); Alpaca says 52 left; 7 spent by other programs; 1234 saved by the mirror/,
  );
  assert.match(
    alive.out,
    /books:\n {2}paper: DIFFERENT from the broker's account since 2026-02-13T14:30:22\.000000Z: AAPL books 5, broker 6\n/,
  );
  assert.match(alive.out, /in doubt:\n {2}c_1_b/);
  assert.ok(!alive.out.includes('\u001b'), 'text of others must not command the terminal');

  const killed = await tower(['status', '--json'], { alive: false });
  assert.deepEqual([killed.code, JSON.parse(killed.out).running], [1, false]);

  write(report(micros(systemClock.now() - 60_000_000)));
  const silent = await tower(['status'], { alive: true });
  assert.equal(silent.code, 1);
  assert.match(silent.err, /may hang/);
});

test('start tells all problems of the settings, and ends with 2', async () => {
  writeFileSync(join(home, 'tower.config.json'), '{"budget":{"per_minute":0},"liv":true}');
  const { code, err } = await tower(['start', '--home', home]);
  assert.equal(code, 2);
  assert.match(err, /2 problems/);
  assert.match(err, /budget\.per_minute in tower\.config\.json is 0: must be a whole number from 1 to 10000/);
  assert.match(err, /liv in tower\.config\.json: there is no such setting\. Did you mean live\?/);
});

const SUMMARY = {
  since: micros(0),
  until: micros(75_000_000),
  received: 3,
  succeeded: 2,
  refused: 1,
  inDoubt: 1,
  open: 1,
};

test('start says ready in words on a terminal and as JSON lines elsewhere, and stops when asked', async () => {
  const ready: TowerEvent = {
    kind: 'ready',
    home,
    incoming: join(home, 'orders/incoming'),
    modes: report(micros(0)).modes,
  };
  const start: StartTower = ({ onEvent }) => {
    onEvent(ready);
    return Promise.resolve({ stop: () => Promise.resolve(SUMMARY), failed: new Promise<never>(() => {}) });
  };
  const person = await tower(['start'], { start, terminal: true });
  assert.equal(person.code, 0);
  assert.match(person.out, /^ready /m);
  assert.match(person.out, /no order reaches Alpaca/);
  assert.match(person.out, /stopped after 1 min 15 s: 3 order files/);
  writeFileSync(join(home, 'tower.config.json'), '{"log":{"level":"error"}}');
  const machine = await tower(['start'], { start });
  const events = machine.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).event);
  assert.deepEqual(events, ['ready', 'stopped']);
});

test('start refuses keys that others can read, with the command that mends it', async () => {
  const start: StartTower = () =>
    Promise.resolve({ stop: () => Promise.resolve(SUMMARY), failed: new Promise<never>(() => {}) });
  const file = join(home, '.env');
  writeFileSync(file, 'ALPACA_PAPER_API_KEY=PK1\nALPACA_PAPER_SECRET_KEY=hunter2\n', { mode: 0o644 });
  const refused = await tower(['start'], { start });
  assert.equal(refused.code, 2);
  assert.ok(refused.err.includes(`Run: chmod 600 ${file}`), refused.err);
  assert.doesNotMatch(refused.err, /hunter2/);
  chmodSync(file, 0o600);
  assert.equal((await tower(['start'], { start })).code, 0);
  for (const name of readdirSync(join(home, 'logs'))) {
    assert.doesNotMatch(readFileSync(join(home, 'logs', name), 'utf8'), /hunter2/);
  }
});

test('doctor is 0 when nothing is wrong, 1 when something is, and speaks JSON', async () => {
  const well = await tower(['doctor', '--offline']);
  assert.equal(well.code, 0, well.out);
  assert.match(well.out, /^ok {7}node {10}Node 24/);
  assert.match(well.out, /nothing is wrong\n$/);
  writeFileSync(join(home, 'tower.config.json'), '{"lives":true}');
  const ill = await tower(['doctor', '--offline', '--json']);
  assert.equal(ill.code, 1);
  const told = JSON.parse(ill.out);
  assert.equal(told.errors, 1);
  assert.match(JSON.stringify(told.findings), /lives in tower\.config\.json.*Did you mean live\?/);
  assert.equal((await tower(['doctor', '--hme', 'x'])).code, 2);
});

test('start ends with 1 when the tower cannot go on', async () => {
  const failed = Promise.reject(new Error('disk I/O error'));
  failed.catch(() => {});
  const start: StartTower = () =>
    Promise.resolve({ stop: () => Promise.reject(new Error('not to be stopped')), failed });
  const { code, err } = await tower(['start'], { start, patient: true });
  assert.equal(code, 1);
  assert.match(err, /cannot go on: disk I\/O error/);
});

test('start ends with 3 when another tower holds the home, and names it', async () => {
  const start: StartTower = () =>
    Promise.reject(new CannotStart('locked', 'another tower runs here', 'Stop it first.', 4711));
  const { code, err } = await tower(['start'], { start });
  assert.equal(code, 3);
  assert.match(err, /another tower runs here \(process 4711\)\. Stop it first\./);
});

test('halt needs a home and a reason, and leaves a file whose name holds', async () => {
  assert.equal((await tower(['halt', '--reason', 'x'])).code, 2, 'no home here');
  mkdirSync(join(home, 'data'));
  assert.equal((await tower(['halt'])).code, 2);
  assert.equal((await tower(['halt', '--reason', ' '])).code, 2);
  assert.equal((await tower(['halt', '--reason', 'x', '--agent', 'a', '--symbol', 'B'])).code, 2);
  const { code, out } = await tower(['halt', '--reason', 'odd fills', '--agent', 'a1', '--reduce-only', '--json']);
  assert.equal(code, 0);
  assert.deepEqual(readdirSync(join(home, 'data/halt')), ['agent.a1.reduce']);
  const kept = JSON.parse(readFileSync(join(home, 'data/halt/agent.a1.reduce'), 'utf8'));
  assert.deepEqual([kept.by, kept.reason], ['tester', 'odd fills']);
  assert.equal(JSON.parse(out).tower, 'not running');
});

test('halt is not sure of a tower that holds the home and says nothing', async () => {
  mkdirSync(join(home, 'data'));
  const lock = lockFile(join(home, 'data/tower.lock'), 4711);
  assert.ok('held' in lock);
  try {
    const silent = await tower(['halt', '--reason', 'x', '--timeout', '0.05'], { alive: true });
    assert.equal(silent.code, 1);
    assert.match(silent.err, /is halted, but the tower \(process 4711\) has not said so.*tower halt --hard/);
    const seen = { at: '2999-01-01T00:00:00.000000Z', halts: ['all'], on_their_way: 2 };
    writeFileSync(join(home, 'data/halt.seen'), JSON.stringify(seen));
    const heard = await tower(['halt', '--reason', 'x'], { alive: true });
    assert.equal(heard.code, 0);
    assert.match(heard.out, /the tower obeys; 2 sent before it are not answered yet/);
  } finally {
    lock.held.release();
  }
});

test('halt says that nothing is halted when no file can be made', async () => {
  mkdirSync(join(home, 'data'));
  writeFileSync(join(home, 'data/halt'), 'in the way');
  const { code, err } = await tower(['halt', '--reason', 'x']);
  assert.equal(code, 1);
  assert.match(err, /nothing is halted/);
});

test('resume needs a reason and the second word, and ends every form of the halt', async () => {
  mkdirSync(join(home, 'data'));
  await tower(['halt', '--reason', 'x']);
  await tower(['halt', '--reason', 'x', '--reduce-only', '--cancel']);
  await tower(['halt', '--reason', 'x', '--symbol', 'btc/usd']);
  assert.equal((await tower(['resume', '--reason', 'x'])).code, 2);
  const unconfirmed = await tower(['resume', '--reason', 'x', '--confirm', 'yes']);
  assert.deepEqual([unconfirmed.code, /--confirm all/.test(unconfirmed.err)], [2, true]);
  const { code, err } = await tower(['resume', '--reason', 'explained', '--confirm', 'all']);
  assert.equal(code, 0);
  assert.match(err, /still halted: symbol BTCUSD/);
  assert.equal((await tower(['resume', '--reason', 'x', '--confirm', 'all'])).code, 1);
  const left = readdirSync(join(home, 'data/halt'));
  assert.ok(left.includes('symbol.BTCUSD') && left.some((name) => name.startsWith('.resumed-')), left.join());
});

test('a line of an order is aligned, and cannot be broken by what an agent wrote', () => {
  const event = { kind: 'order', clientOrderId: 'c', agent: 'a', type: 'stockbuy', mode: 'paper', atMs: 0 } as const;
  const [sent] = eventLines({ ...event, step: 'sent', text: 'x' }, false);
  const [doubt] = eventLines({ ...event, step: 'in doubt', text: 'x\n\u001b[31mred\u202e' }, false);
  assert.equal(sent?.indexOf('sent'), doubt?.indexOf('in doubt'));
  assert.match(doubt ?? '', /x\\u000a\\u001b\[31mred\\u202e$/);
  assert.match(summaryLines(SUMMARY).join('\n'), /1 in doubt, looked up at the next start/);
});

/**
 * Bad input that needs a real folder and a whole tower: what a file is, who asks, what was asked before, what Alpaca says.
 * Each act is named by a line of the catalogue, and must get the answer that the line says.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startExchange } from '../../src/exchange/server.ts';
import { micros, systemClock } from '../../src/lib/clock.ts';
import { type Answered, Harness, keysAt } from '../flow/harness.ts';
import { ACT_ROWS, reads } from './catalogue.ts';

const gid = process.getgid?.() ?? 0;
const tower = new Harness({
  config: {
    agents: {
      barred: { enabled: false },
      owned: { uid: 4711, gid },
      housed: { folder: true, uid: process.getuid?.() ?? 0, gid },
      signing: { key_file: 'signing.key' },
    },
  },
});
/** New York's hour, half a day from now. */
const nightHour = (): string => {
  const hour = new Intl.DateTimeFormat('en-US', { timeZone: 'America/New_York', hour: '2-digit', hourCycle: 'h23' });
  return String((Number(hour.format(new Date())) + 12) % 24).padStart(2, '0');
};
/** A tower whose owner has set limits, one for each agent. */
const limited = new Harness({
  config: {
    limits: { account: { gross_value: 10_000_000 }, conflicts: 'refuse' },
    agents: Object.fromEntries(
      Object.entries({
        ...{ narrow: { symbols: ['AAPL', 'MSFT'] }, kept: { symbols_barred: ['TSLA'] }, selling: { sides: ['sell'] } },
        ...{ stocks: { asset_classes: ['us_equity'] }, asleep: { hours: `${nightHour()}:00-${nightHour()}:01` } },
        ...{ collared: { collar_percent: 5 }, priced: { order_value: 1000 }, sized: { order_qty: 5 } },
        ...{ daily: { day_value: '1.50' }, opened: { open_orders: 1 }, placed: { position_qty: 1 } },
        ...{ invested: { gross_value: '1.50' }, flat: { shorting: false }, losing: { day_loss: 0 } },
        ...{ twice: { similar_seconds: 60 }, hasty: { orders_per_minute: 1 }, looping: { repeat_orders: 1 } },
      }).map(([agent, limits]) => [agent, { limits }]),
    ),
  },
});
/** A tower on a Saturday. */
const [began, saturday] = [systemClock.now(), Date.parse('2026-02-14T08:00:00-05:00') * 1000];
const weekend = new Harness({
  config: { limits: { market_closed: 'refuse' } },
  clock: { ...systemClock, now: () => micros(saturday + systemClock.now() - began) },
});
before(async () => {
  writeFileSync(join(tower.home, 'signing.key'), 'k'.repeat(32), { mode: 0o600 });
  await Promise.all([tower.start(), limited.start(), weekend.start()]);
});
after(() => Promise.all([tower.end(), limited.end(), weekend.end()]));

const incoming = (): string => join(tower.home, 'orders/incoming');
const outside = (): string => {
  const file = join(tower.home, 'outside.txt');
  writeFileSync(file, 'canary-4711');
  return file;
};
const COIN = { symbol: 'BTC/USD', qty: '0.001', order_class: 'market', time_in_force: 'gtc' };
const QUIET = { ...COIN, order_class: 'limit', limit_price: '1' };
const SHARE = { symbol: 'AAPL', qty: '1', order_class: 'market', time_in_force: 'day' };
/** Rests far from the market, worth one dollar. */
const RESTING = { ...SHARE, order_class: 'limit', limit_price: '1.00' };

/** Puts something in the place of an order file and waits for the answer to it. */
function instead(put: (path: string) => void): Promise<Answered> {
  const stem = `paper_odd_accountinfo_${tower.timestamp()}`;
  put(join(incoming(), `${stem}.json`));
  return tower.answer(stem);
}

/** The answer to a file that is owed one without having a name for it. */
const unnamed = (name: Buffer): Promise<Answered> =>
  unattributed(() => writeFileSync(Buffer.concat([Buffer.from(`${incoming()}/`), name]), '{}'));

/** The answer that comes up among the unattributed. */
async function unattributed(put: () => unknown): Promise<Answered> {
  const folder = join(tower.home, 'responses/_unattributed', tower.timestamp().slice(0, 8));
  const before = existsSync(folder) ? readdirSync(folder) : [];
  put();
  const file = await tower.until(
    () => (existsSync(folder) ? readdirSync(folder) : []).find((one) => !before.includes(one)) ?? null,
    () => 'no answer among the unattributed',
  );
  return JSON.parse(readFileSync(join(folder, file), 'utf8'));
}

/** A file twice under one name; the answer to the second. */
async function repeated(type: string, payload: unknown, second: (text: string) => string): Promise<Answered> {
  const timestamp = tower.timestamp();
  const stem = `paper_again_${type}_${timestamp}`;
  const text = tower.text('again', type, payload, timestamp);
  tower.dropText(`${stem}.json`, text);
  await tower.answer(stem);
  tower.dropText(`${stem}.json`, second(text));
  return tower.answer(stem, () => true, '.duplicate-1');
}

/** A file that is not what its name says: it gets an answer of its own and does not use the name up. */
function impostor(
  agent: string,
  told: 'to the agent' | 'to nobody',
  change = (text: string): string => text,
): Promise<Answered> {
  const timestamp = tower.timestamp();
  const text = change(tower.text(agent, 'accountinfo', {}, timestamp));
  const stem = `paper_${agent}_accountinfo_${timestamp}`;
  const put = (): string => tower.dropText(`${stem}.json`, text);
  return told === 'to nobody' ? unattributed(put) : tower.answer(put(), () => true, '.refused-1');
}

const cancelled = (agent: string, client_order_id: string): Promise<Answered> =>
  tower.answer(tower.drop(agent, 'cancelorder', { client_order_id }), ({ sent }) => sent !== 'unknown');

/** The answer of the tower with limits to an order, or to the same once more. */
const asked = (agent: string, change: object = {}, type = 'stockbuy'): Promise<Answered> =>
  limited.ask(agent, type, { ...RESTING, ...change });
async function askedAgain(agent: string): Promise<Answered> {
  await asked(agent);
  return asked(agent);
}

/** The answer to an order under a halt that lasts only for it. */
async function underHalt(file: string, agent: string): Promise<Answered> {
  const path = join(tower.home, 'data/halt', file);
  writeFileSync(path, JSON.stringify({ by: 'eve', at: '2026-02-13T00:00:00Z', reason: 'odd fills' }));
  const answer = await tower.ask(agent, 'cryptobuy', COIN);
  rmSync(path);
  return answer;
}

/** An order of an agent that has one for the same symbol and side in doubt: its answer got lost, and nobody has seen it yet. */
async function inDoubt(): Promise<Answered> {
  const exchange = await startExchange({ control: true });
  const doubtful = new Harness({ env: keysAt(exchange.url), config: { limits: { agent: { in_doubt: 'refuse' } } } });
  try {
    await doubtful.start();
    const fault = { kind: 'lose', how: 'reset' };
    const blind = { kind: 'status', status: 503, body: '{}' };
    const faults = {
      stream: [{ fault: { kind: 'drop' } }],
      requests: [
        { method: 'POST', path: '/v2/orders', fault },
        { method: 'GET', path: '/v2/orders:by_client_order_id', fault: blind },
        { method: 'GET', path: '/v2/orders', fault: blind },
      ],
    };
    const set = await fetch(`${exchange.url}/_control/faults`, { method: 'PUT', body: JSON.stringify(faults) });
    assert.ok(set.ok, await set.text());
    const first = doubtful.drop('unsure', 'stockbuy', RESTING);
    await doubtful.answer(first, ({ sent }) => sent === 'unknown');
    return await doubtful.ask('unsure', 'stockbuy', { ...RESTING, qty: '2' });
  } finally {
    await doubtful.end();
    await exchange.close();
  }
}

const ACTS: Readonly<Record<string, () => Promise<Answered>>> = {
  large: () => instead((path) => writeFileSync(path, 'x'.repeat(70_000))),
  sparse: () =>
    instead((path) => {
      writeFileSync(path, '');
      truncateSync(path, 10_000_000_000);
    }),
  symlink: () => instead((path) => symlinkSync(outside(), path)),
  dangling: () => instead((path) => symlinkSync(join(tower.home, 'nowhere'), path)),
  fifo: () => instead((path) => void execFileSync('mkfifo', [path])),
  directory: () => instead((path) => void mkdirSync(path)),
  async socket() {
    const server = createServer();
    const answer = await instead((path) => void server.listen(path));
    server.close();
    return answer;
  },
  hardlink: () => instead((path) => linkSync(outside(), path)),
  'name-bytes': () => unnamed(Buffer.from('paper_a\xff_stockbuy_20260213143022123456.json', 'latin1')),
  'name-newline': () => unnamed(Buffer.from('paper_a\n_stockbuy_20260213143022123456.json')),
  half: () => instead((path) => writeFileSync(path, '{"agent_id": "agent"')),
  again: () => repeated('accountinfo', {}, (text) => text),
  'again-spaced': () => repeated('accountinfo', {}, (text) => text.replaceAll(',', ' ,\n ')),
  'again-other': () => repeated('cryptobuy', QUIET, (text) => text.replace('0.001', '0.002')),
  live() {
    const timestamp = tower.timestamp();
    const text = tower.text('bold', 'cryptobuy', COIN, timestamp, { mode: 'live' });
    return tower.answer(tower.dropText(`live_bold_cryptobuy_${timestamp}.json`, text));
  },
  disabled: () => tower.ask('barred', 'accountinfo', {}),
  'wrong-owner': () => impostor('owned', 'to nobody'),
  'wrong-folder': () => impostor('housed', 'to nobody'),
  unsigned: () => impostor('signing', 'to the agent'),
  'wrong-signature': () => impostor('signing', 'to the agent', (text) => `${text}\n#hmac-sha256 ${'0'.repeat(64)}\n`),
  halted: () => underHalt('agent.stopped', 'stopped'),
  'reduce-only': () => underHalt('agent.shrinking.reduce', 'shrinking'),
  'limit-symbols': () => asked('narrow', { symbol: 'TSLA' }),
  'limit-barred': () => asked('kept', { symbol: 'TSLA' }),
  'limit-sides': () => asked('selling'),
  'limit-classes': () => asked('stocks', { ...QUIET, qty: '20' }, 'cryptobuy'),
  'limit-hours': () => asked('asleep'),
  'limit-closed': () => weekend.ask('early', 'stockbuy', SHARE),
  'limit-collar': () => asked('collared', { limit_price: '90000' }),
  'limit-quote': () => asked('priced', { ...SHARE, symbol: 'NOSUCH', limit_price: undefined }),
  'limit-qty': () => asked('sized', { qty: '6' }),
  'limit-value': () => asked('priced', { qty: '1001' }),
  'limit-day': () => askedAgain('daily'),
  'limit-open': () => askedAgain('opened'),
  'limit-position': () => askedAgain('placed'),
  'limit-gross': () => askedAgain('invested'),
  'limit-account': () => asked('whale', { qty: '20000000' }),
  'limit-similar': () => askedAgain('twice'),
  'limit-doubt': () => inDoubt(),
  'limit-short': () => asked('flat', {}, 'stocksell'),
  async 'limit-wash'() {
    await asked('resting', { symbol: 'MSFT' });
    return asked('crossing', { symbol: 'MSFT' }, 'stocksell');
  },
  'limit-rate': () => askedAgain('hasty'),
  'limit-repeat': () => askedAgain('looping'),
  'limit-loss': () => asked('losing'),
  'stop-side': () =>
    tower.final(
      tower.drop('a', 'stocksell', { ...SHARE, order_class: 'stop', stop_price: '90000.00', time_in_force: 'gtc' }),
    ),
  'unknown-symbol': () => tower.final(tower.drop('a', 'stockbuy', { ...COIN, symbol: 'ZZZZ', time_in_force: 'day' })),
  'expired-option': () =>
    tower.final(
      tower.drop('a', 'optionsingle', {
        ...{ symbol: 'AAPL200117C00150000', qty: '1', side: 'buy', order_class: 'market', time_in_force: 'day' },
      }),
    ),
  'cancel-unknown': () => cancelled('ab', 'ab_20260213143022123456_cryptobuy'),
  async 'cancel-foreign'() {
    const theirs = await tower.ask('other', 'cryptobuy', QUIET);
    return cancelled('ac', String(theirs.client_order_id));
  },
  'cancel-foreign-unknown': () => cancelled('ad', 'other_20260213143022123456_cryptobuy'),
  async 'cancel-final'() {
    const filled = await tower.final(tower.drop('ae', 'cryptobuy', COIN));
    return cancelled('ae', String(filled.client_order_id));
  },
};

for (const row of ACT_ROWS) {
  test(`${row.row} ${row.title}`, async () => {
    const act = ACTS[row.act];
    assert.ok(act !== undefined, `${row.act} is no act`);
    const { status, sent, error } = await act();
    assert.ok(status === 'error' && error !== null);
    const problems = error.details['problems'] as readonly { field: string | null; hint: string | null }[] | undefined;
    const { field, hint } = problems?.[0] ?? (error.details as { field: string | null; hint: string | null });
    const found = { code: error.code, field, message: error.message, hint };
    const { code, message } = row;
    assert.ok(
      found.code === code && field === row.field && reads(found.message, message) && reads(hint, row.hint),
      `the answer was ${JSON.stringify(found)}`,
    );
    assert.ok(!JSON.stringify(error).includes('canary'), 'what lies outside was read');
    // Where Alpaca was asked it said no; nothing else may have been placed.
    if (error.type !== 'api_error') assert.equal(sent, 'no');
  });
}

test('every act is in the catalogue', () => {
  const named = new Set(ACT_ROWS.map(({ act }) => act));
  assert.deepEqual(
    Object.keys(ACTS).filter((act) => !named.has(act)),
    [],
  );
});

test('the refusal of a foreign order is the same whether the order exists or not', async () => {
  const theirs = await tower.ask('rich', 'cryptobuy', QUIET);
  const [there, nowhere] = await Promise.all([
    cancelled('spy', String(theirs.client_order_id)),
    cancelled('spy', 'rich_20260213143022123456_cryptobuy'),
  ]);
  const told = ({ error }: Answered): string => JSON.stringify(error).replace(/rich_\d{20}_cryptobuy/g, 'rich_order');
  assert.equal(told(there), told(nowhere));
});

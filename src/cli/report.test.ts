/** `tower report` on a real journal, beside the connection that writes it: table, JSON, CSV, page, periods. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Posting } from '../books/holding.ts';
import { coinFee, fill, money } from '../books/postings.ts';
import type { BookEntry, Journal } from '../journal/journal.ts';
import { openSqliteJournal } from '../journal/sqlite.ts';
import { type Micros, micros, systemClock } from '../lib/clock.ts';
import { seededRandom } from '../lib/random.ts';
import { canonical } from '../order/decimal.ts';
import { fromRfc3339 } from '../order/time.ts';
import { run } from './program.ts';

const home = mkdtempSync(join(tmpdir(), 'tower-report-'));
const d = canonical;
const at = (text: string): Micros => fromRfc3339(text) ?? micros(0);
const NOW = at('2026-02-20T12:00:00Z');
let journal: Journal;
let n = 0;

async function book(agent: string, posting: Posting, orderId: string | null = null, id: string | null = null) {
  const entry: BookEntry = { key: `k${n++}`, agent: agent as BookEntry['agent'], posting, orderId, seq: null };
  await journal.book([{ account: 'PA1', activity: id, entries: [entry] }]);
}
const trade = (symbol: string, side: 'buy' | 'sell', qty: string, price: string, when: string): Posting =>
  fill({ symbol, side, qty: d(qty), price: d(price), at: at(when) });

before(async () => {
  mkdirSync(join(home, 'data'));
  journal = openSqliteJournal({ file: join(home, 'data/tower.db'), clock: systemClock, random: seededRandom(1) });
  await journal.setFact('account:paper', 'PA1');
  await book('', money('opening', d('1000'), at('2026-02-10T00:00:00Z')));
  await book('alpha', trade('AAPL', 'buy', '10', '100', '2026-02-11T10:00:00Z'), 'o1');
  await journal.setPrices('PA1', at('2026-02-12T00:00:00Z'), new Map([['AAPL', d('90')]]));
  await book('alpha', trade('AAPL', 'sell', '4', '110', '2026-02-13T10:00:00Z'), 'o2');
  await book('alpha', trade('AAPL', 'sell', '1', '95', '2026-02-13T11:00:00Z'), 'o3', '=cmd()');
  await book('beta', trade('BTC/USD', 'buy', '2', '50', '2026-02-14T10:00:00Z'), '<script>alert(1)</script>');
  await book('beta', coinFee('BTC/USD', d('0.005'), d('50'), at('2026-02-14T10:00:00Z')));
  await journal.setPrices('PA1', at('2026-02-15T00:00:00Z'), new Map([['AAPL', d('120')]]));
});
after(async () => {
  await journal.close();
  rmSync(home, { recursive: true });
});

async function report(...args: readonly string[]) {
  let [out, err] = ['', ''];
  const code = await run(
    ['report', '--home', home, ...args],
    {
      env: {},
      node: '24.0.0',
      cwd: home,
      clock: { ...systemClock, now: () => NOW },
      random: seededRandom(1),
      terminal: false,
      colour: false,
      out: (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
      onInterrupt: () => {},
      onHangup: () => {},
      user: 'tester',
      kill: () => {},
      isAlive: () => false,
    },
    '1.2.3',
    () => Promise.reject(new Error('not to be started')),
  );
  return { code, out, err };
}

test('JSON has every figure exact, per agent and in total', async () => {
  const { code, out } = await report('--json');
  assert.equal(code, 0);
  const [account] = JSON.parse(out).accounts;
  const [alpha, beta, nobody] = account.agents;
  assert.deepEqual(alpha.figures, {
    profit: '135',
    realised: '35',
    fees: '0',
    income: '0',
    unrealised: '100',
    cash_flow: '-465',
    turnover: '1535',
    executions: 3,
    closed: 2,
    won: 1,
    lost: 1,
    // From nothing to -100 at the price of 90, before the first sale.
    max_drawdown: '100',
  });
  assert.deepEqual(alpha.positions, [
    {
      symbol: 'AAPL',
      qty: '5',
      basis: '500',
      mark: '120',
      mark_at: '2026-02-15T00:00:00.000000Z',
      value: '600',
      unrealised: '100',
    },
  ]);
  assert.equal(beta.figures.profit, '-0.25');
  assert.equal(beta.figures.closed, 0, 'a fee in coins is no trade');
  assert.equal(nobody.agent, null);
  assert.equal(nobody.figures.cash_flow, '1000');
  assert.equal(account.total.figures.profit, '134.75');
  assert.equal(account.total.figures.cash_flow, '435');
  assert.deepEqual(
    alpha.curve.map(({ profit }: { profit: string }) => profit),
    ['0', '0', '-100', '100', '10', '135', '135'],
  );
});

test('a period counts what has changed in it', async () => {
  const { out } = await report('--json', '--from', '2026-02-13', '--to', '2026-02-14', '--agent', 'alpha');
  const [account] = JSON.parse(out).accounts;
  const [alpha] = account.agents;
  assert.equal(account.agents.length, 1);
  assert.equal(account.total, null);
  assert.equal(alpha.figures.realised, '35');
  assert.equal(alpha.figures.executions, 2);
  // It began with 10 at 90 that had cost 100, and ends with 5 at 95.
  assert.equal(alpha.figures.unrealised, '-25');
  assert.equal(alpha.figures.profit, '110');
});

test('the table says how the books stand, and what no price is known of', async () => {
  const before = await report();
  assert.match(before.out, /have not been compared with the broker yet/);
  assert.match(before.out, /^alpha +135\.00 +35\.00 +100\.00 /m);
  assert.match(before.out, /^total +134\.75 /m);
  assert.match(before.out, /valued at the last known prices, the oldest of 2026-02-14 10:00:00/);
  const difference = { symbol: 'AAPL', books: '5', broker: '6', difference: '1', expected: null };
  await journal.setFact(
    'proof:PA1',
    JSON.stringify({ provenAt: null, since: at('2026-02-16T00:00:00Z'), differences: [difference] }),
  );
  const { out } = await report();
  assert.match(out, /DIFFERENT from the broker since 2026-02-16 00:00:00\n {2}AAPL: books 5, broker 6 \(1\)/);
});

test('CSV has a line for every posting, and no formula', async () => {
  const { out } = await report('--csv', '--from', '2026-02-13');
  const lines = out.trim().split('\n');
  assert.equal(lines.length, 5);
  assert.equal(lines[1], '2026-02-13T10:00:00.000000Z,paper,alpha,fill,AAPL,-4,110,440,0,40,6,,o2,,');
  assert.match(lines[2] ?? '', /,'=cmd\(\),$/);
});

test('the page needs nothing else, and takes no text for markup', async () => {
  const { out } = await report('--html', 'report.html');
  assert.equal(out, `written to ${join(home, 'report.html')}\n`);
  const page = readFileSync(join(home, 'report.html'), 'utf8');
  assert.doesNotMatch(page, /<script|https?:|src=|url\(|@import/);
  assert.match(page, /&#60;script&#62;/);
  assert.equal(page.match(/<svg /g)?.length, 4, 'one curve for each book, and one for all');
  assert.match(page, /class="proof bad">✕ DIFFERENT/);
  assert.match(page, /default-src 'none'/);
});

test('wrong usage and a home without books say what to do', async () => {
  assert.equal((await report('--from', 'yesteryear')).code, 2);
  assert.match((await report('--from', '2026-02-30')).err, /Give a date/);
  assert.equal((await report('--from', '2026-02-13', '--to', '2026-02-12')).code, 2);
  assert.equal((await report('--json', '--csv')).code, 2);
  const empty = await report('--home', join(home, 'nowhere'));
  assert.equal(empty.code, 1);
  assert.match(empty.err, /start a tower with/);
});

test('what was told late stands where it happened, and what is held is right', async () => {
  const told = (qty: string, price: string, when: string) =>
    book('late', trade('MSFT', 'buy', qty, price, when), `l${qty}`);
  await told('3', '20', '2026-02-16T10:05:00Z');
  await told('5', '10', '2026-02-16T10:00:00Z');
  await book('late', trade('MSFT', 'sell', '4', '30', '2026-02-16T10:06:00Z'), 'l4');
  // Booked from lots of 3 at 20 and 5 at 10: what is left is 4 at 10.
  const held = async (...period: readonly string[]) => {
    const [books] = JSON.parse((await report('--json', '--agent', 'late', ...period)).out).accounts;
    const [one] = books.agents[0].positions;
    return [one.qty, one.basis];
  };
  for (const from of ['2026-02-01', '2026-02-16T10:02:00Z', '2026-02-16T10:05:30Z', '2026-02-16T10:06:00Z'])
    assert.deepEqual(await held('--from', from), ['4', '40'], from);
  assert.deepEqual(await held('--to', '2026-02-16T10:05:00Z'), ['5', '50']);
});

test('what is no journal is told as such, and not touched', async () => {
  const other = join(home, 'other');
  mkdirSync(join(other, 'data'), { recursive: true });
  writeFileSync(join(other, 'data/tower.db'), 'Dear diary');
  const { code, err } = await report('--home', other);
  assert.equal(code, 1);
  assert.match(err, /data\/tower\.db is no SQLite database.*move it away/);
  assert.equal(readFileSync(join(other, 'data/tower.db'), 'utf8'), 'Dear diary');
});

/**
 * The books of a running tower against the exchange's account, to the cent: everything that can move them, done by several
 * agents, by hand and by the broker itself. The sums are reckoned here from the postings, in whole numbers.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import Sqlite from 'better-sqlite3';
import { type RunningExchange, startExchange } from '../../src/exchange/server.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import type { StatusReport } from '../../src/observe/status.ts';
import { Harness, keysAt } from './harness.ts';

const HEADERS = { 'APCA-API-KEY-ID': 'K', 'APCA-API-SECRET-KEY': 'S' };

/** A decimal in billionths of a billionth: exact, and no code of the tower's. */
function units(text: string): bigint {
  const [, sign = '', whole = '', part = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  assert.notEqual(whole, '', `${text} is no decimal`);
  return BigInt(`${sign}${whole}${part.padEnd(18, '0').slice(0, 18)}`);
}
const CENT = 10n ** 16n;

interface Row {
  readonly agent: string;
  readonly symbol: string;
  readonly kind: string;
  readonly qty: string;
  readonly cash: string;
  readonly realised: string | null;
}

class Desk {
  readonly exchange: RunningExchange;
  readonly tower: Harness;

  constructor(exchange: RunningExchange) {
    this.exchange = exchange;
    this.tower = new Harness({ env: { ...keysAt(exchange.url), TOWER_SWEEP_INTERVAL_MS: '300' } });
  }

  async get<T>(path: string): Promise<T> {
    return (await (await fetch(`${this.exchange.url}${path}`, { headers: HEADERS })).json()) as T;
  }

  async post(path: string, body: unknown): Promise<void> {
    const answer = await fetch(`${this.exchange.url}${path}`, {
      method: 'POST',
      headers: HEADERS,
      body: JSON.stringify(body),
    });
    assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.text()}`);
  }

  async trade(agent: string, type: string, payload: object, status = 'filled'): Promise<void> {
    const stem = this.tower.drop(agent, type, payload);
    await this.tower.answer(stem, (answer) => {
      assert.notEqual(answer.status === 'error' && answer.final, true, JSON.stringify(answer.error));
      return answer.data?.status === status;
    });
  }

  rows(): readonly Row[] {
    const db = new Sqlite(join(this.tower.home, 'data/tower.db'), { readonly: true });
    try {
      return db.prepare('SELECT agent, symbol, kind, qty, cash, realised FROM postings ORDER BY id').all() as Row[];
    } finally {
      db.close();
    }
  }

  async difference(): Promise<string> {
    const account = await this.get<{ cash: string }>('/v2/account');
    const positions = await this.get<{ symbol: string; qty: string }[]>('/v2/positions');
    const sums = new Map(positions.map(({ symbol, qty }) => [symbol, units(qty)]));
    let cash = units(account.cash);
    for (const row of this.rows()) {
      cash -= units(row.cash);
      sums.set(row.symbol, (sums.get(row.symbol) ?? 0n) - units(row.qty));
    }
    const off = [...sums].filter(([, qty]) => qty !== 0n).map(([symbol, qty]) => `${symbol} ${qty}`);
    if (cash >= CENT || cash <= -CENT) off.push(`USD ${cash}`);
    return off.join(', ');
  }

  /** Waits until the sum of all books is the account. */
  async agrees(): Promise<void> {
    const end = performance.now() + 15_000;
    let off = await this.difference();
    while (off !== '' && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      off = await this.difference();
    }
    assert.equal(
      off,
      '',
      `${off}\n${this.rows()
        .map((row) => JSON.stringify(row))
        .join('\n')}`,
    );
  }

  of(agent: string, symbol: string): string {
    const held = this.rows()
      .filter((row) => row.agent === agent && row.symbol === symbol)
      .reduce((sum, row) => sum + units(row.qty), 0n);
    return String(Number(held) / 1e18);
  }

  get notices(): readonly string[] {
    return this.tower.events.flatMap((event) => (event.kind === 'notice' ? [event.text] : []));
  }
}

describe('the books', () => {
  let desk: Desk;
  before(async () => {
    const exchange = await startExchange({ control: true });
    desk = new Desk(exchange);
    // Something was there before the tower came.
    await desk.post('/v2/orders', { symbol: 'MSFT', qty: '7', side: 'buy', type: 'market', time_in_force: 'day' });
    await desk.tower.start();
    await desk.agrees();
  });
  after(async () => {
    await desk.tower.end();
    await desk.exchange.close();
  });

  it('begin with what was there, in nobody’s book', () => {
    assert.equal(desk.of('', 'MSFT'), '7');
    assert.deepEqual([...new Set(desk.rows().map(({ agent }) => agent))], ['']);
  });

  it('keep two agents apart who trade one symbol, one of them against the other', async () => {
    await desk.trade('alpha', 'stockbuy', { symbol: 'AAPL', qty: 10, order_class: 'market', time_in_force: 'day' });
    await desk.trade('beta', 'stocksell', { symbol: 'AAPL', qty: 4, order_class: 'market', time_in_force: 'day' });
    await desk.agrees();
    assert.equal(desk.of('alpha', 'AAPL'), '10');
    assert.equal(desk.of('beta', 'AAPL'), '-4');
  });

  it('go short, and through zero', async () => {
    await desk.trade('bear', 'stocksell', { symbol: 'TSLA', qty: 2, order_class: 'market', time_in_force: 'day' });
    await desk.trade('bear', 'stockbuy', { symbol: 'TSLA', qty: 2, order_class: 'market', time_in_force: 'day' });
    await desk.agrees();
    assert.equal(desk.of('bear', 'TSLA'), '0');
  });

  it('take fees on coins from who has traded them', async () => {
    await desk.trade('alpha', 'cryptobuy', {
      symbol: 'BTC/USD',
      qty: '0.01',
      order_class: 'market',
      time_in_force: 'gtc',
    });
    await desk.trade('beta', 'cryptobuy', {
      symbol: 'BTC/USD',
      qty: '0.02',
      order_class: 'market',
      time_in_force: 'gtc',
    });
    await desk.agrees();
    assert.equal(desk.of('alpha', 'BTCUSD'), '0.009975');
    assert.equal(desk.of('beta', 'BTCUSD'), '0.01995');
    await desk.trade('beta', 'cryptosell', {
      symbol: 'BTC/USD',
      qty: '0.01',
      order_class: 'market',
      time_in_force: 'gtc',
    });
    await desk.agrees();
    const fees = desk.rows().filter(({ kind, agent }) => kind === 'fee' && agent === 'beta');
    assert.equal(fees.length, 2);
    assert.ok(units(fees[1]?.cash ?? '0') < 0n, 'the fee of a sale is money');
  });

  it('give the legs of a bracket to its agent', async () => {
    const { quote } = await desk.get<{ quote: { ap: number } }>('/v2/stocks/SPY/quotes/latest');
    const price = (factor: number): string => (quote.ap * factor).toFixed(2);
    await desk.trade('gamma', 'stockbuy', {
      symbol: 'SPY',
      qty: 3,
      order_class: 'market',
      time_in_force: 'day',
      take_profit: { limit_price: price(1.05) },
      stop_loss: { stop_price: price(0.9) },
    });
    await desk.agrees();
    assert.equal(desk.of('gamma', 'SPY'), '3');
    await desk.post('/_control/prices', { symbol: 'SPY', bid: price(1.06), ask: price(1.07) });
    await desk.tower.until(
      () => (desk.of('gamma', 'SPY') === '0' ? true : null),
      () => 'the exit is not booked',
    );
    await desk.agrees();
    assert.equal(desk.of('', 'SPY'), '0');
    const closing = desk.rows().findLast(({ agent, symbol }) => agent === 'gamma' && symbol === 'SPY');
    assert.ok(units(closing?.realised ?? '0') > 0n, 'the take profit has made a profit');
  });

  it('put what is traded by hand, and money that comes, in nobody’s book', async () => {
    const { id } = await desk.get<{ id: string }>('/v2/account');
    await desk.post('/v2/orders', { symbol: 'NVDA', qty: '5', side: 'buy', type: 'market', time_in_force: 'day' });
    await desk.post('/_control/cash', { account: id, amount: '2500.50' });
    await desk.agrees();
    assert.equal(desk.of('', 'NVDA'), '5');
    assert.ok(desk.rows().some(({ agent, kind, cash }) => agent === '' && kind === 'transfer' && cash === '2500.5'));
  });

  it('split with the shares', async () => {
    await desk.trade('delta', 'stockbuy', { symbol: 'NVDA', qty: 3, order_class: 'market', time_in_force: 'day' });
    await desk.agrees();
    await desk.post('/_control/splits', { symbol: 'NVDA', numerator: 3, denominator: 2 });
    await desk.agrees();
    assert.equal(desk.of('delta', 'NVDA'), '4.5');
    assert.equal(desk.of('', 'NVDA'), '7.5');
  });

  it('carry contracts and strategies to their end', async () => {
    const { option_contracts: found } = await desk.get<{
      option_contracts: { symbol: string; expiration_date: string; strike_price: string; type: string }[];
    }>('/v2/options/contracts?underlying_symbols=AAPL&limit=1000');
    const { quote } = await desk.get<{ quote: { bp: number } }>('/v2/stocks/AAPL/quotes/latest');
    const expiry = found[0]?.expiration_date ?? '';
    const calls = found
      .filter(({ type, expiration_date }) => type === 'call' && expiration_date === expiry)
      .sort((a, b) => Number(a.strike_price) - Number(b.strike_price));
    const last = calls.findLast(({ strike_price }) => Number(strike_price) < quote.bp);
    const inside = last?.symbol ?? '';
    // It stays in the money, and the others out of it, whatever time brings.
    const [bid, ask] = [0.5, 0.52].map((more) => (Number(last?.strike_price) + more).toFixed(2));
    await desk.post('/_control/prices', { symbol: 'AAPL', bid, ask });
    const [outside, further] = calls.filter(({ strike_price }) => Number(strike_price) > quote.bp);
    const single = { qty: 1, order_class: 'market', time_in_force: 'day' };
    await desk.trade('optionbot', 'optionsingle', { symbol: inside, side: 'buy', ...single });
    await desk.trade('spreadbot', 'optionmulti', {
      order_class: 'mleg',
      type: 'market',
      qty: 2,
      time_in_force: 'day',
      legs: [
        { symbol: outside?.symbol, side: 'buy', ratio_qty: 1, position_intent: 'buy_to_open' },
        { symbol: further?.symbol, side: 'sell', ratio_qty: 1, position_intent: 'sell_to_open' },
      ],
    });
    await desk.agrees();
    assert.equal(desk.of('optionbot', inside), '1');
    assert.equal(desk.of('spreadbot', outside?.symbol ?? ''), '2');
    assert.equal(desk.of('spreadbot', further?.symbol ?? ''), '-2');
    await desk.post('/_control/time', { to: `${expiry}T23:30:00Z` });
    await desk.tower.until(
      () => (desk.rows().some(({ kind }) => kind === 'delivery') ? true : null),
      () =>
        `nothing was delivered:\n${desk
          .rows()
          .map((row) => JSON.stringify(row))
          .join('\n')}`,
    );
    await desk.agrees();
    assert.equal(desk.of('optionbot', inside), '0');
    assert.equal(desk.of('optionbot', 'AAPL'), '100');
    assert.equal(desk.of('spreadbot', outside?.symbol ?? ''), '0');
    assert.equal(desk.of('spreadbot', further?.symbol ?? ''), '0');
  });

  it('are the same after a start, and know what happened in between', async () => {
    await desk.tower.stop();
    await desk.post('/v2/orders', { symbol: 'MSFT', qty: '2', side: 'sell', type: 'market', time_in_force: 'day' });
    await desk.tower.start();
    await desk.agrees();
    assert.equal(desk.of('', 'MSFT'), '5');
  });

  it('were never said to differ', () => {
    assert.deepEqual(
      desk.notices.filter((text) => text.includes('books')),
      [],
    );
  });
});

it('a difference is confirmed, told, shown, and over when it is gone', async () => {
  const exchange = await startExchange({ control: true });
  // Seconds that pass for the tower's timers twenty times as fast: it waits before it raises an alarm.
  const fast: Clock = {
    ...systemClock,
    monotonic: () => systemClock.monotonic() * 20,
    after: (ms, run) => systemClock.after(ms / 20, run),
  };
  const tower = new Harness({ env: { ...keysAt(exchange.url), TOWER_SWEEP_INTERVAL_MS: '5000' }, clock: fast });
  const told = (words: string): number =>
    tower.events.filter((event) => event.kind === 'notice' && event.text.includes(words)).length;
  const shown = (): StatusReport['books'][number] | undefined => {
    const path = join(tower.home, 'data/status.json');
    return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as StatusReport).books[0] : undefined;
  };
  const forge = (amount: number): void => {
    tower.editJournal((db) => db.prepare('UPDATE books SET cash = CAST(cash + ? AS TEXT)').run(amount));
  };
  await tower.start();
  const isSettled = (): boolean => {
    const db = new Sqlite(join(tower.home, 'data/tower.db'), { readonly: true });
    const fact = db.prepare("SELECT 1 FROM facts WHERE key LIKE 'settled:%'").get();
    db.close();
    return fact !== undefined;
  };
  await tower.until(
    () => (isSettled() ? true : null),
    () => 'never settled',
  );
  assert.ok(shown()?.proven_at);
  await tower.stop();
  forge(5);
  await tower.start();
  await tower.until(
    () => (told('the books (paper) differ from Alpaca: USD: books 100005') > 0 ? true : null),
    () => 'nothing was told',
  );
  await tower.until(
    () => (shown()?.differences[0]?.symbol === 'USD' ? true : null),
    () => 'nothing is shown',
  );
  assert.notEqual(shown()?.different_since, null);
  await tower.stop();
  // It stays in mind, and is told once.
  await tower.start();
  assert.equal(told('differ from Alpaca'), 1);
  await tower.stop();
  forge(-5);
  await tower.start();
  await tower.until(
    () => (told('agree with Alpaca again') > 0 ? true : null),
    () => 'the end was not told',
  );
  assert.equal(told('differ from Alpaca'), 1);
  await tower.end();
  await exchange.close();
});

/** Every error type of the contract, provoked from outside; and what happens to the file that caused it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startExchange } from '../../src/exchange/server.ts';
import { type Answered, Harness, keysAt } from './harness.ts';

const MARKET = { symbol: 'AAPL', qty: 1, order_class: 'market', time_in_force: 'day' };

function isError(answer: Answered, type: string, code: string): void {
  assert.equal(answer.status, 'error', JSON.stringify(answer));
  assert.equal(answer.data, null);
  assert.equal(answer.error?.type, type, JSON.stringify(answer.error));
  assert.equal(answer.error?.code, code, JSON.stringify(answer.error));
  assert.ok((answer.error?.message.length ?? 0) > 10);
  assert.equal(typeof answer.error?.details['safe_to_resubmit'], 'boolean');
  assert.ok(answer.error?.details['hint'], 'an error says what to do next');
}

describe('errors of a file', () => {
  const tower = new Harness({ env: { TOWER_TEST: '1', TOWER_FAILPOINT: 'judge:throw@1' } });
  before(() => tower.start());
  after(() => tower.end());

  it('internal_error: a fault of the tower is told, and the tower goes on', async () => {
    isError(await tower.ask('first', 'accountinfo', {}), 'internal_error', 'internal');
    assert.equal((await tower.ask('first', 'accountinfo', {})).status, 'success');
  });

  it('validation_error: all problems at once, with field, value and remedy', async () => {
    const answer = await tower.ask(
      'clumsy',
      'stockbuy',
      { symbol: 'aapl', quantity: 1, order_class: 'limit', time_in_force: 'day' },
      { request_order_id: 'ref-7' },
    );
    assert.equal(answer.error?.type, 'validation_error');
    assert.equal(answer.request_order_id, 'ref-7');
    assert.equal(answer.sent, 'no');
    assert.equal(answer.final, true);
    const problems = answer.error?.details['problems'] as { field: string; hint: string }[];
    assert.deepEqual(
      new Set(problems.map(({ field }) => field)),
      new Set(['payload.symbol', 'payload.quantity', 'payload.limit_price', 'payload.qty']),
    );
  });

  it('moves the bad file to failed, byte for byte', async () => {
    const stem = `paper_clumsy_stockbuy_${tower.timestamp()}`;
    const text = '{"agent_id": "clumsy", "side": "buy", "side": "sell"}\n';
    tower.dropText(`${stem}.json`, text);
    isError(await tower.answer(stem), 'validation_error', 'json_duplicate_key');
    assert.equal(readFileSync(join(tower.home, 'orders/failed', `${stem}.json`), 'utf8'), text);
  });

  it('waits for a file that is being written in place, and judges it when it rests', async () => {
    const timestamp = tower.timestamp();
    const stem = `paper_slow_accountinfo_${timestamp}`;
    const path = join(tower.home, 'orders/incoming', `${stem}.json`);
    const text = tower.text('slow', 'accountinfo', {}, timestamp);
    writeFileSync(path, text.slice(0, 40));
    // Meanwhile another file is taken: the tower has looked at the folder.
    await tower.ask('other', 'accountinfo', {});
    assert.equal(tower.read(stem), null);
    assert.ok(existsSync(path), 'left alone while it is not whole');
    writeFileSync(path, text);
    assert.equal((await tower.answer(stem)).status, 'success');
    const half = `paper_slow_accountinfo_${tower.timestamp()}`;
    writeFileSync(join(tower.home, 'orders/incoming', `${half}.json`), text.slice(0, 40));
    isError(await tower.answer(half), 'validation_error', 'json_incomplete');
  });

  it('answers names that break the rules where the agent looks, or among the unattributed', async () => {
    const typo = `paper_clumsy_stockbuyy_${tower.timestamp()}`;
    tower.dropText(`${typo}.json`, '{}');
    isError(await tower.answer(typo), 'validation_error', 'file_name');
    tower.dropText('hello.json', '{}');
    const day = tower.timestamp().slice(0, 8);
    const path = join(tower.home, 'responses/_unattributed', day, 'response_hello.json');
    const answer: Answered = await tower.until(
      () => (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null),
      () => 'no answer to hello.json',
    );
    isError(answer, 'validation_error', 'file_name');
    assert.equal(answer.agent_id, null);
    await tower.until(
      () => (tower.list('orders/failed').includes('hello.json') ? true : null),
      () => 'not archived',
    );
    tower.dropText('hello.json', '{}');
    await tower.until(
      () => (existsSync(path.replace('.json', '.duplicate-1.json')) ? true : null),
      () => 'the same bad name again gets an answer of its own',
    );
  });

  it('never opens what is no regular file', async () => {
    const folder = join(tower.home, 'orders/incoming');
    const names = ['link', 'fifo', 'folder', 'hardlink', 'huge'].map(
      (agent) => `paper_${agent}_accountinfo_${tower.timestamp()}`,
    );
    const [link = '', fifo = '', sub = '', hard = '', huge = ''] = names;
    writeFileSync(join(tower.home, 'secret.txt'), 'canary-4711');
    symlinkSync(join(tower.home, 'secret.txt'), join(folder, `${link}.json`));
    execFileSync('mkfifo', [join(folder, `${fifo}.json`)]);
    mkdirSync(join(folder, `${sub}.json`));
    writeFileSync(join(tower.home, 'own.json'), '{}');
    linkSync(join(tower.home, 'own.json'), join(folder, `${hard}.json`));
    writeFileSync(join(folder, `.${huge}.tmp`), '');
    truncateSync(join(folder, `.${huge}.tmp`), 10_000_000_000);
    linkSync(join(folder, `.${huge}.tmp`), join(folder, `${huge}.json`));
    execFileSync('rm', [join(folder, `.${huge}.tmp`)]);
    for (const [stem, code] of [
      [link, 'file_type'],
      [fifo, 'file_type'],
      [sub, 'file_type'],
      [hard, 'file_links'],
      [huge, 'file_too_large'],
    ] as const) {
      isError(await tower.answer(stem), 'validation_error', code);
      await tower.until(
        () => (tower.list('orders/failed').includes(`${stem}.json`) ? true : null),
        () => `${stem} is not archived`,
      );
      assert.doesNotMatch(JSON.stringify(tower.read(stem)), /canary/);
    }
    assert.equal(readFileSync(join(tower.home, 'secret.txt'), 'utf8'), 'canary-4711');
    assert.equal((await tower.ask('after', 'accountinfo', {})).status, 'success');
  });

  it('duplicate_error: a used id is never sent again, and says whether the content is equal', async () => {
    const timestamp = tower.timestamp();
    const stem = `paper_twice_stockbuy_${timestamp}`;
    tower.dropText(`${stem}.json`, tower.text('twice', 'stockbuy', MARKET, timestamp));
    const first = await tower.final(stem);
    tower.dropText(`${stem}.json`, tower.text('twice', 'stockbuy', { ...MARKET, qty: '1.0' }, timestamp));
    const same = await tower.answer(stem, () => true, '.duplicate-1');
    isError(same, 'duplicate_error', 'duplicate');
    assert.equal(same.error?.details['same_content'], true);
    tower.dropText(`${stem}.json`, tower.text('twice', 'stockbuy', { ...MARKET, qty: 2 }, timestamp));
    const other = await tower.answer(stem, () => true, '.duplicate-2');
    assert.equal(other.error?.details['same_content'], false);
    assert.deepEqual(tower.read(stem), first, 'the first answer stays as it is');
    await tower.until(
      () => (readdirSync(join(tower.home, 'orders/failed')).includes(`${stem}.duplicate-2.json`) ? true : null),
      () => 'not archived',
    );
    const all = await tower.ask('twice', 'allorders', { agent: 'twice' });
    assert.equal(all.data.length, 1);
  });

  it('configuration_error: live is off until it is switched on', async () => {
    const timestamp = tower.timestamp();
    const stem = `live_brave_stockbuy_${timestamp}`;
    tower.dropText(`${stem}.json`, tower.text('brave', 'stockbuy', MARKET, timestamp).replace('"paper"', '"live"'));
    isError(await tower.answer(stem), 'configuration_error', 'live_disabled');
  });

  it('risk_error: an agent cancels only its own orders', async () => {
    isError(
      await tower.ask('nosy', 'cancelorder', { client_order_id: 'sentiment_20260213143022123456_stockbuy' }),
      'risk_error',
      'not_owner',
    );
  });

  it("api_error: Alpaca's words verbatim", async () => {
    const answer = await tower.ask('rich', 'stockbuy', { ...MARKET, qty: 100_000 });
    isError(answer, 'api_error', 'insufficient_buying_power');
    assert.equal(answer.error?.details['http_status'], 403);
    assert.equal(answer.error?.details['alpaca_code'], 40310000);
    assert.equal(answer.error?.details['alpaca_message'], 'insufficient buying power');
    assert.equal(answer.final, true);
    assert.equal(answer.sent, 'yes');
    isError(await tower.ask('rich', 'orderstatus', { client_order_id: 'nobody' }), 'api_error', 'not_found');
    isError(
      await tower.ask('rich', 'optionsingle', {
        symbol: 'AAPL250321C00150000',
        qty: 1,
        side: 'buy',
        order_class: 'limit',
        limit_price: 5.5,
        time_in_force: 'day',
      }),
      'api_error',
      'contract_expired',
    );
  });
});

describe('errors of the way to Alpaca', () => {
  it('rate_limit_error: the budget left no room before send_by', async () => {
    const tower = new Harness({ env: { TOWER_BUDGET_PER_MINUTE: '10', TOWER_BUDGET_PER_SECOND: '10' } });
    await tower.start();
    const sendBy = new Date(Date.now() + 2000).toISOString();
    const stems = Array.from({ length: 15 }, () => tower.drop('eager', 'stockbuy', MARKET, { send_by: sendBy }));
    const answers = await Promise.all(stems.map((stem) => tower.answer(stem)));
    const limited = answers.filter(({ error }) => error !== null);
    assert.ok(limited.length >= 5 && limited.length < 15);
    for (const answer of limited) {
      isError(answer, 'rate_limit_error', 'budget_spent');
      assert.equal(answer.sent, 'no');
    }
    await tower.end();
  });

  it('connection_error: Alpaca was never reached', async () => {
    const closed = await startExchange({});
    await closed.close();
    const tower = new Harness({
      env: {
        ...keysAt(closed.url),
      },
    });
    await tower.start();
    const sendBy = new Date(Date.now() + 1000).toISOString();
    const answer = await tower.ask('lonely', 'stockbuy', MARKET, { send_by: sendBy });
    isError(answer, 'connection_error', 'unreachable');
    assert.equal(answer.sent, 'no');
    isError(
      await tower.ask('lonely', 'accountinfo', {}, { send_by: new Date(Date.now() + 1000).toISOString() }),
      'connection_error',
      'unreachable',
    );
    await tower.end();
  });

  it('in_doubt_error: told while it lasts, and ended by proof, with one order', async () => {
    const exchange = await startExchange({ control: true });
    const tower = new Harness({
      env: {
        ...keysAt(exchange.url),
      },
    });
    await tower.start();
    const control = (body: unknown) =>
      fetch(`${exchange.url}/_control/faults`, { method: 'PUT', body: JSON.stringify(body) });
    const set = await control({
      requests: [{ method: 'POST', path: '/v2/orders', times: 1, fault: { kind: 'lose', how: 'reset' } }],
      stream: [{ fault: { kind: 'drop' } }],
      lookup_lag_ms: 1500,
    });
    assert.ok(set.ok, await set.text());
    const stem = tower.drop('unlucky', 'stockbuy', { ...MARKET, order_class: 'limit', limit_price: 20 });
    const doubtful = await tower.answer(stem);
    isError(doubtful, 'in_doubt_error', 'in_doubt');
    assert.equal(doubtful.sent, 'unknown');
    assert.equal(doubtful.final, false);
    assert.equal(doubtful.error?.details['safe_to_resubmit'], false);
    assert.deepEqual(tower.list('orders/completed'), [], 'not archived while in doubt');
    const known = await tower.answer(stem, (answer) => answer.status === 'success');
    assert.ok(known.version > doubtful.version);
    assert.equal(known.sent, 'yes');
    const all = await tower.ask('unlucky', 'allorders', {});
    assert.equal(all.data.length, 1);
    await tower.end();
    await exchange.close();
  });
});

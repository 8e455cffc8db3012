import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { seededRandom } from '../lib/random.ts';
import type { Context } from './context.ts';
import { run } from './program.ts';

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tower-cli-exchange-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** Runs `tower exchange ARGS`; `whileServing` gets the ready line, and Ctrl-C is pressed when it is done. */
async function exchange(args: readonly string[], whileServing: (ready: string) => Promise<void> = async () => {}) {
  let [out, err] = ['', ''];
  let interrupt = (): void => {};
  const context: Context = {
    env: {},
    node: '24.21.0',
    cwd: home,
    clock: systemClock,
    random: seededRandom('cli'),
    terminal: false,
    colour: false,
    out: (text) => {
      out += text;
      if (text.includes('ready')) void whileServing(text).finally(() => interrupt());
    },
    err: (text) => {
      err += text;
    },
    onInterrupt: (stop) => {
      interrupt = stop;
    },
    user: 'tester',
    kill: () => {},
    onHangup: () => {},
    isAlive: () => false,
  };
  const code = await run(['exchange', '--port', '0', ...args], context, '1.2.3', () => Promise.reject(new Error()));
  return { code, out, err };
}

const KEYS = { 'APCA-API-KEY-ID': 'K', 'APCA-API-SECRET-KEY': 'S' };
const get = async (url: string, headers: Record<string, string> = KEYS) => {
  const answer = await fetch(url, { headers });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};

test('says when it serves, and ends cleanly on Ctrl-C', async () => {
  const { code, out } = await exchange([], async (ready) => {
    const url = ready.replace('ready: ', '').trim();
    assert.equal((await get(`${url}/v2/account`)).body['cash'], '100000');
  });
  assert.equal(code, 0);
  assert.match(out, /^ready: http:\/\/127\.0\.0\.1:\d+\n$/);
});

test('as JSON, with its own time, cash, keys and limits', async () => {
  writeFileSync(join(home, 'keys.json'), '[{"key":"K","secret":"S","cash":"250.5"}]');
  const options = ['--json', '--control', '--speed', '0', '--start-time', '2026-02-13T09:25:00-05:00', '--hours'];
  const more = ['--keys', join(home, 'keys.json'), '--rate-limit', '2', '--seed', 'cli', '--ledger', join(home, 'l')];
  const { code } = await exchange([...options, ...more], async (ready) => {
    const { ready: url } = JSON.parse(ready) as { ready: string };
    assert.match(String((await get(`${url}/_control/time`)).body['now']), /^2026-02-13T14:25:00/);
    assert.equal((await get(`${url}/v2/account`)).body['cash'], '250.5');
    assert.equal((await get(`${url}/v2/clock`)).body['is_open'], false);
    assert.equal((await get(`${url}/v2/account`)).status, 429);
    assert.equal((await get(`${url}/v2/account`, { ...KEYS, 'APCA-API-KEY-ID': 'X' })).status, 401);
  });
  assert.equal(code, 0);
});

test('wrong options are wrong usage, with the remedy', async () => {
  writeFileSync(join(home, 'bad.json'), '[{"key":"K"}]');
  for (const [args, remedy] of [
    [['--port', 'x'], /whole number from 0 to 65535/],
    [['--host', '0.0.0.0'], /Allowed choices are 127\.0\.0\.1/],
    [['--speed', '-1'], /at least 0/],
    [['--start-time', 'yesterday'], /RFC 3339/],
    [['--cash', 'much'], /USD/],
    [['--keys', join(home, 'bad.json')], /secret/],
    [['--rate-limit', '0'], /from 1/],
  ] as const) {
    const { code, err } = await exchange(args);
    assert.equal(code, 2, args.join(' '));
    assert.match(err, remedy);
  }
});

test('what keeps it from starting is said in words, with code 1', async () => {
  const { code, err } = await exchange(['--replay', join(home, 'nowhere.csv')]);
  assert.equal(code, 1);
  assert.match(err, /^The exchange cannot start: .*nowhere\.csv/);
});

test('replays recorded quotes', async () => {
  const recording = 'timestamp,symbol,bid_price,ask_price\n2026-02-13T14:00:00Z,AAPL,111.10,111.12\n';
  writeFileSync(join(home, 'quotes.csv'), recording);
  const options = ['--replay', join(home, 'quotes.csv'), '--start-time', '2026-02-13T14:30:00Z', '--speed', '0'];
  await exchange(options, async (ready) => {
    const url = ready.replace('ready: ', '').trim();
    const { body } = await get(`${url}/v2/stocks/AAPL/quotes/latest`);
    assert.equal((body['quote'] as Record<string, unknown>)['ap'], 111.12);
  });
});

/**
 * Keys are exchanged while a tower runs: a real process, a key file, SIGHUP. Orders go on, the old secret is forgotten, and keys
 * of another account are not taken.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type RunningExchange, startExchange } from '../src/exchange/server.ts';
import { Child, until } from './prove/process.ts';
import { Site } from './prove/rig.ts';

const folder = mkdtempSync(join(tmpdir(), 'tower-rekey-'));
const home = join(folder, 'home');
const exchangeHome = join(folder, 'exchange');
mkdirSync(home);
mkdirSync(exchangeHome);
after(() => rmSync(folder, { recursive: true, force: true }));

const OTHERS = { key: 'PKOTHER', secret: 'secretOfOthers' };
let exchange: RunningExchange;

/** The exchange with one secret for our key, always on the same port; the account is the same. */
async function serve(secret: string): Promise<void> {
  const port = exchange === undefined ? 0 : Number(new URL(exchange.url).port);
  await exchange?.close();
  exchange = await startExchange({
    seed: 'rekey',
    home: exchangeHome,
    port,
    keys: [{ key: 'PKOURS', secret }, OTHERS],
  });
}

const write = (name: string, text: string): void => {
  writeFileSync(join(folder, `.${name}`), text, { mode: 0o600 });
  renameSync(join(folder, `.${name}`), join(folder, name));
};

test('new keys are used after SIGHUP, others are not taken, and nothing of them is told', async () => {
  await serve('secretFirst');
  write('id', 'PKOURS');
  write('secret', 'secretFirst');
  const env = {
    ALPACA_PAPER_BASE_URL: exchange.url,
    ALPACA_DATA_BASE_URL: exchange.url,
    ALPACA_PAPER_API_KEY_FILE: join(folder, 'id'),
    ALPACA_PAPER_SECRET_KEY_FILE: join(folder, 'secret'),
    TOWER_FILES_POLL_MS: '50',
    TOWER_SWEEP_INTERVAL_MS: '500',
  };
  const site = new Site(home);
  const tower = new Child(['start', '--home', home], { env, direct: true });
  await tower.ready();
  const payload = { symbol: 'BTC/USD', qty: '0.001', order_class: 'market', time_in_force: 'gtc' };
  const buys = async (): Promise<void> => {
    const dropped = site.drop({ type: 'cryptobuy', payload });
    const answer = await site.answered(dropped, ({ final, sent }) => final && sent !== 'unknown', 30_000);
    assert.equal(answer.status, 'success', JSON.stringify(answer.error));
  };
  const hangup = async (says: RegExp): Promise<void> => {
    const before = tower.output.length;
    tower.signal('SIGHUP');
    const told = (): boolean => says.test(tower.output.slice(before));
    await until(told, 20_000, () => `${says} after SIGHUP: ${tower.output.slice(before)}`);
  };
  await buys();
  await hangup(/paper keys are the same as before/);
  write('secret', 'secretOfNobody');
  await hangup(/paper keys stay as they were: the new ones were tried, and/);
  await buys();
  write('id', OTHERS.key);
  write('secret', OTHERS.secret);
  await hangup(/the new ones belong to account .*, and this tower trades on/);
  await buys();
  rmSync(join(folder, 'secret'));
  await hangup(/the keys stay as they were\. .*there is no such file/);
  // The owner has made a new secret: the old one is worth nothing any more.
  await serve('secretSecond');
  write('id', 'PKOURS');
  write('secret', 'secretSecond');
  await hangup(/paper keys were exchanged/);
  await buys();
  assert.equal(await tower.end(), 0);
  site.watcher.close();
  await exchange.close();
  const written = readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
  for (const text of [...written, tower.output]) assert.doesNotMatch(text, /secret(?:First|Second|OfNobody|OfOthers)/);
});

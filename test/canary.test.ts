/**
 * Secrets stay where they are put: real processes with keys that can be told anywhere, and then a search through everything that
 * they wrote or printed. What is looked for is the secret as it is, in base64 and in hex.
 */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type RunningExchange, startExchange } from '../src/exchange/server.ts';
import { Child, until } from './prove/process.ts';

const ID = 'PKCANARYCANARY012345';
const SECRET = 'canarySecretQ7zX/w+9';
const OTHER = 'canaryOtherM3kV/r+8';
const LIVE = 'canaryLiveT5nB/q+7';

const folder = mkdtempSync(join(tmpdir(), 'tower-canary-'));
const exchangeHome = join(folder, 'exchange');
let exchange: RunningExchange;
before(async () => {
  mkdirSync(exchangeHome);
  const keys = [{ key: ID, secret: SECRET }];
  exchange = await startExchange({
    seed: 'canary',
    home: exchangeHome,
    keys,
    ledgerFile: join(folder, 'ledger.jsonl'),
  });
});
after(async () => {
  await exchange.close();
  rmSync(folder, { recursive: true, force: true });
});

const forms = (secret: string): readonly string[] => [
  secret,
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  Buffer.from(`${ID}:${secret}`).toString('base64').replace(/=+$/, ''),
  Buffer.from(secret).toString('hex'),
  encodeURIComponent(secret),
];

function filesBelow(path: string): readonly string[] {
  return readdirSync(path, { withFileTypes: true, recursive: true }).flatMap((entry) =>
    entry.isFile() ? [join(entry.parentPath, entry.name)] : [],
  );
}

/** Where a secret shows: files below the folder, and these outputs. */
function sightings(path: string, outputs: readonly string[]): readonly string[] {
  const texts = [
    ...filesBelow(path).map((file) => [file, readFileSync(file, 'latin1')] as const),
    ...outputs.map((output) => ['output', output] as const),
  ];
  const needles = [SECRET, OTHER, LIVE].flatMap(forms);
  return texts.flatMap(([where, text]) =>
    needles.flatMap((needle) => (text.includes(needle) ? `${where}: ${needle}` : [])),
  );
}

const endpoint = () => ({
  ALPACA_PAPER_BASE_URL: exchange.url,
  ALPACA_DATA_BASE_URL: exchange.url,
  TOWER_FILES_POLL_MS: '50',
});

/** A command to its end. */
async function command(
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  const child = new Child(args, { env, direct: true });
  child.ready().catch(() => {});
  const { code } = await child.exited;
  return { code, output: child.output };
}

test('the search finds a secret in every form that it looks for', () => {
  const path = join(folder, 'control');
  mkdirSync(path);
  forms(SECRET).forEach((form, index) => {
    writeFileSync(join(path, `${index}`), `x${form}y`);
  });
  assert.ok(sightings(path, [OTHER]).length > forms(SECRET).length);
  rmSync(path, { recursive: true });
});

test('a tower that works, is asked about, examined and ended writes its secret nowhere', async () => {
  const home = join(folder, 'works');
  mkdirSync(home);
  // Keys outside the home, for everything inside it is searched.
  const keyFile = join(folder, 'paper.key');
  writeFileSync(keyFile, SECRET, { mode: 0o600 });
  const env = {
    ...endpoint(),
    ALPACA_PAPER_API_KEY: ID,
    ALPACA_PAPER_SECRET_KEY_FILE: keyFile,
    ALPACA_LIVE_API_KEY: 'AKCANARY',
    ALPACA_LIVE_SECRET_KEY: LIVE,
  };
  const tower = new Child(['start', '--home', home], { env, direct: true });
  await tower.ready();
  const outputs: string[] = [];
  const ask = async (...args: readonly string[]): Promise<void> => {
    outputs.push((await command([...args, '--home', home], env)).output);
  };
  const crypto = ['--agent', 'a', '--symbol', 'BTC/USD', '--order-class', 'market', '--time-in-force', 'gtc'];
  await ask('order', 'cryptobuy', ...crypto, '--qty', '0.001', '--wait');
  await ask('order', 'cryptobuy', ...crypto, '--qty', '1000000', '--wait');
  await ask('order', 'accountinfo', '--agent', 'a', '--mode', 'live', '--wait');
  writeFileSync(join(home, 'orders/incoming/bad.json'), '{"api_key":');
  await ask('status', '--json');
  await ask('doctor', '--json');
  // Node would open a debugger to every user of the machine.
  tower.signal('SIGUSR1');
  const failed = join(home, 'orders/failed');
  await until(
    () => readdirSync(failed).includes('bad.json'),
    10_000,
    () => readdirSync(failed).join(' '),
  );
  assert.equal(await tower.end(), 0);
  assert.doesNotMatch(tower.output, /Debugger/);
  assert.match(outputs.join(''), /"status": "success"/);
  assert.deepEqual(sightings(home, [...outputs, tower.output]), []);
  assert.deepEqual(sightings(exchangeHome, [readFileSync(join(folder, 'ledger.jsonl'), 'utf8')]), []);
  rmSync(keyFile);
});

test('keys that are refused, crossed, malformed or open to others are not shown by the error', async () => {
  const home = join(folder, 'refused');
  mkdirSync(home);
  const outputs: string[] = [];
  const refuses = async (env: Record<string, string>, says: RegExp): Promise<void> => {
    for (const args of [['start'], ['doctor']]) {
      const { code, output } = await command([...args, '--home', home], env);
      outputs.push(output);
      assert.match(output, args[0] === 'start' ? says : /error/);
      assert.notEqual(code, 0);
    }
  };
  const pair = (secret: string, id = ID) => ({
    ...endpoint(),
    ALPACA_PAPER_API_KEY: id,
    ALPACA_PAPER_SECRET_KEY: secret,
  });
  await refuses(pair(OTHER), /Alpaca refuses the paper keys/);
  await refuses(pair(`${OTHER} ${SECRET}`), /must be one word/);
  await refuses(pair(OTHER, 'AKCANARYCANARY012345'), /key of a live account/);
  await refuses({ ...endpoint(), ALPACA_PAPER_SECRET_KEY: OTHER }, /is missing/);
  await refuses(
    { ...endpoint(), ALPACA_PAPER_BASE_URL: `https://${ID}:${encodeURIComponent(OTHER)}@paper.example` },
    /must not carry/,
  );
  const dotenv = join(home, '.env');
  writeFileSync(dotenv, `ALPACA_PAPER_API_KEY=${ID}\nALPACA_PAPER_SECRET_KEY=${OTHER}\n`);
  chmodSync(dotenv, 0o644);
  await refuses(endpoint(), /chmod 600/);
  rmSync(dotenv);
  writeFileSync(join(home, 'tower.config.json'), `{"paper_secret_key":"${OTHER}"}`);
  await refuses(endpoint(), /Keys belong in \.env/);
  rmSync(join(home, 'tower.config.json'));
  assert.deepEqual(sightings(home, outputs), []);
});

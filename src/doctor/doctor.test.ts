import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { Harness, keysAt } from '../../test/flow/harness.ts';
import { type RunningExchange, startExchange } from '../exchange/server.ts';
import { type Clock, micros, systemClock } from '../lib/clock.ts';
import { examine, type Finding, type Patient } from './doctor.ts';

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tower-doctor-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const look = (changes: Partial<Patient> = {}): Promise<readonly Finding[]> =>
  examine({
    home,
    env: {},
    readFile: (path) => (existsSync(path) ? readFileSync(path, 'utf8') : null),
    modeOf: (path) => statSync(path, { throwIfNoEntry: false })?.mode ?? null,
    clock: systemClock,
    node: '24.21.0',
    runningAs: null,
    online: true,
    ...changes,
  });

/** The findings of one check, each as `level: text remedy`. */
const of = (findings: readonly Finding[], check: string): readonly string[] =>
  findings.flatMap((one) => (one.check === check ? `${one.level}: ${one.text} ${one.remedy}`.trim() : []));
const wrong = (findings: readonly Finding[]): readonly string[] =>
  findings.flatMap((one) => (one.level === 'ok' ? [] : `${one.level} ${one.check}: ${one.text}`));

test('an empty folder and one that is not there have nothing wrong', async () => {
  assert.deepEqual(wrong(await look()), []);
  assert.deepEqual(wrong(await look({ home: join(home, 'not', 'there') })), []);
});

test('what is wrong has a remedy, and every finding is told', async () => {
  const findings = await look({ node: '20.20.2', env: { TOWER_LIV: 'true' } });
  assert.match(of(findings, 'node')[0] ?? '', /^error: this is Node 20\.20\.2.* bin\/tower/);
  assert.match(of(findings, 'settings')[0] ?? '', /^error: TOWER_LIV .*no such setting.*Did you mean TOWER_LIVE\?$/);
  for (const { level, remedy } of findings) assert.equal(remedy === '', level === 'ok');
});

test('loose rights are told with the command that mends them', async () => {
  for (const folder of ['orders/incoming', 'data', 'responses']) mkdirSync(join(home, folder), { recursive: true });
  chmodSync(join(home, 'data'), 0o755);
  chmodSync(join(home, 'responses'), 0o777);
  chmodSync(join(home, 'orders/incoming'), 0o2770);
  const findings = await look();
  const told = of(findings, 'home');
  assert.equal(told.length, 2, told.join('\n'));
  assert.ok(told.some((line) => line.startsWith('error') && line.endsWith(`Run: chmod o-w ${home}/responses`)));
  assert.ok(told.some((line) => line.startsWith('warning') && line.endsWith(`Run: chmod 700 ${home}/data`)));
  assert.match(of(findings, 'identity')[0] ?? '', /^warning: .*several users may write there \(mode 2770\)/);
});

test('files that were forgotten, and files that wait', async () => {
  const incoming = join(home, 'orders/incoming');
  mkdirSync(incoming, { recursive: true });
  writeFileSync(join(incoming, '.order.json'), '');
  writeFileSync(join(incoming, 'new.tmp'), '');
  writeFileSync(join(incoming, 'paper_a_accountinfo_20260213143022123456.json'), '');
  utimesSync(join(incoming, '.order.json'), 0, 0);
  const told = of(await look(), 'leftovers');
  assert.match(told[0] ?? '', /^warning: .*1 file under a temporary name .*\.order\.json/);
  assert.match(told[1] ?? '', /^ok: 1 order file will be taken up/);
});

test('the journal is read beside a running tower and after it, and nothing is left beside it', async () => {
  const tower = new Harness();
  try {
    await tower.start();
    await tower.ask('a', 'accountinfo', {});
    assert.match(of(await look({ home: tower.home, runningAs: 1 }), 'journal')[0] ?? '', /^ok: whole: 1 requests/);
    assert.equal((await tower.ask('a', 'accountinfo', {})).status, 'success');
    await tower.stop();
    const before = readdirSync(join(tower.home, 'data'));
    assert.match(of(await look({ home: tower.home }), 'journal')[0] ?? '', /^ok: whole: 2 requests/);
    assert.deepEqual(readdirSync(join(tower.home, 'data')), before);
    const file = join(tower.home, 'data/tower.db');
    const bytes = readFileSync(file);
    writeFileSync(file, Buffer.concat([bytes.subarray(0, 4096), Buffer.alloc(bytes.length - 4096, 0x5a)]));
    assert.match(of(await look({ home: tower.home }), 'journal')[0] ?? '', /^error: .*cannot be read as it should be/);
    rmSync(file);
    assert.match(
      of(await look({ home: tower.home }), 'journal')[0] ?? '',
      /^warning: there is none, although .* holds/,
    );
  } finally {
    await tower.end();
  }
});

test('what lies in the place of the journal and is none is told as such', async () => {
  const file = join(home, 'data/tower.db');
  mkdirSync(join(home, 'data'), { recursive: true });
  const told = async (): Promise<string> => of(await look(), 'journal')[0] ?? '';
  writeFileSync(file, '');
  assert.match(await told(), /^ok: it is empty/);
  writeFileSync(file, 'no database');
  assert.match(await told(), /^error: .*is no SQLite database.*mv /);
  rmSync(file);
  mkdirSync(file);
  assert.match(await told(), /^error: .*is a folder/);
});

test('without a network it warns, and says nothing of the clock', async () => {
  const findings = await look({ env: keysAt('http://127.0.0.1:1') });
  assert.match(
    of(findings, 'keys (paper)')[0] ?? '',
    /^warning: http:\/\/127\.0\.0\.1:1 cannot be asked: ECONNREFUSED/,
  );
  assert.deepEqual(of(findings, 'clock (paper)'), []);
  assert.deepEqual(of(await look({ env: keysAt('http://127.0.0.1:1'), online: false }), 'keys (paper)'), []);
});

test('keys that go to another host than Alpaca are told of', async () => {
  const told = of(await look({ env: keysAt('https://paper-api.alpaca.markets.invalid') }), 'keys (paper)');
  assert.ok(
    told.some((line) => /^warning: the keys go to https:.*invalid, which is not Alpaca's own/.test(line)),
    told[0],
  );
});

test('keys and clock are compared with the broker’s', async () => {
  const exchange: RunningExchange = await startExchange({ seed: 'doctor' });
  try {
    const env = keysAt(exchange.url);
    const good = await look({ env });
    assert.match(of(good, 'keys (paper)')[0] ?? '', /^ok: .* takes them: account \w+$/);
    assert.match(of(good, 'clock (paper)')[0] ?? '', /^ok: /);
    const pinned = await look({ env: { ...env, TOWER_ACCOUNT_PAPER: 'NOTMINE' } });
    assert.match(of(pinned, 'keys (paper)')[0] ?? '', /^error: .*account\.paper asks for NOTMINE/);
    const shifted = (seconds: number): Clock => ({
      ...systemClock,
      now: () => micros(systemClock.now() + seconds * 1e6),
      monotonic: () => systemClock.monotonic(),
      after: (ms, run) => systemClock.after(ms, run),
    });
    assert.match(of(await look({ env, clock: shifted(10) }), 'clock (paper)')[0] ?? '', /^warning: .*ahead of/);
    assert.match(of(await look({ env, clock: shifted(-3600) }), 'clock (paper)')[0] ?? '', /^error: .*behind.*set-ntp/);
    const live = await look({ env: { ALPACA_LIVE_API_KEY: 'AK', ALPACA_LIVE_SECRET_KEY: 'S' } });
    assert.match(of(live, 'keys (live)')[0] ?? '', /^ok: given, but live is not switched on/);
  } finally {
    await exchange.close();
  }
});

/** A server that answers everything like this; the port is the doctor's base URL. */
async function answering(status: number, headers: Record<string, string>, body: string): Promise<readonly string[]> {
  const server: Server = createServer((_request, response) => void response.writeHead(status, headers).end(body));
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  try {
    return of(
      await look({ env: keysAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`) }),
      'keys (paper)',
    );
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test('a broker that refuses, sends elsewhere or is none is told apart', async () => {
  assert.match((await answering(401, {}, '{"message":"unauthorized."}'))[0] ?? '', /^error: .*refuses the keys .*401/);
  assert.match((await answering(307, { location: 'http://127.0.0.1:1/' }, ''))[0] ?? '', /^error: .*sends elsewhere/);
  assert.match((await answering(200, {}, '<html>'))[0] ?? '', /^error: .*does not answer as Alpaca does/);
  assert.match((await answering(503, {}, ''))[0] ?? '', /^warning: .*HTTP 503/);
  assert.match((await answering(200, {}, '{"account_number":"A\\u001b[31m"}'))[0] ?? '', /^error: /);
});

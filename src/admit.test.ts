/** What may leave at once is journaled by the tower's own clock, and waits for nothing else that came with it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { Admitter, type Received } from './admit.ts';
import { alpacaBroker } from './broker/alpaca/client.ts';
import { systemNetwork } from './broker/alpaca/network-system.ts';
import { HALT_FOLDER } from './halt/halt.ts';
import { Halts } from './halt/halts.ts';
import { openSqliteJournal } from './journal/sqlite.ts';
import { type Clock, micros, systemClock } from './lib/clock.ts';
import { noFailpoints } from './lib/failpoint.ts';
import { systemFiles } from './lib/files.ts';
import { seededRandom } from './lib/random.ts';
import { limitRules } from './risk/rules.ts';
import { limitsSchema } from './settings.limits.ts';

const AT = micros(1_770_000_000_000_000);
const HOUR = 3_600_000_000;
/** The tower's own, standing still; the market's is an hour behind it. */
const CLOCK: Clock = { ...systemClock, now: () => AT };
const MARKET: Clock = { ...systemClock, now: () => micros(AT - HOUR) };

/** An order file, claimed for the `nth` time. */
function received(n: number, nth = 1): Received {
  const timestamp = `20260213143022${String(n).padStart(6, '0')}`;
  const fileName = `paper_alpha_stockbuy_${timestamp}.json`;
  const order = {
    agent_id: 'alpha',
    client_order_id: `alpha_${timestamp}_stockbuy`,
    order_type: 'stockbuy',
    mode: 'paper',
    payload: { symbol: 'AAPL', qty: 1, order_class: 'limit', limit_price: 20, time_in_force: 'gtc' },
  };
  const receipt = `r${n}-${nth}`;
  return {
    receipt,
    fileName,
    claimedAs: `${receipt}__${fileName}`,
    origin: { folderOf: null, uid: null },
    raw: Buffer.from(JSON.stringify(order)),
    fault: null,
    receivedAt: AT,
  };
}

test('what may leave at once', async (t) => {
  const home = mkdtempSync(path.join(tmpdir(), 'admit-'));
  const files = systemFiles(home);
  files.makeFolder(HALT_FOLDER);
  const file = path.join(home, 'tower.db');
  const journal = openSqliteJournal({ file, clock: MARKET, random: seededRandom(1) });
  const broker = alpacaBroker({
    mode: 'paper',
    baseUrl: 'http://127.0.0.1:1',
    dataUrl: 'http://127.0.0.1:1',
    keys: { id: 'K', secret: 'S' },
    network: systemNetwork(),
    clock: CLOCK,
    random: seededRandom(1),
  });
  const told: string[] = [];
  /** So many ask in vain. */
  let busy = 0;
  const admitter = new Admitter({
    journal,
    clock: CLOCK,
    failpoints: noFailpoints,
    rules: { off: { paper: null, live: null }, agents: {}, agentsOnly: false },
    halts: new Halts(files, CLOCK),
    identities: {},
    limits: limitRules({ limits: limitsSchema.parse({}), agents: new Map() }),
    suspect: () => false,
    quotes: async () => new Map(),
    brokers: { paper: broker },
    sendBySeconds: 60,
    sendByMaxSeconds: 60,
    atOnce: () => (busy-- > 0 ? null : (entry) => told.push(`sends ${entry.receipt}`)),
    admitted: (entry) => told.push(`took ${entry.receipt} in, ${entry.state}`),
    ranAway: () => {},
    strayed: () => told.push('journaled a repeat'),
  });
  try {
    await t.test('is spent from the budget at the moment that the tower reads on its clock', async () => {
      await admitter.admit([received(1)]);
      assert.deepEqual(told.splice(0), ['sends r1-1', 'took r1-1 in, sending']);
      assert.deepEqual(await journal.spentSince('paper', micros(0), 'trading'), [AT]);
    });

    await t.test('waits for no repeat that came before it', async () => {
      await admitter.admit([received(1, 2), received(2), received(3)]);
      assert.deepEqual(told.splice(0), [
        'sends r2-1',
        'sends r3-1',
        'took r2-1 in, sending',
        'took r3-1 in, sending',
        'journaled a repeat',
      ]);
    });

    await t.test('passes nobody who came with it and must wait', async () => {
      busy = 1;
      await admitter.admit([received(4), received(5)]);
      assert.deepEqual(told.splice(0), ['took r4-1 in, admitted', 'took r5-1 in, admitted']);
    });
  } finally {
    await journal.close();
    await broker.close();
    await files.close();
    rmSync(home, { recursive: true });
  }
});

/** What may leave at once is journaled by the tower's own clock, and waits for nothing else that came with it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { Admitter, type Received } from './admit.ts';
import { alpacaBroker } from './broker/alpaca/client.ts';
import { systemNetwork } from './broker/alpaca/network-system.ts';
import { HALT_FOLDER } from './halt/halt.ts';
import { Halts } from './halt/halts.ts';
import type { Journal } from './journal/journal.ts';
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

interface Place {
  readonly journal: Journal;
  readonly admitter: Admitter;
  readonly told: string[];
  /** From now on so many ask in vain. */
  occupy(count: number): void;
}

async function place(act: (place: Place) => Promise<void>): Promise<void> {
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
    await act({ journal, admitter, told, occupy: (count) => (busy = count) });
  } finally {
    await journal.close();
    await broker.close();
    await files.close();
    rmSync(home, { recursive: true });
  }
}

describe('what may leave at once', () => {
  test('is spent from the budget at the moment that the tower reads on its clock', () =>
    place(async ({ journal, admitter, told }) => {
      await admitter.admit([received(1)]);
      assert.deepEqual(told, ['sends r1-1', 'took r1-1 in, sending']);
      assert.deepEqual(await journal.spentSince('paper', micros(0), 'trading'), [AT]);
    }));

  test('waits for no repeat that came before it', () =>
    place(async ({ admitter, told }) => {
      await admitter.admit([received(1)]);
      told.splice(0);
      await admitter.admit([received(1, 2), received(2), received(3)]);
      assert.deepEqual(told, [
        'sends r2-1',
        'sends r3-1',
        'took r2-1 in, sending',
        'took r3-1 in, sending',
        'journaled a repeat',
      ]);
    }));

  test('passes nobody who came with it and must wait', () =>
    place(async ({ admitter, told, occupy }) => {
      occupy(1);
      await admitter.admit([received(4), received(5)]);
      assert.deepEqual(told, ['took r4-1 in, admitted', 'took r5-1 in, admitted']);
    }));
});

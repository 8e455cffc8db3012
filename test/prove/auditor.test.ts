/**
 * The auditor bites: an honest home passes, and each kind of wrong, planted by hand, is found.
 * Must never use the tower: home, database and ledger are written here.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { audit, type Dropped, type Evidence, type LedgerLine } from './auditor.ts';

const folder = mkdtempSync(join(tmpdir(), 'tower-auditor-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const STAMP = '20260213143022123456';
const ID = `one_${STAMP}_stockbuy`;
const AT = Date.parse('2026-02-13T14:30:23.000Z');
const WIRE = `{"symbol":"AAPL","qty":"1","client_order_id":"${ID}"}`;

const answer = (rest: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({
    agent_id: 'one',
    client_order_id: ID,
    timestamp: '2026-02-13T14:30:24.000000Z',
    status: 'success',
    data: { id: 'o-1', status: 'filled', filled_qty: '1' },
    error: null,
    version: 1,
    final: true,
    sent: 'yes',
    ...rest,
  });

const line = (rest: Partial<LedgerLine> = {}): LedgerLine => ({
  at: new Date(AT + 10).toISOString(),
  method: 'POST',
  path: '/v2/orders',
  body: WIRE,
  client_order_id: ID,
  status: 200,
  accepted: true,
  order_id: 'o-1',
  ...rest,
});

interface Story {
  readonly ledger: readonly LedgerLine[];
  readonly answers: readonly string[];
  /** Moments of journaled sendings, milliseconds. */
  readonly sendings: readonly number[];
  readonly wire: string;
  readonly archived: string | null;
  readonly journaled: boolean;
  /** Further files, by path in the home. */
  readonly files: Readonly<Record<string, string>>;
}

let homes = 0;

/** The evidence of one order that went as it should, but for what `change` alters. */
function evidence(change: (story: Story) => Partial<Story>): Evidence {
  const honest: Story = {
    ledger: [line()],
    answers: [answer({})],
    sendings: [AT],
    wire: WIRE,
    archived: '{"the":"file"}',
    journaled: true,
    files: {},
  };
  const story = { ...honest, ...change(honest) };
  const home = join(folder, String(homes++));
  for (const name of ['orders/incoming', 'orders/processing', 'orders/completed', 'orders/failed', 'data'])
    mkdirSync(join(home, name), { recursive: true });
  const dropped: Dropped = {
    stem: `paper_one_stockbuy_${STAMP}`,
    clientOrderId: ID,
    agent: 'one',
    type: 'stockbuy',
    bytes: '{"the":"file"}',
    answer: join(home, 'answer.json'),
  };
  if (story.archived !== null) writeFileSync(join(home, 'orders', 'completed', `${dropped.stem}.json`), story.archived);
  for (const [name, text] of Object.entries(story.files)) writeFileSync(join(home, name), text);
  const db = new Sqlite(join(home, 'data', 'tower.db'));
  db.exec(
    `CREATE TABLE requests (seq INTEGER, client_order_id TEXT, wire TEXT, raw BLOB, sha256 TEXT, state TEXT);
     CREATE TABLE events (id INTEGER PRIMARY KEY, seq INTEGER, at INTEGER, kind TEXT, detail TEXT);`,
  );
  const sha256 = createHash('sha256').update(dropped.bytes).digest('hex');
  if (story.journaled)
    db.prepare('INSERT INTO requests VALUES (1, ?, ?, ?, ?, ?)').run(
      ID,
      story.wire,
      Buffer.from(dropped.bytes),
      sha256,
      'closed',
    );
  const event = db.prepare('INSERT INTO events (seq, at, kind, detail) VALUES (1, ?, ?, ?)');
  for (const at of story.sendings) event.run(at * 1000, 'sending', '{}');
  event.run((AT + 20) * 1000, 'order', '{}');
  db.close();
  return {
    ledger: story.ledger,
    book: [{ id: 'o-1', client_order_id: ID, status: 'filled', filled_qty: '1' }],
    sites: [
      {
        home,
        dropped: [dropped],
        history: new Map(
          story.answers.length === 0
            ? []
            : [[dropped.answer, story.answers.map((text) => ({ text, seenAt: AT + 2000 }))]],
        ),
      },
    ],
    secrets: ['canary-secret'],
  };
}

test('an honest home passes', () => {
  const verdict = audit(evidence(() => ({})));
  assert.deepEqual(verdict.violations, []);
  assert.deepEqual([verdict.requests, verdict.posts, verdict.orders, verdict.doubts[0]], [1, 1, 1, 20]);
});

const refusal = { status: 'error', data: null, error: { type: 'api_error', code: 'refused' } };
const wrongs: Readonly<Record<string, readonly [RegExp, (story: Story) => Partial<Story>]>> = {
  'two orders': [/2 orders/, (story) => ({ ledger: [...story.ledger, line({ order_id: 'o-2' })] })],
  'a POST without a journaled sending': [
    /2 POSTs/,
    (story) => ({ ledger: [...story.ledger, line({ accepted: false })] }),
  ],
  'sent before it was journaled': [/older/, () => ({ sendings: [AT + 5000] })],
  'other bytes on the wire': [/other bytes/, () => ({ wire: '{}' })],
  'unknown to the journal': [/does not know/, () => ({ journaled: false })],
  'said to be refused': [/there is an order/, () => ({ answers: [answer(refusal)] })],
  'said to be unsent': [/there is an order/, () => ({ answers: [answer({ ...refusal, sent: 'no' })] })],
  'untrue for a while only': [
    /there is an order/,
    (story) => ({ answers: [answer({ ...refusal, sent: 'no', version: 0 }), ...story.answers] }),
  ],
  'said to be there, and is not': [/there is none/, () => ({ ledger: [] })],
  'other fill than the book': [
    /filled/,
    () => ({ answers: [answer({ data: { id: 'o-1', status: 'filled', filled_qty: '2' } })] }),
  ],
  'a final answer changed': [
    /final answer changed/,
    (story) => ({ answers: [...story.answers, answer({ version: 2 })] }),
  ],
  'a version went back': [
    /version 1 after 3/,
    (story) => ({ answers: [answer({ version: 3, final: false }), ...story.answers] }),
  ],
  'half an answer': [/half an answer/, (story) => ({ answers: ['{"agent_id"', ...story.answers] })],
  'no answer': [/no answer/, () => ({ answers: [] })],
  'left in doubt': [/still in doubt/, () => ({ answers: [answer({ ...refusal, sent: 'unknown', final: false })] })],
  'not archived': [/0 copies/, () => ({ archived: null })],
  'archived with other bytes': [/other bytes/, () => ({ archived: '{}' })],
  'processing not empty': [/processing/, () => ({ files: { 'orders/processing/r__x.json': '' } })],
  'a temporary file': [/temporary/, () => ({ files: { 'data/.tower-tmp-1-1': '' } })],
  'a secret in a file': [/secret/, () => ({ files: { 'data/notes': 'key=canary-secret;' } })],
};
for (const [name, [pattern, change]] of Object.entries(wrongs)) {
  test(`found: ${name}`, () => {
    const { violations } = audit(evidence(change));
    assert.ok(
      violations.some((violation) => pattern.test(violation)),
      `${pattern} is not among ${JSON.stringify(violations)}`,
    );
  });
}

/** Answers and archive on a real disk with a real journal: what is marked as done is done, and what failed is done later. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, mock, test } from 'node:test';
import type { Arrival, Entry, Journal, Patch } from '../journal/journal.ts';
import { openSqliteJournal } from '../journal/sqlite.ts';
import { defined } from '../lib/assert.ts';
import { type Micros, micros, systemClock } from '../lib/clock.ts';
import { noFailpoints } from '../lib/failpoint.ts';
import { systemFiles, TEMP_FOLDER } from '../lib/files.ts';
import { seededRandom } from '../lib/random.ts';
import { orderError } from '../order/errors.ts';
import { orderName, responsePath } from '../order/name.ts';
import { Responder } from './respond.ts';

const after: (() => Promise<void>)[] = [];
afterEach(async () => {
  mock.restoreAll();
  for (const step of after.splice(0)) await step();
});

const AT: Micros = micros(1_770_000_000_000_000);
const NAME = defined(orderName('paper', 'alpha', 'stockbuy', '20260213143022000001'), 'a valid name');
const OTHER = defined(orderName('paper', 'alpha', 'stockbuy', '20260213143022000002'), 'a valid name');
const ARCHIVED = `orders/failed/${NAME.stem}.json`;

interface Rig {
  readonly home: string;
  readonly journal: Journal;
  readonly responder: Responder;
  readonly entry: Entry;
  readonly told: string[];
  /** A responder of the next run. */
  next(): Responder;
}

/** A journal with one refused request, and its file among the claimed ones. */
async function makeRig(): Promise<Rig> {
  const home = fs.mkdtempSync(path.join(tmpdir(), 'respond-'));
  const files = systemFiles(home, { temps: TEMP_FOLDER });
  for (const folder of ['processing', 'orders/completed', 'orders/failed', TEMP_FOLDER]) files.makeFolder(folder);
  const journal = openSqliteJournal({ file: path.join(home, 'tower.db'), clock: systemClock, random: seededRandom(1) });
  const raw = Buffer.from('{"n": 1}');
  const arrival: Arrival = {
    receipt: 'r1',
    name: NAME,
    raw,
    sha256: null,
    receivedAt: AT,
    requestOrderId: null,
    sendBy: null,
    wire: null,
    state: 'refused',
    doubted: false,
    answer: { error: orderError('internal', 'refused for the sake of it') },
  };
  fs.writeFileSync(path.join(home, `processing/r1__${NAME.stem}.json`), raw);
  const [admission] = await journal.admit([arrival]);
  assert.ok(admission?.kind === 'new');
  const told: string[] = [];
  const next = (): Responder =>
    new Responder({
      files,
      journal,
      // Its second of patience after a fault is not waited for here.
      clock: { ...systemClock, now: () => AT, after: (ms, run) => systemClock.after(Math.min(ms, 1), run) },
      failpoints: noFailpoints,
      processing: 'processing',
      published: () => {},
      notice: (level, text) => told.push(`${level}: ${text}`),
      fatal: (error) => assert.fail(String(error)),
    });
  const responder = next();
  after.push(async () => {
    await responder.stop();
    await journal.close();
    fs.rmSync(home, { recursive: true });
  });
  return { home, journal, responder, entry: admission.entry, told, next };
}

/** Publishes until the journal has nothing more to publish. */
async function drain({ journal, responder }: Rig): Promise<void> {
  responder.ring();
  for (;;) {
    const { entries, strays } = await journal.outgoing(1);
    if (entries.length + strays.length === 0) return;
    await new Promise<void>((resolve) => {
      systemClock.after(1, resolve);
    });
  }
}

test('an answer and its archive are durable before the journal calls them published', async () => {
  const rig = await makeRig();
  const answer = path.join(rig.home, responsePath(NAME));
  const synced = new Set<string>();
  const { openSync, fsync } = fs;
  const names = new Map<number, string>();
  mock.method(fs, 'openSync', (...args: Parameters<typeof openSync>) => {
    const fd = openSync(...args);
    names.set(fd, fs.readlinkSync(`/proc/self/fd/${fd}`));
    return fd;
  });
  mock.method(fs, 'fsync', (fd: number, done: (error: Error | null) => void) => {
    const folder = names.get(fd) ?? '';
    const has = [answer, path.join(rig.home, ARCHIVED)].some(
      (file) => path.dirname(file) === folder && fs.existsSync(file),
    );
    fsync(fd, (error) => {
      // A folder counts once what is looked for was in it.
      if (has) synced.add(folder);
      done(error);
    });
  });
  const marked: string[][] = [];
  const { mark } = rig.journal;
  mock.method(rig.journal, 'mark', (...args: Parameters<typeof mark>) => {
    marked.push([...synced].map((folder) => path.relative(rig.home, folder)).sort());
    return mark.apply(rig.journal, args);
  });
  await drain(rig);
  assert.deepEqual(marked, [['orders/failed', path.dirname(responsePath(NAME))]]);
  assert.equal(JSON.parse(fs.readFileSync(answer, 'utf8')).version, 1);
  assert.equal(fs.readFileSync(path.join(rig.home, ARCHIVED), 'utf8'), '{"n": 1}');
  assert.deepEqual(fs.readdirSync(path.join(rig.home, 'processing')), []);
});

test('a disk that fails for a while delays the answer, is told, and loses nothing', async () => {
  const rig = await makeRig();
  const { fsync } = fs;
  let failures = 9;
  mock.method(fs, 'fsync', (fd: number, done: (error: Error | null) => void) => {
    if (failures === 0) return fsync(fd, done);
    failures--;
    return done(Object.assign(new Error('ENOSPC: no space left on device, fsync'), { code: 'ENOSPC' }));
  });
  await drain(rig);
  assert.equal(failures, 0);
  assert.equal(JSON.parse(fs.readFileSync(path.join(rig.home, responsePath(NAME)), 'utf8')).status, 'error');
  assert.equal(fs.readFileSync(path.join(rig.home, ARCHIVED), 'utf8'), '{"n": 1}');
  assert.equal(rig.told.length, 1);
  assert.match(rig.told[0] ?? '', /error: answers cannot be written .*ENOSPC/);
});

test('answers that were taken away are made again, at once and at the next start', async () => {
  const rig = await makeRig();
  const answer = path.join(rig.home, responsePath(NAME));
  const isThere = async (): Promise<void> => {
    for (const end = performance.now() + 5000; !fs.existsSync(answer); ) {
      assert.ok(performance.now() < end, `no answer; ${rig.told.join()}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await rig.responder.start();
  await isThere();
  const text = fs.readFileSync(answer, 'utf8');
  // Not before what was made is noted: only then can it be missed.
  await rig.responder.stop();
  fs.rmSync(path.join(rig.home, 'responses'), { recursive: true });
  const next = rig.next();
  await next.start();
  await isThere();
  assert.equal(fs.readFileSync(answer, 'utf8'), text);
  await new Promise((resolve) => setTimeout(resolve, 20));
  fs.rmSync(path.join(rig.home, 'responses/alpha'), { recursive: true });
  await isThere();
  assert.equal(fs.readFileSync(answer, 'utf8'), text);
  assert.match(rig.told.at(-1) ?? '', /responses\/alpha was taken away/);
  await next.stop();
});

/** An order that is with the broker, its answer not yet known. */
async function underWay(rig: Rig): Promise<Entry> {
  const [admission] = await rig.journal.admit([
    {
      receipt: 'r2',
      name: OTHER,
      raw: Buffer.from('{"n": 2}'),
      sha256: null,
      receivedAt: AT,
      requestOrderId: null,
      sendBy: null,
      wire: '{}',
      state: 'admitted',
      doubted: false,
      answer: null,
    },
  ]);
  assert.ok(admission?.kind === 'new');
  return move(rig, admission.entry, { state: 'sending' });
}

async function move({ journal }: Rig, entry: Entry, patch: Patch): Promise<Entry> {
  const [applied] = await journal.apply([{ seq: entry.seq, rev: entry.rev, at: AT, patch, events: [], stage: 'd5' }]);
  assert.ok(applied?.kind === 'applied');
  return applied.entry;
}

const upcoming = (entry: Entry, patch: Patch): Entry => ({
  ...entry,
  ...patch,
  version: entry.version + 1,
  answeredAt: AT,
});
const aTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('files that are written ahead', () => {
  const temps = ({ home }: Rig): readonly string[] => fs.readdirSync(path.join(home, TEMP_FOLDER));
  const answered = ({ home }: Rig) => JSON.parse(fs.readFileSync(path.join(home, responsePath(OTHER)), 'utf8'));
  const isArchived = ({ home }: Rig, folder: string): boolean =>
    fs.existsSync(path.join(home, `orders/${folder}/${OTHER.stem}.json`));

  /** What is written to disk from here on. */
  const writes = (): string[] => {
    const written: string[] = [];
    const { writeFileSync } = fs;
    mock.method(fs, 'writeFileSync', (...args: Parameters<typeof writeFileSync>) => {
      written.push(String(args[1]));
      writeFileSync(...args);
    });
    return written;
  };

  test('are what is shown when the journal says the same', async () => {
    const rig = await makeRig();
    await drain(rig);
    const entry = await underWay(rig);
    const written = writes();
    const done: Patch = { state: 'working', answer: { dataJson: '{"id":"b"}' } };
    rig.responder.expect(entry);
    await aTurn();
    rig.responder.prepare(upcoming(entry, done));
    assert.equal(written.length, 2);
    assert.equal(temps(rig).length, 2);
    assert.ok(!fs.existsSync(path.join(rig.home, responsePath(OTHER))) && !isArchived(rig, 'completed'));
    await move(rig, entry, done);
    await drain(rig);
    assert.equal(written.length, 2);
    assert.deepEqual([answered(rig).data, isArchived(rig, 'completed'), temps(rig)], [{ id: 'b' }, true, []]);
  });

  test('are never shown when the journal says something else', async () => {
    const rig = await makeRig();
    await drain(rig);
    const entry = await underWay(rig);
    rig.responder.expect(entry);
    await aTurn();
    rig.responder.prepare(upcoming(entry, { state: 'working', answer: { dataJson: '{"id":"b"}' } }));
    await move(rig, entry, {
      state: 'in_doubt',
      doubted: true,
      answer: { error: orderError('in_doubt', 'who knows') },
    });
    await drain(rig);
    assert.deepEqual([answered(rig).status, answered(rig).sent, temps(rig)], ['error', 'unknown', []]);
    assert.ok(!isArchived(rig, 'completed') && !isArchived(rig, 'failed'));
  });

  test('that could not be written are written when their turn comes', async () => {
    const rig = await makeRig();
    await drain(rig);
    const entry = await underWay(rig);
    const done: Patch = { state: 'working', answer: { dataJson: '{"id":"b"}' } };
    const failing = mock.method(fs, 'writeFileSync', () => {
      throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    });
    rig.responder.expect(entry);
    await aTurn();
    rig.responder.prepare(upcoming(entry, done));
    failing.mock.restore();
    await move(rig, entry, done);
    await drain(rig);
    assert.deepEqual([answered(rig).data, isArchived(rig, 'completed'), temps(rig)], [{ id: 'b' }, true, []]);
  });

  test('are gone after a stop, and none is begun', async () => {
    const rig = await makeRig();
    await drain(rig);
    const entry = await underWay(rig);
    rig.responder.expect(entry);
    await aTurn();
    assert.equal(temps(rig).length, 1);
    await rig.responder.stop();
    rig.responder.prepare(upcoming(entry, { state: 'working', answer: { dataJson: '{}' } }));
    rig.responder.expect(entry);
    await aTurn();
    await aTurn();
    assert.deepEqual(temps(rig), []);
  });
});

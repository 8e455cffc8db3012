/** The log: file names, the turn of the day, what is kept, and that no line can break another. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { type Clock, micros } from '../lib/clock.ts';
import { Secret } from '../settings.keys.ts';
import { recordEvent } from './events.ts';
import { openLog } from './log.ts';

let root = '';
let folder = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tower-log-'));
  folder = join(root, 'logs');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A clock that stands still until it is set, and whose turn ends when it is told to. */
function clockAt(iso: string): Clock & { set(iso: string): void; turn(): void } {
  let now = micros(Date.parse(iso) * 1000);
  let waiting: (() => void)[] = [];
  return {
    now: () => now,
    monotonic: () => 0,
    after(_ms, work) {
      waiting.push(work);
      return () => {};
    },
    turn() {
      const due = waiting;
      waiting = [];
      for (const work of due) work();
    },
    set: (next) => {
      now = micros(Date.parse(next) * 1000);
    },
  };
}

const lines = (file: string): Record<string, unknown>[] =>
  readFileSync(join(folder, file), 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));

test('every line goes to the day file, errors to the errors file too', () => {
  const log = openLog({ folder, clock: clockAt('2026-02-13T23:59:59.9Z'), level: 'info' });
  log.info('order_sent', { client_order_id: 'a_1_stockbuy', agent: 'a' });
  log.warn('slow');
  log.error('fault', { why: new Error('disk') });
  const all = lines('tower_20260213.log');
  assert.deepEqual(
    all.map(({ level, event }) => [level, event]),
    [
      ['info', 'order_sent'],
      ['warn', 'slow'],
      ['error', 'fault'],
    ],
  );
  assert.deepEqual(all[0], {
    level: 'info',
    time: '2026-02-13T23:59:59.900000Z',
    event: 'order_sent',
    client_order_id: 'a_1_stockbuy',
    agent: 'a',
  });
  assert.deepEqual(
    lines('errors_20260213.log').map(({ event }) => event),
    ['fault'],
  );
  assert.match(JSON.stringify(all[2]?.['why']), /"message":"disk","stack":/);
});

test('what a terminal would obey leaves as an escape, and reads the same', () => {
  const echoed: string[] = [];
  const log = openLog({
    folder,
    clock: clockAt('2026-02-13T12:00:00Z'),
    level: 'info',
    echo: (line) => echoed.push(line),
  });
  const text = 'a\n\u001b[31m\u007f\u009b\u202eb\u200b\u2066\u2028\ufeffé😀';
  log.warn('notice', { text });
  assert.equal(lines('tower_20260213.log')[0]?.['text'], text);
  for (const line of [readFileSync(join(folder, 'tower_20260213.log'), 'utf8'), ...echoed]) {
    assert.doesNotMatch(line.trimEnd(), /[\p{Cc}\p{Cf}\u2028]/u);
    assert.match(line, /é😀/);
  }
});

test('a new UTC day begins new files, and the 31st day before it is deleted', () => {
  mkdirSync(folder);
  const keep = ['tower_20260115.log', 'notes_20200101.log', 'tower_2020.log', 'tower_20260114.log.bak'];
  for (const file of [...keep, 'tower_20260113.log', 'errors_20250101.log', 'tower_20260114.log'])
    writeFileSync(join(folder, file), '');
  const clock = clockAt('2026-02-13T23:59:59Z');
  const log = openLog({ folder, clock, level: 'info' });
  log.error('one');
  assert.ok(readdirSync(folder).includes('tower_20260114.log'));
  assert.ok(!readdirSync(folder).includes('tower_20260113.log'));
  clock.set('2026-02-14T00:00:00Z');
  log.error('two');
  assert.deepEqual(
    readdirSync(folder).sort(),
    [...keep, 'tower_20260213.log', 'tower_20260214.log', 'errors_20260213.log', 'errors_20260214.log'].sort(),
  );
  assert.deepEqual(
    lines('tower_20260214.log').map(({ event }) => event),
    ['two'],
  );
});

test('a second run appends', () => {
  const clock = clockAt('2026-02-13T00:00:00Z');
  openLog({ folder, clock, level: 'info' }).info('one');
  openLog({ folder, clock, level: 'info' }).info('two');
  assert.equal(lines('tower_20260213.log').length, 2);
});

test('hostile text stays inside its line, and secrets stay secret', () => {
  const echoed: string[] = [];
  const log = openLog({
    folder,
    clock: clockAt('2026-02-13T00:00:00Z'),
    level: 'info',
    echo: (line) => echoed.push(line),
  });
  log.info('x', { text: 'a\n{"level":"error"}\u001b[31m\u2028', secret: new Secret('hunter2'), event_name: 'y' });
  const [line, ...rest] = readFileSync(join(folder, 'tower_20260213.log'), 'utf8').trimEnd().split('\n');
  assert.deepEqual(rest, []);
  assert.ok(!line?.includes('\u001b') && !line?.includes('hunter2'), line);
  assert.deepEqual(echoed, [`${line}\n`]);
});

test('the level keeps lesser lines out of the files, not from standard output', () => {
  const echoed: string[] = [];
  const log = openLog({
    folder,
    clock: clockAt('2026-02-13T00:00:00Z'),
    level: 'warn',
    echo: (line) => echoed.push(line),
  });
  log.info('quiet');
  log.warn('loud');
  assert.equal(echoed.length, 2);
  assert.deepEqual(
    lines('tower_20260213.log').map(({ event }) => event),
    ['loud'],
  );
});

test('what cannot be written does not throw, and is counted once it can', () => {
  writeFileSync(join(root, 'logs'), 'a file where the folder should be');
  const log = openLog({ folder, clock: clockAt('2026-02-13T00:00:00Z'), level: 'info' });
  log.info('lost');
  log.info('lost too');
  rmSync(join(root, 'logs'));
  log.info('back');
  assert.deepEqual(
    lines('tower_20260213.log').map(({ event, count }) => [event, count]),
    [
      ['log_lines_lost', 2],
      ['back', undefined],
    ],
  );
});

test('lines that may wait are written together at the end of the turn, and never after a later one', () => {
  const clock = clockAt('2026-02-13T00:00:00Z');
  const writes: string[] = [];
  const log = openLog({ folder, clock, level: 'info', echo: (text) => writes.push(text) });
  const events = (): unknown[] => lines('tower_20260213.log').map(({ event }) => event);
  log.infoSoon('one');
  log.infoSoon('two');
  assert.deepEqual(writes, []);
  clock.turn();
  assert.deepEqual(events(), ['one', 'two']);
  log.infoSoon('three');
  log.error('four');
  assert.deepEqual(events(), ['one', 'two', 'three', 'four']);
  clock.turn();
  assert.equal(writes.length, 2);
  const long = 'x'.repeat(40_000);
  log.infoSoon('five', { long });
  log.infoSoon('six', { long });
  assert.equal(writes.length, 3);
  assert.equal(writes.join(''), readFileSync(join(folder, 'tower_20260213.log'), 'utf8'));
});

test('each line that waited is counted when it is lost', () => {
  writeFileSync(join(root, 'logs'), 'a file where the folder should be');
  const clock = clockAt('2026-02-13T00:00:00Z');
  const log = openLog({ folder, clock, level: 'info' });
  for (const event of ['one', 'two', 'three']) log.infoSoon(event);
  clock.turn();
  rmSync(join(root, 'logs'));
  log.info('back');
  assert.equal(lines('tower_20260213.log')[0]?.['count'], 3);
});

test('a child and an order event carry the id of the order and the agent', () => {
  const clock = clockAt('2026-02-13T00:00:00Z');
  const log = openLog({ folder, clock, level: 'info' });
  log.child({ client_order_id: 'c', agent: 'a' }).info('claimed', { n: 1 });
  recordEvent(log, {
    kind: 'order',
    clientOrderId: 'c',
    agent: 'a',
    type: 'stockbuy',
    mode: 'paper',
    step: 'sent',
    text: 'buy 10 AAPL',
    atMs: 0,
  });
  clock.turn();
  for (const line of lines('tower_20260213.log')) {
    assert.equal(line['client_order_id'], 'c');
    assert.equal(line['agent'], 'a');
  }
});

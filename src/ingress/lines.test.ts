/** Who is served next: folders and agents take turns, one agent's files go by their timestamps, and no heap hides a file. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dirEntry } from '../lib/files.ts';
import { isAgentId } from '../order/name.ts';
import { type Inbox, Lines } from './lines.ts';

const SHARED: Inbox = { path: 'orders/incoming', agent: null };
const own = (agent: string): Inbox => ({ path: `orders/incoming/${agent}`, agent: isAgentId(agent) ? agent : null });
const name = (agent: string, at: number, type = 'stockbuy'): string =>
  `paper_${agent}_${type}_${String(at).padStart(20, '0')}.json`;

function drain(lines: Lines, count = Number.POSITIVE_INFINITY): string[] {
  const names: string[] = [];
  for (let next = lines.next(); next !== undefined && names.length < count; next = lines.next())
    names.push(next.entry.name);
  return names;
}

test('agents take turns, each in the order of its timestamps', () => {
  const lines = new Lines();
  for (const one of [name('a', 3), name('a', 1, 'cancelorder'), name('b', 9), name('a', 2)])
    lines.add({ inbox: SHARED, entry: dirEntry(one) });
  assert.deepEqual(drain(lines), [name('a', 1, 'cancelorder'), name('b', 9), name('a', 2), name('a', 3)]);
  assert.ok(lines.isEmpty);
});

test('an agent with a folder of its own has its turn however many names there are in the shared one', () => {
  const lines = new Lines();
  for (let n = 0; n < 500; n++) lines.add({ inbox: SHARED, entry: dirEntry(name(`fake${n}`, n)) });
  lines.add({ inbox: own('real'), entry: dirEntry(name('real', 1)) });
  const place = drain(lines).indexOf(name('real', 1));
  assert.ok(place <= 1, `it was served as number ${place + 1}`);
});

test('an agent with a place of its own has its turn however many names there are beside it', () => {
  const lines = new Lines((agent) => agent === 'known' || agent === 'other');
  for (let n = 0; n < 3000; n++) lines.add({ inbox: SHARED, entry: dirEntry(name(`fake${n}`, n)) });
  for (const at of [1, 2, 3]) lines.hint({ inbox: SHARED, entry: dirEntry(name('known', at)) });
  lines.hint({ inbox: SHARED, entry: dirEntry(name('other', 1)) });
  const served = drain(lines).map((one) => one.split('_')[1]);
  assert.deepEqual(served.slice(0, 8), ['fake0', 'known', 'other', 'fake1', 'known', 'fake2', 'known', 'fake3']);
  assert.equal(served.length, 3004);
});

test('a name that gets its own place while it waits keeps its one line', () => {
  const regulars = new Set<string>();
  const lines = new Lines((agent) => regulars.has(agent));
  for (const at of [5, 6]) lines.add({ inbox: SHARED, entry: dirEntry(name('a', at)) });
  regulars.add('a');
  lines.hint({ inbox: SHARED, entry: dirEntry(name('a', 5)) });
  lines.hint({ inbox: SHARED, entry: dirEntry(name('a', 4)) });
  assert.equal(lines.behind({ inbox: SHARED, entry: dirEntry(name('a', 4)) }).files, 3);
  assert.deepEqual(drain(lines), [name('a', 4), name('a', 5), name('a', 6)]);
});

test('of a heap the oldest are kept in mind, the rest is known to be there, and another agent does not wait', () => {
  const lines = new Lines();
  for (let n = 20_000; n > 0; n--) lines.add({ inbox: SHARED, entry: dirEntry(name('flood', n)) });
  lines.add({ inbox: SHARED, entry: dirEntry(name('calm', 1)) });
  assert.ok(lines.isCut);
  const first = lines.next();
  assert.equal(first?.entry.name, name('flood', 1));
  assert.equal(first === undefined ? 0 : lines.behind(first).files, 19_999);
  assert.equal(lines.next()?.entry.name, name('calm', 1));
  // Told of by the system, and not the turn of its agent.
  lines.hint({ inbox: SHARED, entry: dirEntry(name('flood', 30_000)) });
  lines.hint({ inbox: SHARED, entry: dirEntry(name('calm', 2)) });
  assert.equal(lines.next()?.entry.name, name('flood', 2));
  assert.equal(lines.next()?.entry.name, name('calm', 2));
  const rest = drain(lines);
  assert.ok(rest.length >= 4000 && rest.length < 8192, `${rest.length} were kept in mind`);
  assert.deepEqual(rest, rest.toSorted());
  assert.ok(!rest.includes(name('flood', 30_000)));
});

test('a file that is told of twice waits once', () => {
  const lines = new Lines();
  for (let n = 0; n < 3; n++) lines.hint({ inbox: SHARED, entry: dirEntry(name('a', 1)) });
  assert.deepEqual(drain(lines), [name('a', 1)]);
});

test('a file that comes late is put where it belongs among those that are sorted already', () => {
  const lines = new Lines();
  const names = Array.from({ length: 50 }, (_, n) => name('a', (n * 37) % 50));
  const [first = '', ...others] = names;
  for (const one of names.slice(0, 20)) lines.add({ inbox: SHARED, entry: dirEntry(one) });
  assert.equal(lines.next()?.entry.name, first);
  for (const one of names.slice(20)) lines.hint({ inbox: SHARED, entry: dirEntry(one) });
  assert.deepEqual(drain(lines), others.toSorted());
});

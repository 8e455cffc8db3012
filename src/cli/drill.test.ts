/** The drill drilled: it shows that halts hold, and would show that they do not. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { seededRandom } from '../lib/random.ts';
import type { Context } from './context.ts';
import { drillLine, drillOf } from './drill.ts';
import { play, type Shown } from './drill-scenes.ts';
import { Stand } from './drill-stand.ts';
import { run } from './program.ts';

const folder = mkdtempSync(join(tmpdir(), 'drill-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let said = '';
const context: Context = {
  env: { ...process.env, TMPDIR: folder },
  node: '24.21.0',
  cwd: folder,
  clock: systemClock,
  random: seededRandom('drill'),
  terminal: false,
  colour: false,
  out: () => {},
  err: (text) => {
    said += text;
  },
  onInterrupt: (stop) => stop(),
  user: 'tester',
  kill: () => {},
  onHangup: () => {},
  isAlive: () => false,
};

/** Somebody has broken `tower halt`: it says that it has halted, and has not. */
class Careless extends Stand {
  isCareless = false;

  override run(...args: readonly string[]): ReturnType<Stand['run']> {
    if (this.isCareless && args[0] === 'halt') return Promise.resolve({ code: 0, ms: 1, onTheirWay: 0 });
    return super.run(...args);
  }
}

const stand = new Careless(context);
before(() => stand.open());
after(() => stand.close());

const scenes = async (...names: readonly string[]): Promise<readonly Shown[]> => {
  const told: string[] = [];
  const shown = await play(
    stand,
    ({ scene }) => told.push(scene),
    (name) => names.includes(name),
  );
  assert.deepEqual(
    [told, shown.map(({ scene }) => scene)].map((all) => all.toSorted()),
    [names, names].map((all) => all.toSorted()),
  );
  return shown;
};

test('halts hold while orders keep coming, for one agent, with open orders cancelled, and by hand', async () => {
  const shown = await scenes(
    'orders keep coming',
    'one agent',
    'reductions pass',
    'open orders are cancelled',
    'a file HALT by hand',
  );
  for (const one of shown) assert.deepEqual([one.ok, one.after >= 0], [true, true], JSON.stringify(one));
  const [flood] = shown;
  assert.ok(flood !== undefined && flood.before > 0 && flood.after === 0, JSON.stringify(flood));
});

test('a halt that does not hold is found out', async () => {
  stand.isCareless = true;
  const [flood, one] = await scenes('orders keep coming', 'one agent');
  stand.isCareless = false;
  assert.equal(flood?.ok, false);
  assert.ok((flood?.after ?? 0) > 0);
  assert.match(flood?.seen ?? '', /orders left after tower halt had returned$/);
  assert.equal(one?.ok, false);
  assert.match(one?.seen ?? '', /is told yes instead of halted$/);
});

test('a drill that is interrupted notes nothing and leaves nothing behind', async () => {
  const home = mkdtempSync(join(folder, 'home-'));
  const stands = (): number => readdirSync(folder).filter((name) => name.startsWith('tower-drill-')).length;
  const earlier = stands();
  const code = await run(['drill', '--home', home], context, '1.2.3', () => Promise.reject(new Error('no')));
  assert.deepEqual([code, existsSync(join(home, 'data/drill.json')), stands()], [1, false, earlier]);
  assert.match(said, /interrupted: nothing is noted/);
  assert.equal(drillLine(drillOf(home)), 'drill     halt last proven: never; run tower drill');
});

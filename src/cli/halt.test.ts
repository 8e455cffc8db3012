/** What lies in the way of a resume: links, folders and notes that are none. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { lockFile } from '../lib/lock.ts';
import { seededRandom } from '../lib/random.ts';
import { run } from './program.ts';

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tower-halt-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function tower(args: readonly string[]) {
  let [out, err] = ['', ''];
  const context = {
    env: {},
    node: '24.21.0',
    cwd: home,
    clock: systemClock,
    random: seededRandom('halt'),
    terminal: false,
    colour: false,
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
    onInterrupt: () => {},
    user: 'tester',
    kill: () => {},
    onHangup: () => {},
    isAlive: () => false,
  };
  const code = await run(args, context, '1.2.3', () => Promise.reject(new Error('not to be started')));
  return { code, out, err };
}

test('whatever is called HALT halts, is shown and is resumed; what cannot be taken away is told', async () => {
  mkdirSync(join(home, 'data/halt'), { recursive: true });
  const resume = ['resume', '--reason', 'x', '--confirm', 'all'];
  mkdirSync(join(home, 'HALT'));
  assert.equal((await tower(resume)).code, 0);
  assert.equal(existsSync(join(home, 'HALT')), false);
  symlinkSync('nowhere', join(home, 'HALT'));
  writeFileSync(join(home, 'data/halt/all'), 'x'.repeat(100_000));
  assert.equal((await tower(resume)).code, 0);
  assert.deepEqual(readdirSync(home), ['data']);
  mkdirSync(join(home, 'data/halt/all/inner'), { recursive: true });
  const kept = await tower(resume);
  assert.deepEqual([kept.code, kept.out], [1, '']);
  assert.match(kept.err, /everything is still halted: all in .* cannot be removed/);
});

test('a lock that another command only tries, or that is left of nobody who lives, is no tower', async () => {
  mkdirSync(join(home, 'data'));
  writeFileSync(join(home, 'data/tower.lock.pid'), '4711\n');
  const trying = lockFile(join(home, 'data/tower.lock'));
  assert.ok('held' in trying);
  setTimeout(() => trying.held.release(), 50);
  const { code, out } = await tower(['halt', '--reason', 'x', '--timeout', '0.2']);
  assert.deepEqual([code, out], [0, 'everything is halted: no tower runs here; the next one will start with it\n']);
});

test('each command says whose agent id it wants', async () => {
  const told = async (command: string): Promise<string | undefined> =>
    /--agent <id> +([^:]*):/.exec((await tower([command, '--help'])).out)?.[1];
  assert.equal(await told('resume'), 'the agent that is resumed');
  assert.equal(await told('halt'), 'only this agent');
  assert.equal(await told('limits'), 'whose limits');
});

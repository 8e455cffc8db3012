/** Names that are locked for this machine, and files that are locked for this home. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockFile, lockName } from './lock.ts';

const HOLDER = `
  const [lock, file, pid, ms] = process.argv.slice(1);
  const { held } = (await import(lock)).lockFile(file, ...(pid === '' ? [] : [Number(pid)]));
  process.send('held');
  setTimeout(() => { held.release(); process.disconnect(); }, Number(ms));
`;

test('whoever takes a lock waits for one that only tries it, and not for one that keeps it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lock-'));
  const file = join(folder, 'tower.lock');
  const lock = new URL('./lock.ts', import.meta.url).href;
  /** The lock in another process, for so long. */
  const holder = async (pid: string, ms: number) => {
    const args = ['--input-type=module', '-e', HOLDER, lock, file, pid, String(ms)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    await once(child, 'message');
    return child;
  };
  try {
    const trying = await holder('', 100);
    const mine = lockFile(file, process.pid);
    assert.ok('held' in mine);
    mine.held.release();
    await once(trying, 'exit');
    const keeping = await holder('4711', 2000);
    assert.deepEqual([lockFile(file, process.pid), lockFile(file)], [{ heldBy: 4711 }, { heldBy: 4711 }]);
    keeping.kill();
    await once(keeping, 'exit');
    assert.ok('held' in lockFile(file));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a name longer than the kernel takes is locked whole', { skip: process.platform !== 'linux' }, async () => {
  const name = `lock-test-${process.pid}:${'a'.repeat(200)}`;
  const held = await lockName(`${name}1`, 'linux');
  assert.ok(held !== null);
  assert.equal(await lockName(`${name}1`, 'linux'), null);
  const other = await lockName(`${name}2`, 'linux');
  assert.ok(other !== null);
  held.release();
  other.release();
});

/** Names that are locked for this machine. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lockName } from './lock.ts';

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

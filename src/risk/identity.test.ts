/** What folder, owner and signature prove: every way to pretend to be somebody else, and who is told of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AgentId, isAgentId, orderName } from '../order/name.ts';
import { signed } from '../order/signature.ts';
import { forgery, type Identities, type Origin } from './identity.ts';

const KEY = Buffer.from('k'.repeat(32));
const IDENTITIES: Identities = {
  own: { folder: true, uid: 1001, key: null },
  owned: { folder: false, uid: 1002, key: null },
  keyed: { folder: false, uid: null, key: KEY },
  listed: { folder: false, uid: null, key: null },
};
const agent = (id: string): AgentId => {
  assert.ok(isAgentId(id));
  return id;
};
const from = (folderOf: string | null, uid: number | null): Origin => ({
  folderOf: folderOf === null ? null : agent(folderOf),
  uid,
});

function verdict(
  named: string,
  origin: Origin,
  text: string | null = '{}\n',
): readonly [code: string, told: string] | null {
  const name = orderName('paper', named, 'stockbuy', '20260213143022123456');
  assert.ok(name !== null);
  const found = forgery(name, origin, text === null ? null : Buffer.from(text), IDENTITIES);
  return found === null ? null : [found.error.code, found.attribution];
}

test('in a folder of its own an agent is who it is, and nobody else', () => {
  assert.equal(verdict('own', from('own', 1001)), null);
  assert.deepEqual(verdict('own', from('own', 1002)), ['file_owner', 'named']);
  assert.deepEqual(verdict('own', from('own', null), null), ['file_owner', 'named']);
  for (const named of ['owned', 'keyed', 'listed', 'anybody'])
    assert.deepEqual(verdict(named, from('own', 1001)), ['agent_mismatch', 'folder'], named);
});

test('through the shared folder an agent comes only if nothing better is asked of it', () => {
  assert.deepEqual(verdict('own', from(null, 1001)), ['agent_mismatch', 'nobody']);
  assert.equal(verdict('owned', from(null, 1002)), null);
  assert.deepEqual(verdict('owned', from(null, 1001)), ['file_owner', 'nobody']);
  assert.equal(verdict('listed', from(null, 7)), null);
  assert.equal(verdict('anybody', from(null, null)), null);
  // Names that every object knows.
  assert.equal(verdict('constructor', from(null, 1)), null);
});

test('a signature is asked for where there is a key, and refused where there is none to check it with', () => {
  assert.equal(verdict('keyed', from(null, 5), signed(KEY, '{}')), null);
  assert.deepEqual(verdict('keyed', from(null, 5)), ['signature', 'named']);
  assert.deepEqual(verdict('keyed', from(null, 5), signed(Buffer.from('other'), '{}')), ['signature', 'named']);
  assert.deepEqual(verdict('keyed', from(null, 5), null), ['signature', 'named']);
  assert.deepEqual(verdict('listed', from(null, 5), signed(KEY, '{}')), ['signature', 'named']);
  assert.deepEqual(verdict('anybody', from(null, 5), signed(KEY, '{}')), ['signature', 'named']);
});

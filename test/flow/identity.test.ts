/**
 * Agents that are kept apart by the machine: folders of their own, users of their own, signatures. What one of them can do
 * in another one's name, or learn of it, is nothing. As root real users are tried; else this user alone, which is said.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CannotStart } from '../../src/observe/events.ts';
import { isAgentId } from '../../src/order/name.ts';
import { signed } from '../../src/order/signature.ts';
import { loadSettings } from '../../src/settings.ts';
import { folderProblems } from '../../src/tower.folders.ts';
import { type Answered, Harness } from './harness.ts';

const IS_ROOT = process.getuid?.() === 0;
const USERS = { alice: 61_001, bob: 61_002 } as const;
type User = keyof typeof USERS;
const SELF = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const idOf = (user: User): number => (IS_ROOT ? USERS[user] : SELF.uid);

/** A shell of that user: its exit code and what it printed. */
function shell(user: User, script: string): { readonly code: number | null; readonly out: string } {
  const who = IS_ROOT ? { uid: USERS[user], gid: USERS[user] } : {};
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', script], { ...who, encoding: 'utf8' });
  return { code: status, out: `${stdout}${stderr}` };
}

function drop(tower: Harness, user: User, folder: string, name: string, text: string): number | null {
  const to = join(tower.home, 'orders/incoming', folder);
  return shell(user, `cd '${to}' && printf '%s' '${text}' > '.${name}.tmp' && mv '.${name}.tmp' '${name}'`).code;
}

async function kept(t: TestContext): Promise<Harness> {
  if (!IS_ROOT)
    t.diagnostic('not root: both agents are this user, so what one user may not do to another is not tried');
  const agent = (user: User): object => ({
    folder: true,
    uid: idOf(user),
    gid: IS_ROOT ? USERS[user] : SELF.gid,
  });
  const tower = new Harness({ config: { agents: { alice: agent('alice'), bob: agent('bob') } } });
  // The temporary folders of tests are closed to other users.
  for (const folder of [dirname(tower.home), tower.home]) chmodSync(folder, 0o711);
  await tower.start();
  return tower;
}

/** Every answer there is, by its path. */
function answers(tower: Harness): ReadonlyMap<string, Answered> {
  const folder = join(tower.home, 'responses');
  return new Map(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => /response_.*\.json$/.test(path))
      .map((path) => [path, JSON.parse(readFileSync(join(folder, path), 'utf8'))]),
  );
}
const answerAt = (tower: Harness, pattern: RegExp): Promise<Answered> =>
  tower.until(
    () => [...answers(tower)].find(([path]) => pattern.test(path))?.[1] ?? null,
    () => `no answer ${pattern}; there are ${[...answers(tower).keys()].join(', ')}`,
  );

test('each agent trades through its own folder, and through nothing else', async (t) => {
  const tower = await kept(t);
  const payload = { symbol: 'SPY', qty: 1, order_class: 'market', time_in_force: 'day' };
  const own = tower.timestamp();
  assert.equal(
    drop(tower, 'alice', 'alice', `paper_alice_stockbuy_${own}.json`, tower.text('alice', 'stockbuy', payload, own)),
    0,
  );
  const stem = `paper_alice_stockbuy_${own}`;
  assert.equal((await tower.answer(stem)).status, 'success');
  await tower.until(
    () => (tower.list('orders/processing').length === 0 ? true : null),
    () => 'nothing is left behind',
  );
  assert.ok(existsSync(join(tower.home, 'orders/completed', `${stem}.json`)));

  // Bob's name, through Alice's folder: told to Alice, and Bob's name is not used up.
  const stolen = tower.timestamp();
  const theirs = `paper_bob_stockbuy_${stolen}`;
  drop(tower, 'alice', 'alice', `${theirs}.json`, tower.text('bob', 'stockbuy', payload, stolen));
  const told = await answerAt(tower, new RegExp(`^alice/_unattributed/[0-9]{8}/response_${theirs}`));
  assert.deepEqual([told.error?.code, told.agent_id, told.sent], ['agent_mismatch', 'alice', 'no']);
  assert.equal(existsSync(tower.responsePath(theirs)), false);
  drop(tower, 'bob', 'bob', `${theirs}.json`, tower.text('bob', 'stockbuy', payload, stolen));
  assert.equal((await tower.answer(theirs)).status, 'success');

  // The shared folder is no way around it.
  const around = tower.timestamp();
  tower.dropText(`paper_bob_stockbuy_${around}.json`, tower.text('bob', 'stockbuy', payload, around));
  const refused = await answerAt(tower, new RegExp(`^_unattributed/[0-9]{8}/response_paper_bob_stockbuy_${around}`));
  assert.deepEqual([refused.error?.code, refused.agent_id], ['agent_mismatch', null]);

  // A bad name is told to the owner of the folder.
  drop(tower, 'alice', 'alice', 'hello.json', '{}');
  const bad = await answerAt(tower, /^alice\/_unattributed\/[0-9]{8}\/response_hello/);
  assert.deepEqual([bad.error?.code, bad.agent_id], ['file_name', 'alice']);

  // An agent of whom nothing is asked comes through the shared one as before.
  assert.equal((await tower.ask('carol', 'stockbuy', payload)).status, 'success');
  await tower.end();
});

test('a user reaches nothing of another one', async (t) => {
  const tower = await kept(t);
  const stem = `paper_bob_accountinfo_${tower.timestamp()}`;
  drop(tower, 'bob', 'bob', `${stem}.json`, tower.text('bob', 'accountinfo', {}, stem.slice(-20)));
  await tower.answer(stem);
  const answer = tower.responsePath(stem);
  assert.equal(shell('bob', `cat '${answer}'`).code, 0, 'bob reads his answer');
  if (!IS_ROOT) return tower.end();
  const { home } = tower;
  const attempts = [
    `cat '${answer}'`,
    `ls '${home}/responses/bob'`,
    `ls '${home}/orders/incoming/bob'`,
    `echo x > '${home}/orders/incoming/bob/x.json'`,
    `echo x > '${home}/orders/incoming/x.json'`,
    `echo x > '${home}/orders/processing/x.json'`,
    `ls '${home}/orders/processing'`,
    `cat '${home}/orders/completed/${stem}.json'`,
    `ls '${home}/orders/completed'`,
    `ls '${home}/data'`,
    `cat '${home}/data/tower.db'`,
    `ls '${home}/responses/_unattributed'`,
    `mv '${home}/orders/incoming/bob' '${home}/orders/incoming/moved'`,
    `mv '${home}/responses/bob' '${home}/responses/moved'`,
    `ln -s /etc '${home}/responses/alice/link'`,
    `rm -r '${home}/responses/alice'`,
    `mv '${home}/responses' '${home}/moved'`,
  ];
  for (const attempt of attempts) assert.notEqual(shell('alice', attempt).code, 0, attempt);
  await tower.end();
});

test('a file of another user is refused, wherever it lies', async (t) => {
  const tower = await kept(t);
  if (IS_ROOT) {
    const at = tower.timestamp();
    const stem = `paper_bob_accountinfo_${at}`;
    const made = join(tower.home, '.made');
    writeFileSync(made, tower.text('bob', 'accountinfo', {}, at));
    renameSync(made, join(tower.home, 'orders/incoming/bob', `${stem}.json`));
    const told = await answerAt(tower, new RegExp(`^bob/paper/.*response_${stem}\\.refused-1`));
    assert.deepEqual([told.error?.code, told.error?.details['allowed']], ['file_owner', String(USERS.bob)]);
    drop(tower, 'bob', 'bob', `${stem}.json`, tower.text('bob', 'accountinfo', {}, at));
    assert.equal((await tower.answer(stem)).status, 'success');
  } else {
    await tower.stop();
    await assert.rejects(tower.start({ TOWER_AGENTS_BOB_UID: String(SELF.uid + 1) }), CannotStart);
  }
  await tower.end();
});

test('folders that others may use are not started on, and the command that mends it is told', async (t) => {
  const tower = await kept(t);
  await tower.stop();
  const { home } = tower;
  const gid = process.getgid?.() ?? 0;
  const { agents } = loadSettings({
    home,
    env: {},
    readFile: (path) => (existsSync(path) ? readFileSync(path, 'utf8') : null),
    modeOf: () => null,
  });
  const loose: readonly (readonly [folder: string, mode: number, command: string])[] = [
    ['orders/incoming/alice', 0o2777, `chmod o-rwx ${home}/orders/incoming/alice`],
    ['orders/incoming/alice', 0o2771, `chmod o-rwx ${home}/orders/incoming/alice`],
    ['orders/incoming', 0o757, `chmod o-w ${home}/orders/incoming`],
    ['orders/incoming', 0o775, `chmod +t ${home}/orders/incoming`],
    ['orders', 0o777, `chmod o-w ${home}/orders`],
    ['responses', 0o777, `chmod o-w ${home}/responses`],
  ];
  for (const [folder, mode, command] of loose) {
    const path = join(home, folder);
    const before = statSync(path).mode & 0o7777;
    assert.deepEqual(folderProblems(home, agents), []);
    chmodSync(path, mode);
    assert.deepEqual(
      folderProblems(home, agents).map((problem) => problem.path),
      [path],
    );
    await assert.rejects(tower.start(), (error) => {
      assert.ok(error instanceof CannotStart);
      assert.equal(error.remedy, `Run: ${command}`);
      return true;
    });
    // What is told mends it.
    assert.equal(spawnSync('/bin/sh', ['-c', command]).status, 0);
    await tower.start();
    await tower.stop();
    chmodSync(path, before);
  }
  assert.equal(statSync(join(home, 'orders/incoming/alice')).gid, gid);
  await tower.end();
});

test('a file is signed, or it is not taken for what it says', async () => {
  const key = 'correct horse battery staple '.replaceAll(' ', '-').repeat(2);
  const tower = new Harness({ config: { agents: { keyed: { key_file: 'keyed.key' } } } });
  writeFileSync(join(tower.home, 'keyed.key'), `${key}\n`, { mode: 0o600 });
  await tower.start();
  assert.ok(isAgentId('keyed'));
  const at = tower.timestamp();
  const stem = `paper_keyed_accountinfo_${at}`;
  const text = tower.text('keyed', 'accountinfo', {}, at);
  const sign = (words: string, by = key): string => signed(Buffer.from(by), words);
  const forged = [
    text,
    sign(text, `${key}x`),
    sign(text).replace('"payload":{}', '"payload":{ }'),
    sign(text.replace('accountinfo', 'positions')).replace('positions', 'accountinfo'),
  ];
  for (const [index, bytes] of forged.entries()) {
    tower.dropText(`${stem}.json`, bytes);
    const answer = await answerAt(tower, new RegExp(`response_${stem}\\.refused-${index + 1}\\.json`));
    assert.deepEqual([answer.error?.code, answer.sent, answer.final], ['signature', 'no', true]);
  }
  assert.equal(existsSync(tower.responsePath(stem)), false, 'the name is not used up');
  tower.dropText(`${stem}.json`, sign(text));
  assert.equal((await tower.answer(stem)).status, 'success');
  await tower.until(
    () => (existsSync(join(tower.home, 'orders/completed', `${stem}.json`)) ? true : null),
    () => 'not archived',
  );
  assert.equal(readFileSync(join(tower.home, 'orders/completed', `${stem}.json`), 'utf8'), sign(text));
  // The same once more, and signed once more over the same: a repeat, never a second request.
  tower.dropText(`${stem}.json`, sign(text));
  assert.equal((await tower.answer(stem, () => true, '.duplicate-1')).error?.code, 'duplicate');
  await tower.end();
});

test('whatever the process leaves open, what the tower makes is closed, and it starts on it', async () => {
  const before = process.umask(0);
  const tower = new Harness({ config: { agents: { housed: { folder: true } } } });
  try {
    await tower.start();
    await tower.ask('a', 'accountinfo', {});
    await tower.stop();
    const folders = readdirSync(tower.home, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name));
    const modes = new Map(folders.map((path) => [path.slice(tower.home.length + 1), statSync(path).mode & 0o777]));
    const closed = ['data', 'orders/processing', 'orders/completed', 'orders/failed', 'orders/incoming/housed'];
    for (const folder of closed) assert.equal(modes.get(folder), 0o700, folder);
    for (const folder of ['orders', 'orders/incoming', 'responses']) assert.equal(modes.get(folder), 0o755, folder);
    // Below data nobody else gets anywhere.
    const open = [...modes].filter(([folder, mode]) => (mode & 0o022) !== 0 && !folder.startsWith('data/'));
    assert.deepEqual(open, []);
    // Whoever opens a folder of his own accord finds it so at the next start.
    chmodSync(join(tower.home, 'data'), 0o750);
    await tower.start();
    assert.equal(statSync(join(tower.home, 'data')).mode & 0o777, 0o750);
  } finally {
    process.umask(before);
    await tower.end();
  }
});

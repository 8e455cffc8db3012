/** Names cost nothing: whoever makes up hundreds of them in the shared folder does not keep a listed agent waiting. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { Harness } from './harness.ts';

const open: Harness[] = [];
afterEach(async () => {
  for (const harness of open.splice(0)) await harness.end();
});

test('a listed agent is answered among the first, however many names wait with their files', async () => {
  const harness = new Harness({ config: { agents: { calm: {} } } });
  open.push(harness);
  await harness.start();
  const crowd = 1000;
  const answered = (): number =>
    readdirSync(join(harness.home, 'responses')).filter((name) => name.startsWith('fake')).length;
  await harness.ask('calm', 'positions', {});
  for (let n = 0; n < crowd; n++) harness.dropText(`paper_fake${n}_positions_${harness.timestamp()}.json`, '{}');
  for (let round = 0; round < 3; round++) {
    const before = answered();
    await harness.ask('calm', 'positions', {});
    const meanwhile = answered() - before;
    assert.ok(meanwhile <= 300, `${meanwhile} of ${crowd} made-up names were answered before it`);
  }
});

/** What an agent says of its own order is kept with it and given back as it was written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../../src/cli/program.ts';
import { sleep, systemClock } from '../../src/lib/clock.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { Harness } from './harness.ts';

async function report(home: string): Promise<readonly string[]> {
  let text = '';
  const code = await run(
    ['report', '--csv', '--home', home],
    {
      ...{ env: {}, node: '24.0.0', cwd: home, clock: systemClock, random: seededRandom(1) },
      ...{ terminal: false, colour: false, user: 'tester', err: assert.fail, kill: () => {}, isAlive: () => false },
      ...{ onInterrupt: () => {}, onHangup: () => {} },
      out: (line: string) => {
        text += line;
      },
    },
    '1.0.0',
    () => Promise.reject(new Error('not to be started')),
  );
  assert.equal(code, 0);
  return text.split('\n');
}

test('the report shows beside a fill what its order said of itself, digit for digit', async () => {
  const tower = new Harness();
  await tower.start();
  try {
    const meta = { model: 'm-1', thesis: 'mean, "reverting"', weight: 0.1 };
    const payload = { symbol: 'SPY', qty: '1', order_class: 'market', time_in_force: 'day' };
    const timestamp = tower.timestamp();
    const text = tower.text('alpha', 'stockbuy', payload, timestamp, { meta }).replace('0.1', '0.10');
    const bought = await tower.final(tower.dropText(`paper_alpha_stockbuy_${timestamp}.json`, text));
    assert.equal(bought.data.status, 'filled');
    let fill: string | undefined;
    // Executions are booked when the books have begun.
    for (let tries = 0; fill === undefined && tries < 200; tries++) {
      fill = (await report(tower.home)).find((line) => line.includes(`alpha_${timestamp}_stockbuy`));
      if (fill === undefined) await sleep(systemClock, 50);
    }
    assert.ok(fill?.endsWith(`,"{""model"":""m-1"",""thesis"":""mean, \\""reverting\\"""",""weight"":0.10}"`), fill);
  } finally {
    await tower.end();
  }
});

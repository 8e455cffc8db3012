/** Files whose names come again, or come in another order than they were meant: each is answered, none stops the tower. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { micros, systemClock } from '../../src/lib/clock.ts';
import { Harness } from './harness.ts';

it('a bad name that comes again on another day is answered and archived beside the first', async () => {
  let later = 0;
  const tower = new Harness({ clock: { ...systemClock, now: () => micros(systemClock.now() + later) } });
  await tower.start();
  tower.dropText('order.json', '{}');
  await tower.until(
    () => (tower.list('orders/failed').length === 1 ? true : null),
    () => 'the first is not archived',
  );
  later = 86_400_000_000;
  tower.dropText('order.json', '{}');
  await tower.until(
    () => (tower.list('orders/failed').length === 2 ? true : null),
    () => 'the second is not archived',
  );
  assert.deepEqual(tower.list('orders/failed').sort(), ['order.duplicate-1.json', 'order.json']);
  assert.equal(tower.list('responses/_unattributed').length, 2);
  assert.equal((await tower.ask('after', 'accountinfo', {})).status, 'success');
  await tower.end();
});

it('files of one agent are taken by their timestamps: a cancel comes after the order that it is for', async () => {
  const tower = new Harness();
  const [first, second] = [tower.timestamp(), tower.timestamp()];
  const order = tower.dropText(
    `paper_quick_stockbuy_${first}.json`,
    tower.text(
      'quick',
      'stockbuy',
      { symbol: 'SPY', qty: 1, order_class: 'limit', limit_price: 1, time_in_force: 'gtc' },
      first,
    ),
  );
  const cancel = tower.dropText(
    `paper_quick_cancelorder_${second}.json`,
    tower.text('quick', 'cancelorder', { client_order_id: `quick_${first}_stockbuy` }, second),
  );
  await tower.start();
  const answer = await tower.final(cancel);
  assert.equal(answer.status, 'success', JSON.stringify(answer.error));
  const taken = tower.events.flatMap((event) =>
    event.kind === 'order' && event.step === 'received' ? [event.clientOrderId] : [],
  );
  assert.deepEqual(taken, [`quick_${first}_stockbuy`, `quick_${second}_cancelorder`]);
  await tower.final(order);
  await tower.end();
});

it('an agent whose answers cannot be written does not hold up those of the others', async () => {
  const tower = new Harness();
  await tower.start();
  // A file where the folder of its answers should be.
  writeFileSync(join(tower.home, 'responses', 'broken'), '');
  for (let n = 0; n < 150; n++) tower.drop('broken', 'stockbuy', {});
  await tower.until(
    () => (tower.list('orders/incoming').length === 0 ? true : null),
    () => 'the files were not taken',
  );
  assert.equal((await tower.ask('well', 'accountinfo', {})).status, 'success');
  rmSync(join(tower.home, 'responses', 'broken'));
  await tower.until(
    () => (tower.list('orders/failed').length === 150 && tower.list('orders/processing').length === 0 ? true : null),
    () => 'what could not be written before is written now',
  );
  await tower.end();
});

/** What a tower tells unasked: an order that waits for days, an agent that cancels without end. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { type Clock, micros, systemClock } from '../../src/lib/clock.ts';
import { Harness } from './harness.ts';

let tower: Harness;
afterEach(() => tower.end());

const RESTING = { symbol: 'AAPL', qty: '1', order_class: 'limit', limit_price: '1.00', time_in_force: 'gtc' };
const warnings = (): readonly string[] =>
  tower.events.flatMap((event) => (event.kind === 'notice' && event.level === 'warn' ? [event.text] : []));

test('96: an order that waits for two days or more: its agent and the owner are told, as long as it does', async () => {
  const [began, saturday] = [systemClock.now(), Date.parse('2026-02-14T08:00:00-05:00') * 1000];
  const clock: Clock = { ...systemClock, now: () => micros(saturday + systemClock.now() - began) };
  tower = new Harness({ config: { exchange: { hours: true } }, clock });
  await tower.start();
  const told = (agent: string): readonly { code: string; message: string }[] => {
    const file = join(tower.home, `responses/${agent}/_notices.json`);
    return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).notices : [];
  };
  const { client_order_id: id, data } = await tower.ask('alpha', 'stockbuy', RESTING);
  assert.equal(data.status, 'accepted');
  const [notice] = await tower.until(
    () => (told('alpha').length === 1 ? told('alpha') : null),
    () => JSON.stringify(told('alpha')),
  );
  assert.equal(notice?.code, 'market_closed');
  assert.deepEqual(warnings(), [notice?.message]);
  assert.match(notice?.message ?? '', new RegExp(`^${id} waits`));
  await tower.ask('alpha', 'cancelorder', { client_order_id: id });
  await tower.until(
    () => (told('alpha').length === 0 ? true : null),
    () => JSON.stringify(told('alpha')),
  );
  assert.deepEqual(told('beta'), []);
});

test('T22: an agent that cancels without end is told of, and its cancels are carried out', async () => {
  tower = new Harness({ config: { limits: { cancels_alarm: 3 } } });
  await tower.start();
  for (let n = 0; n < 5; n++) {
    const { client_order_id: id } = await tower.ask('alpha', 'stockbuy', RESTING);
    const { data } = await tower.ask('alpha', 'cancelorder', { client_order_id: id });
    assert.equal(data.cancelled, true);
    await tower.ask('beta', 'cancelorder', { client_order_id: id });
  }
  const alarms = warnings().filter((text) => text.includes('cancels'));
  assert.deepEqual(alarms.toSorted(), [
    'agent alpha has sent more than 3 cancels within a minute',
    'agent beta has sent more than 3 cancels within a minute',
  ]);
});

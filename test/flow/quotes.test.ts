/** Quotes that are asked for again and again come by the stream, and where it cannot be had, nothing is worse. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import WebSocket from 'ws';
import { startExchange } from '../../src/exchange/server.ts';
import { sleep, systemClock } from '../../src/lib/clock.ts';
import { Harness, keysAt } from './harness.ts';

async function scene(env: Readonly<Record<string, string>> = {}) {
  const exchange = await startExchange({ control: true });
  const requests = [{ method: 'GET', path: '/v2/stocks/*', fault: { kind: 'latency' } }];
  await fetch(`${exchange.url}/_control/faults`, { method: 'PUT', body: JSON.stringify({ requests }) });
  const tower = new Harness({ env: { ...keysAt(exchange.url), ...env } });
  const quotes = () => tower.ask('watcher', 'marketdata', { symbols: ['SPY'], data_type: 'quote' });
  return {
    exchange,
    tower,
    quotes,
    asked: () => exchange.exchange.faults.counts().requests[0]?.seen ?? 0,
    async end() {
      await tower.end();
      await exchange.close();
    },
  };
}

it('a symbol that is asked for again and again is streamed', async () => {
  // Quotes may be older than a machine is likely to stall: then not one request may leave while the stream tells.
  const { exchange, tower, quotes, asked, end } = await scene({ TOWER_MIRROR_MARKET_DATA_MAX_AGE_MS: '5000' });
  await tower.start();
  for (let n = 0; n < 12; n++) await quotes();
  /** Answers that grow younger without a request: only the stream can have made them so. */
  for (let younger = 0, tries = 0, last = ''; younger < 3; tries++) {
    assert.ok(tries < 60, 'quotes are asked for by requests still');
    const before = asked();
    const asOf = (await quotes()).as_of ?? '';
    younger = asked() > before ? 0 : asOf > last ? younger + 1 : younger;
    last = asOf;
    await sleep(systemClock, 200);
  }
  const before = asked();
  const hold = { symbol: 'SPY', bid: '123.45', ask: '123.55' };
  await fetch(`${exchange.url}/_control/prices`, { method: 'POST', body: JSON.stringify(hold) });
  for (let tries = 0; ; tries++) {
    const answer = await quotes();
    assert.equal(answer.source, 'mirror');
    if (answer.data.quotes.SPY.bid_price === '123.45') break;
    assert.ok(tries < 20, 'the new price did not come');
    await sleep(systemClock, 200);
  }
  assert.equal(asked(), before, 'the price came without a request');
  await end();
});

it('when somebody else has the stream, quotes are asked for as before, and it is told once', async () => {
  const { exchange, tower, quotes, end } = await scene();
  const other = new WebSocket(`${exchange.url.replace('http', 'ws')}/v2/sip`);
  await new Promise((resolve) => other.once('open', resolve));
  other.send(JSON.stringify({ action: 'auth', key: 'K', secret: 'S' }));
  await tower.start();
  for (let n = 0; n < 12; n++) await quotes();
  const told = () => tower.events.filter((event) => event.kind === 'notice' && event.text.includes('are not streamed'));
  await tower.until(
    () => (told().length > 0 ? true : null),
    () => 'nobody was told',
  );
  assert.equal((await quotes()).status, 'success');
  assert.equal(told().length, 1);
  other.terminate();
  await end();
});

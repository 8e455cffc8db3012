/**
 * Live trading needs every one of its switches: with any of them missing, a live order is answered and goes nowhere.
 * An exchange of our own stands where Alpaca's live endpoint would be. Must never leave this machine.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type RunningExchange, startExchange } from '../src/exchange/server.ts';
import { CannotStart } from '../src/observe/events.ts';
import { type Answered, Harness } from './flow/harness.ts';

let alpaca: RunningExchange;
before(async () => {
  alpaca = await startExchange({ seed: 'live' });
});
after(() => alpaca.close());

const ORDER = { symbol: 'BTC/USD', qty: '0.001', order_class: 'market', time_in_force: 'gtc' };
const KEYS = { ALPACA_LIVE_API_KEY: 'AKLIVE', ALPACA_LIVE_SECRET_KEY: 'hunter2' };
const SWITCHES = { live: true, agents: { bot: { live: true } } };
const endpoint = () => ({ ALPACA_LIVE_BASE_URL: alpaca.url, ALPACA_DATA_BASE_URL: alpaca.url });

/** The last answer to one live order under these switches; `says` is the mode inside the file. */
async function ask(config: object, keys: Record<string, string>, says = 'live'): Promise<Answered> {
  const tower = new Harness({ config, env: { ...keys, ...endpoint() } });
  try {
    await tower.start();
    const timestamp = tower.timestamp();
    const text = tower.text('bot', 'cryptobuy', ORDER, timestamp, { mode: says });
    return await tower.answer(tower.dropText(`live_bot_cryptobuy_${timestamp}.json`, text), ({ final }) => final);
  } finally {
    await tower.end();
  }
}

/** Ids of all orders that the live account of `KEYS` has ever had. */
async function liveOrders(): Promise<readonly string[]> {
  const headers = { 'APCA-API-KEY-ID': KEYS.ALPACA_LIVE_API_KEY, 'APCA-API-SECRET-KEY': KEYS.ALPACA_LIVE_SECRET_KEY };
  const response = await fetch(`${alpaca.url}/v2/orders?status=all&limit=500`, { headers });
  const orders = (await response.json()) as { client_order_id: string }[];
  return orders.map(({ client_order_id }) => client_order_id);
}

/** Asks, and makes sure that nothing came of it at the live endpoint. */
async function goesNowhere(...question: Parameters<typeof ask>): Promise<Answered> {
  const before = await liveOrders();
  const answer = await ask(...question);
  assert.deepEqual(await liveOrders(), before);
  return answer;
}

const outcome = ({ status, sent, error }: Answered) => [status, sent, error?.type, error?.code];

test('with all four switches a live order goes to the live endpoint', async () => {
  const answer = await ask(SWITCHES, KEYS);
  assert.deepEqual(outcome(answer), ['success', 'yes', undefined, undefined]);
  assert.deepEqual(await liveOrders(), [answer.client_order_id]);
});

test('without `live` in the settings it goes nowhere', async () => {
  const refused = ['error', 'no', 'configuration_error', 'live_disabled'];
  assert.deepEqual(outcome(await goesNowhere({ agents: SWITCHES.agents }, KEYS)), refused);
});

test('without the agent’s own `live` it goes nowhere', async () => {
  const refused = ['error', 'no', 'configuration_error', 'live_disabled'];
  assert.deepEqual(outcome(await goesNowhere({ live: true }, KEYS)), refused);
});

test('without keys it goes nowhere', async () => {
  assert.deepEqual(outcome(await goesNowhere(SWITCHES, {})), ['error', 'no', 'configuration_error', 'no_keys']);
});

test('when the file says paper inside it goes nowhere', async () => {
  assert.deepEqual(outcome(await goesNowhere(SWITCHES, KEYS, 'paper')), [
    'error',
    'no',
    'validation_error',
    'mode_mismatch',
  ]);
});

test('keys of another account than the pinned one stop the tower at its start', async () => {
  const tower = new Harness({ config: { ...SWITCHES, account: { live: 'NOTMINE' } }, env: { ...KEYS, ...endpoint() } });
  try {
    const refused = (error: unknown): boolean => error instanceof CannotStart && error.why === 'configuration';
    await assert.rejects(tower.start(), refused);
  } finally {
    await tower.end();
  }
});

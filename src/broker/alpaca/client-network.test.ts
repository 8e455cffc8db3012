/** The adapter over real sockets: one loopback server that speaks Alpaca's REST and stream, paper's binary frames included. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import { type WebSocket, WebSocketServer } from 'ws';
import { systemClock } from '../../lib/clock.ts';
import { systemRandom } from '../../lib/random.ts';
import type { TradeUpdate } from '../broker.ts';
import { alpacaBroker } from './client.ts';
import { systemNetwork } from './network-system.ts';

const KEYS = { id: 'PKTEST', secret: 'secret' };
const body = '{"symbol":"AAPL","qty":"1","side":"buy","type":"market","time_in_force":"day","client_order_id":"c-1"}';
const order = `{"id":"o-1","client_order_id":"c-1","status":"new","filled_qty":"0","symbol":"AAPL","qty":"1","side":"buy","type":"market"}`;

const peers: WebSocket[] = [];
const seen: string[] = [];
const server = createServer((request, response) => {
  seen.push(`${request.method} ${request.url}`);
  const known =
    request.headers['apca-api-key-id'] === KEYS.id && request.headers['apca-api-secret-key'] === KEYS.secret;
  response.writeHead(known ? 200 : 401, { 'content-type': 'application/json', 'X-Ratelimit-Remaining': '199' });
  response.end(known ? order : '{"message":"unauthorized."}');
  if (known) {
    for (const peer of peers) {
      const data = { event: 'new', timestamp: 'T', execution_id: 'e', order: JSON.parse(order) };
      peer.send(Buffer.from(JSON.stringify({ stream: 'trade_updates', data })));
    }
  }
});
const sockets = new WebSocketServer({ server, path: '/stream' });
sockets.on('connection', (peer) => {
  peer.on('message', (raw) => {
    const message = JSON.parse(String(raw));
    const answer =
      message.action === 'auth'
        ? { stream: 'authorization', data: { status: message.secret === KEYS.secret ? 'authorized' : 'unauthorized' } }
        : { stream: 'listening', data: message.data };
    if (message.action === 'listen') peers.push(peer);
    peer.send(Buffer.from(JSON.stringify(answer)));
  });
});
await new Promise<void>((resolve) => {
  server.listen(0, '127.0.0.1', resolve);
});
after(() => {
  sockets.close();
  server.close();
});
const address = server.address();
const baseUrl = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;

const open = (keys: typeof KEYS): ReturnType<typeof alpacaBroker> =>
  alpacaBroker({
    mode: 'paper',
    baseUrl,
    dataUrl: baseUrl,
    keys,
    network: systemNetwork(),
    clock: systemClock,
    random: systemRandom,
  });

test('listen, submit, hear of it, close', async () => {
  const broker = open(KEYS);
  const up = Promise.withResolvers<void>();
  const heard = Promise.withResolvers<TradeUpdate>();
  const late: string[] = [];
  let closed = false;
  const note = (what: string): void => {
    if (closed) late.push(what);
  };
  const stream = broker.stream({
    up: up.resolve,
    down: (reason) => note(reason),
    update: heard.resolve,
    unreadable: (reason) => heard.reject(new Error(reason)),
  });
  stream.start();
  await up.promise;
  const outcome = await broker.submit({ method: 'POST', path: '/v2/orders', body }, () => true);
  assert.ok(outcome.kind === 'done');
  assert.equal(outcome.value.json, order);
  const update = await heard.promise;
  assert.deepEqual([update.event, update.order.id, update.order.json], ['new', 'o-1', order]);
  assert.deepEqual(seen, ['POST /v2/orders']);
  closed = true;
  await broker.close();
  assert.equal((await broker.account()).kind, 'not_sent');
  assert.deepEqual(late, []);
});

test('wrong keys: misconfigured on REST, down on the stream, and the secret in neither', async () => {
  const broker = open({ id: KEYS.id, secret: 'wrong-and-secret' });
  const down = Promise.withResolvers<string>();
  const stream = broker.stream({
    up: () => down.reject(new Error('up with wrong keys')),
    down: down.resolve,
    update: () => {},
    unreadable: () => {},
  });
  stream.start();
  const outcome = await broker.account();
  assert.equal(outcome.kind, 'misconfigured');
  assert.doesNotMatch(JSON.stringify(outcome), /wrong-and-secret/);
  assert.equal(await down.promise, 'the broker refused the keys on the stream');
  await broker.close();
});

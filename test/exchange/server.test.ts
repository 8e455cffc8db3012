/**
 * The exchange behind its port: what only a socket can show. Headers as they are on the wire, faults, streams, control.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { decode } from '@msgpack/msgpack';
import { WebSocket } from 'ws';
import { type RunningExchange, startExchange } from '../../src/exchange/server.ts';
import { inbox } from '../compat/client.ts';
import type { Json } from './world.ts';

const KEYS = { 'APCA-API-KEY-ID': 'me', 'APCA-API-SECRET-KEY': 'secret' };
const ORDER = { symbol: 'AAPL', qty: '1', side: 'buy', type: 'limit', limit_price: '100', time_in_force: 'day' };

let running: RunningExchange;
before(async () => {
  running = await startExchange({ seed: 'server', control: true });
  running.exchange.changeMarket({ kind: 'hold', symbol: 'AAPL', bid: '200', ask: '200' });
});
after(() => running.close());

const call = (method: string, path: string, body?: unknown, headers: Record<string, string> = KEYS) =>
  fetch(running.url + path, {
    method,
    headers,
    redirect: 'manual',
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(3_000),
  });
const order = (clientOrderId: string) => call('POST', '/v2/orders', { ...ORDER, client_order_id: clientOrderId });
const found = async (clientOrderId: string): Promise<boolean> =>
  (await call('GET', `/v2/orders:by_client_order_id?client_order_id=${clientOrderId}`)).status === 200;
const faults = async (plan: Json): Promise<void> => {
  assert.equal((await call('PUT', '/_control/faults', plan, {})).status, 200);
};
const onOrders = (fault: Json): Json => ({ requests: [{ method: 'POST', path: '/v2/orders', on: [1], fault }] });

/** The answer to a request exactly as it is on the wire. */
function raw(request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(running.url).port), '127.0.0.1');
    let text = '';
    socket.setEncoding('utf8').on('data', (part) => {
      text += part;
    });
    socket.on('end', () => resolve(text)).on('error', reject);
    socket.write(request);
  });
}

test('headers have the case that they have at Alpaca', async () => {
  const answer = await raw(
    'GET /v2/account HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAPCA-API-KEY-ID: me\r\nAPCA-API-SECRET-KEY: secret\r\n\r\n',
  );
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(answer, /\r\nContent-Type: application\/json; charset=UTF-8\r\n/);
  assert.match(answer, /\r\nX-Request-ID: [0-9a-f]{32}\r\n/);
  assert.match(answer, /\r\nX-Ratelimit-Limit: 200\r\nX-Ratelimit-Remaining: \d+\r\nX-Ratelimit-Reset: \d{10}\r\n/);
});

test('HTTP Basic and bearer tokens open accounts as well', async () => {
  const basic = { authorization: `Basic ${Buffer.from('me:secret').toString('base64')}` };
  const mine = (await (await call('GET', '/v2/account')).json()) as Json;
  assert.equal(((await (await call('GET', '/v2/account', undefined, basic)).json()) as Json)['id'], mine['id']);
  const bearer = await call('GET', '/v2/account', undefined, { authorization: 'Bearer token' });
  assert.equal(bearer.status, 200);
  assert.notEqual(((await bearer.json()) as Json)['id'], mine['id']);
  assert.equal((await call('GET', '/v2/account', undefined, { 'APCA-API-KEY-ID': 'me' })).status, 401);
});

test('bodies that are no JSON object are refused, and so are giants', async () => {
  for (const body of ['{"symbol"', '[]', '7']) {
    const answer = await fetch(`${running.url}/v2/orders`, { method: 'POST', headers: KEYS, body });
    assert.equal(answer.status, 400, body);
  }
  const giant = await fetch(`${running.url}/v2/orders`, { method: 'POST', headers: KEYS, body: 'x'.repeat(2 << 20) });
  assert.equal(giant.status, 413);
});

test('what no route can match is refused in the form of the others', async () => {
  const head = (line: string): string =>
    `${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAPCA-API-KEY-ID: me\r\nAPCA-API-SECRET-KEY: secret\r\n\r\n`;
  const unknown = await raw(head('PROPFIND /v2/orders'));
  assert.match(unknown, /^HTTP\/1\.1 404 .*\r\n/);
  assert.ok(unknown.endsWith('{"code":40410000,"message":"endpoint not found"}'), unknown);
  const undecodable = await raw(head('GET /v2/assets/%ZZ'));
  assert.match(undecodable, /^HTTP\/1\.1 400 .*\r\n/);
  assert.match(undecodable, /content-type: application\/json; charset=UTF-8/i);
  assert.ok(undecodable.endsWith('{"code":40010000,"message":"request path is invalid"}'), undecodable);
});

test('a request that is refused before acceptance never happened', async () => {
  for (const how of ['close', 'reset']) {
    await faults(onOrders({ kind: 'refuse', how }));
    await assert.rejects(order(`refused-${how}`), /fetch failed/);
    assert.equal(await found(`refused-${how}`), false);
  }
});

test('an answer that is lost after acceptance leaves the order standing', async () => {
  for (const how of ['close', 'reset']) {
    await faults(onOrders({ kind: 'lose', how }));
    await assert.rejects(order(`lost-${how}`), /fetch failed/);
    assert.equal(await found(`lost-${how}`), true);
  }
  await faults(onOrders({ kind: 'lose', how: 'hang' }));
  const hanging = fetch(`${running.url}/v2/orders`, {
    method: 'POST',
    headers: KEYS,
    body: JSON.stringify({ ...ORDER, client_order_id: 'hanging' }),
    signal: AbortSignal.timeout(150),
  });
  await assert.rejects(hanging, /timeout/);
  assert.equal(await found('hanging'), true);
});

test('cut, slow, padded and foreign answers', async () => {
  await faults(onOrders({ kind: 'cut', bytes: 10 }));
  const cut = await order('cut');
  assert.equal(cut.status, 200);
  await assert.rejects(cut.text(), /terminated/);
  assert.equal(await found('cut'), true);

  await faults({ requests: [{ path: '/v2/clock', fault: { kind: 'slow', bytes_per_second: 1_000 } }] });
  const started = performance.now();
  await (await call('GET', '/v2/clock')).json();
  assert.ok(performance.now() - started > 100, 'two hundred bytes took a tenth of a second');

  await faults(onOrders({ kind: 'huge', bytes: 3_000_000 }));
  const huge = await (await order('huge')).text();
  assert.equal(huge.length, 3_000_000);
  assert.equal((JSON.parse(huge) as Json)['client_order_id'], 'huge');

  await faults(onOrders({ kind: 'html' }));
  const html = await order('html');
  assert.equal(html.status, 200);
  assert.match(await html.text(), /^<html>/);

  await faults(onOrders({ kind: 'content_type' }));
  assert.equal((await order('typed')).headers.get('content-type'), 'text/plain');
});

test('statuses of choice, with and without acceptance', async () => {
  await faults(onOrders({ kind: 'status', status: 503 }));
  assert.equal((await order('turned-away')).status, 503);
  assert.equal(await found('turned-away'), false);
  await faults(onOrders({ kind: 'status', status: 504, accept: true }));
  assert.equal((await order('timed-out')).status, 504);
  assert.equal(await found('timed-out'), true);
  await faults(onOrders({ kind: 'rate_limited', retry_after: 2 }));
  const limited = await order('limited');
  assert.deepEqual(
    [limited.status, limited.headers.get('retry-after'), limited.headers.get('x-ratelimit-remaining')],
    [429, '2', '0'],
  );
  await faults(onOrders({ kind: 'rate_limited', headers: false }));
  assert.equal((await order('limited')).headers.get('x-ratelimit-limit'), null);
  await faults(onOrders({ kind: 'redirect', location: 'http://127.0.0.1:9/' }));
  assert.equal((await order('redirected')).status, 307);
  assert.equal(await found('redirected'), false);
});

test('look-ups lag, and ids are unique, unless told otherwise', async () => {
  await faults({ lookup_lag_ms: 60_000 });
  assert.equal((await order('lagging')).status, 200);
  assert.equal(await found('lagging'), false);
  assert.deepEqual(await (await call('GET', '/v2/orders?symbols=AAPL&status=all&limit=1')).json(), []);
  await faults({ unique_client_order_ids: false });
  assert.equal((await order('lagging')).status, 200);
  await call('DELETE', '/_control/faults', undefined, {});
  assert.equal((await order('lagging')).status, 422);
  assert.equal(await found('lagging'), true);
});

test('partial fills on request add up to the whole', async () => {
  await faults({ partial_fills: 1 });
  await call('POST', '/v2/orders', { ...ORDER, qty: '50', limit_price: '200', client_order_id: 'piecemeal' });
  const status = async (): Promise<string> => {
    const answer = await call('GET', '/v2/orders:by_client_order_id?client_order_id=piecemeal');
    return String(((await answer.json()) as Json)['status']);
  };
  assert.equal(await status(), 'partially_filled');
  await call('DELETE', '/_control/faults', undefined, {});
  await call('POST', '/_control/time', { advance_ms: 2_000 }, {});
  assert.equal(await status(), 'filled');
});

test('the ledger has every order request, whatever became of it', async () => {
  const before = (await (await call('GET', '/_control/ledger', undefined, {})).json()) as Json[];
  await faults(onOrders({ kind: 'refuse' }));
  await assert.rejects(order('unheard'));
  await faults(onOrders({ kind: 'lose' }));
  await assert.rejects(order('unanswered'));
  await call('DELETE', '/_control/faults', undefined, {});
  await order('unanswered');
  await call('DELETE', '/v2/orders');
  const path = `/_control/ledger?after=${before.length}`;
  const entries = (await (await call('GET', path, undefined, {})).json()) as Json[];
  assert.deepEqual(
    entries.map((entry) => [
      entry['method'],
      entry['client_order_id'],
      entry['status'],
      entry['accepted'],
      entry['fault'],
    ]),
    [
      ['POST', 'unheard', null, false, 'refuse'],
      ['POST', 'unanswered', 200, true, 'lose'],
      ['POST', 'unanswered', 422, false, null],
      ['DELETE', null, 207, true, null],
    ],
  );
  assert.match(String(entries[1]?.['order_id']), /^[0-9a-f-]{36}$/);
});

/** A trade_updates client that says `hello` and collects what comes. */
function updates(headers: Record<string, string> = {}) {
  const socket = new WebSocket(`${running.url.replace('http', 'ws')}/stream`, { headers });
  const frames = inbox<{ message: Json; binary: boolean }>();
  socket.on('message', (data, binary) => {
    const bytes = data as Buffer;
    const message = headers['Content-Type'] ? decode(bytes) : JSON.parse(bytes.toString('utf8'));
    frames.push({ message: message as Json, binary });
  });
  socket.on('error', () => {});
  const say = (message: Json) => socket.send(JSON.stringify(message));
  socket.on('open', () => {
    say({ action: 'auth', key: 'me', secret: 'secret' });
    say({ action: 'listen', data: { streams: ['trade_updates'] } });
  });
  return { socket, frames, listening: frames.next('listening', ({ message }) => message['stream'] === 'listening') };
}

for (const headers of [{}, { 'Content-Type': 'application/msgpack' }] as Record<string, string>[]) {
  test(`trade updates in binary frames ${headers['Content-Type'] ?? ''}`, async () => {
    const { socket, frames, listening } = updates(headers);
    assert.equal((await listening).binary, true);
    const id = `streamed-${headers['Content-Type'] ?? 'json'}`;
    await call('POST', '/v2/orders', { ...ORDER, limit_price: '201', client_order_id: id });
    const fill = await frames.next('the fill', ({ message }) => {
      const data = (message['data'] ?? {}) as Json;
      return data['event'] === 'fill' && (data['order'] as Json)['client_order_id'] === id;
    });
    assert.equal(fill.binary, true);
    socket.terminate();
  });
}

test('an order is accepted and then rejected by the stream', async () => {
  const { socket, frames, listening } = updates();
  await listening;
  await faults(onOrders({ kind: 'reject_later' }));
  const answer = (await (await order('doomed')).json()) as Json;
  assert.equal(answer['status'], 'pending_new');
  await frames.next('the rejection', ({ message }) => {
    const data = (message['data'] ?? {}) as Json;
    return data['event'] === 'rejected' && (data['order'] as Json)['client_order_id'] === 'doomed';
  });
  const now = (await (await call('GET', `/v2/orders/${answer['id']}`)).json()) as Json;
  assert.equal(now['status'], 'rejected');
  assert.ok(now['failed_at']);
  socket.terminate();
  await call('DELETE', '/_control/faults', undefined, {});
});

test('a silent stream answers no ping, a lively one does', async () => {
  const { socket, frames, listening } = updates();
  await listening;
  const pongs = inbox<string>();
  socket.on('pong', (data) => pongs.push(data.toString()));
  socket.ping('one');
  await pongs.next('a pong', (data) => data === 'one');
  await faults({ stream: [{ on: [1], fault: { kind: 'silence' } }] });
  await order('silenced');
  const count = frames.all.length;
  socket.ping('two');
  await call('GET', '/v2/account');
  assert.equal(frames.all.length, count);
  assert.equal(pongs.all.includes('two'), false);
  socket.terminate();
  await call('DELETE', '/_control/faults', undefined, {});
});

test('a stream is refused on request, and at an unknown path', async () => {
  const refusedAt = (path: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = new WebSocket(running.url.replace('http', 'ws') + path);
      socket.on('error', (error) => resolve(error.message));
    });
  assert.match(await refusedAt('/nowhere'), /404/);
  await faults({ requests: [{ path: '/stream', fault: { kind: 'status', status: 503 } }] });
  assert.match(await refusedAt('/stream'), /503/);
  await faults({ requests: [{ path: '/stream', fault: { kind: 'refuse' } }] });
  assert.match(await refusedAt('/stream'), /socket hang up/);
  await call('DELETE', '/_control/faults', undefined, {});
});

test('server-sent events replay what was asked for and go on', async () => {
  const since = new Date(Date.now() - 60_000).toISOString();
  const answer = await fetch(`${running.url}/v2/events/trades?since=${since}`, { headers: KEYS });
  assert.equal(answer.headers.get('content-type'), 'text/event-stream');
  const lines = inbox<Json>();
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  assert.ok(reader);
  const pump = (async () => {
    let rest = '';
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const pieces = (rest + part.value).split('\n\n');
      rest = pieces.pop() ?? '';
      for (const piece of pieces) lines.push(JSON.parse(piece.replace(/^data: /, '')));
    }
  })();
  await lines.next('the past', (line) => line['event'] === 'new');
  await order('by-sse');
  const isMine = (line: Json): boolean => (line['order'] as Json)['client_order_id'] === 'by-sse';
  const mine = await lines.next('the present', (line) => line['event'] === 'new' && isMine(line));
  assert.match(String(mine['event_id']), /^[0-9A-HJKMNP-TV-Z]{26}$/);
  await reader.cancel();
  await pump;
  const activities = await fetch(
    `${running.url}/v2beta1/events/activities?since=${since}&until=${new Date(Date.now() + 1_000).toISOString()}`,
    { headers: KEYS },
  );
  assert.match(await activities.text(), /^data: .*"activity_type":"FILL"/);
});

test('time stops, jumps and runs on request', async () => {
  const time = async (change?: Json): Promise<Json> =>
    (await (await call(change ? 'POST' : 'GET', '/_control/time', change, {})).json()) as Json;
  const stopped = await time({ speed: 0 });
  assert.equal(stopped['speed'], 0);
  const first = Date.parse(String((await time())['now']));
  const jumped = await time({ advance_ms: 3_600_000 });
  assert.equal(Date.parse(String(jumped['now'])) - first, 3_600_000);
  const wrong = await call('POST', '/_control/time', { sped: 2 }, {});
  assert.equal(wrong.status, 400);
  assert.match(await wrong.text(), /sped/);
  await time({ speed: 1 });
});

test('halts, splits and cash', async () => {
  const control = async (path: string, body: Json): Promise<void> => {
    const answer = await call('POST', `/_control/${path}`, body, {});
    assert.equal(answer.status, 200, await answer.clone().text());
  };
  const position = async (): Promise<Json> => (await (await call('GET', '/v2/positions/AAPL')).json()) as Json;
  const held = Number((await position())['qty']);
  await control('halts', { symbol: 'AAPL', halted: true });
  await call('POST', '/v2/orders', { ...ORDER, limit_price: '210', client_order_id: 'halted' });
  assert.equal(Number((await position())['qty']), held, 'nothing fills while trading is halted');
  await control('halts', { symbol: 'AAPL', halted: false });
  assert.equal(Number((await position())['qty']), held + 1);
  await control('splits', { symbol: 'AAPL', numerator: 2, denominator: 1 });
  assert.equal(Number((await position())['qty']), 2 * (held + 1));
  const accounts = (await (await call('GET', '/_control/accounts', undefined, {})).json()) as Json[];
  const account = accounts.find((each) => each['key'] === 'me')?.['account'];
  const before = (await (await call('GET', '/v2/account')).json()) as Json;
  await control('cash', { account, amount: '250.25' });
  const after = (await (await call('GET', '/v2/account')).json()) as Json;
  assert.equal(Number(after['cash']) - Number(before['cash']), 250.25);
  assert.equal((await call('POST', '/_control/prices', { symbol: 'ZZZZZ', price: '1' }, {})).status, 422);
});

test('without control there is no control', async () => {
  const plain = await startExchange({ seed: 'plain' });
  const answer = await fetch(`${plain.url}/_control/time`, { headers: KEYS });
  assert.equal(answer.status, 404);
  await plain.close();
  await plain.close();
});

test('only this machine is served', async () => {
  await assert.rejects(startExchange({ host: '0.0.0.0' }), /this machine only/);
});

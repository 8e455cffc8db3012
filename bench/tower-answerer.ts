/**
 * The smallest Alpaca that a tower can trade with, as a process of its own: every order is filled at once, and the moment
 * it arrived and the moment it was answered are kept for the bench. Must never do work that would be measured as the
 * tower's: no state, no journal, one constant answer per order.
 * Started with an IPC channel: tells `{ url }`, and answers the message `take` with the moments since the last one.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { WebSocketServer } from 'ws';
import { type Moment, monotonicMs } from './tower-rig.ts';

/** Each key has an account of its own: one account has one tower on a machine. */
const account = (key: string): string =>
  JSON.stringify({
    id: crypto.randomUUID(),
    account_number: `${key}${process.pid}`,
    status: 'ACTIVE',
    currency: 'USD',
    cash: '1000000000',
    buying_power: '4000000000',
    trading_blocked: false,
    account_blocked: false,
    trade_suspended_by_user: false,
  });

let moments: Moment[] = [];

/** An order with the fields of Alpaca's (Alpaca docs: orders), filled as it was asked for. */
function filled(body: string): { readonly id: string; readonly json: string } {
  const asked: Readonly<Record<string, string>> = JSON.parse(body);
  const now = new Date().toISOString();
  const { client_order_id: id = '', symbol, qty, side, type, time_in_force, limit_price } = asked;
  const order = {
    id: crypto.randomUUID(),
    client_order_id: id,
    created_at: now,
    updated_at: now,
    submitted_at: now,
    filled_at: now,
    expired_at: null,
    canceled_at: null,
    failed_at: null,
    replaced_at: null,
    replaced_by: null,
    replaces: null,
    asset_id: 'b0b6dd9d-8b9b-48a9-ba46-b9d54906e415',
    symbol,
    asset_class: 'us_equity',
    notional: null,
    qty,
    filled_qty: qty,
    filled_avg_price: '100.01',
    order_class: '',
    order_type: type,
    type,
    side,
    time_in_force,
    limit_price: limit_price ?? null,
    stop_price: null,
    status: 'filled',
    extended_hours: false,
    legs: null,
    trail_percent: null,
    trail_price: null,
    hwm: null,
    subtag: null,
    source: null,
  };
  return { id, json: JSON.stringify(order) };
}

function answer(response: ServerResponse, status: number, json: string): void {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) });
  response.end(json);
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  const arrived = monotonicMs();
  const path = request.url?.split('?')[0] ?? '';
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    if (request.method === 'POST' && path === '/v2/orders') {
      const { id, json } = filled(Buffer.concat(chunks).toString('utf8'));
      moments.push({ id, arrived, answered: monotonicMs() });
      answer(response, 200, json);
    } else if (path === '/v2/account') answer(response, 200, account(String(request.headers['apca-api-key-id'])));
    else if (path === '/v2/orders' || path === '/v2/positions') answer(response, 200, '[]');
    else answer(response, 404, '{"code":40410000,"message":"order not found"}');
  });
}

const server = createServer(serve);
new WebSocketServer({ server, path: '/stream' }).on('connection', (socket) => {
  const tell = (stream: string, data: object): void => socket.send(Buffer.from(JSON.stringify({ stream, data })));
  socket.on('message', (data) => {
    const { action } = JSON.parse(String(data));
    if (action === 'auth') tell('authorization', { status: 'authorized', action: 'authenticate' });
    if (action === 'listen') tell('listening', { streams: ['trade_updates'] });
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('the answerer has no port');
  process.send?.({ url: `http://127.0.0.1:${address.port}` });
});
process.on('message', () => {
  process.send?.(moments);
  moments = [];
});
process.on('disconnect', () => process.exit());

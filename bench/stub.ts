/**
 * The smallest Alpaca that a tower can trade with, as a process of its own: market orders, and buys with a limit that
 * reaches its one price, are filled at once, others work until they are cancelled, and the moment each request came in and was answered is kept for the bench. Must never do
 * work that would be measured as the tower's. The list of all orders is empty: sweeps find open orders only.
 * Started with an IPC channel: tells `{ url }`, and answers the message `take` with the moments since the last one.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { WebSocketServer } from 'ws';
import { type Moment, monotonicMs } from './rig.ts';

/** USD, of everything. */
const MARKET_PRICE = 100.01;

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
/** Orders that work or were cancelled, by their own id; filled ones need not be remembered. */
const kept = new Map<string, Record<string, unknown>>();

/** An order with the fields of Alpaca's (Alpaca docs: orders). */
function placed(body: string): { readonly clientOrderId: string; readonly json: string } {
  const asked: Readonly<Record<string, string>> = JSON.parse(body);
  const now = new Date().toISOString();
  const { client_order_id: clientOrderId = '', symbol, qty, side, type, time_in_force, limit_price } = asked;
  const isFilled = type === 'market' || (side === 'buy' && Number(limit_price) >= MARKET_PRICE);
  const id = crypto.randomUUID();
  const order = {
    id,
    client_order_id: clientOrderId,
    created_at: now,
    updated_at: now,
    submitted_at: now,
    filled_at: isFilled ? now : null,
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
    filled_qty: isFilled ? qty : '0',
    filled_avg_price: isFilled ? String(MARKET_PRICE) : null,
    order_class: '',
    order_type: type,
    type,
    side,
    time_in_force,
    limit_price: limit_price ?? null,
    stop_price: null,
    status: isFilled ? 'filled' : 'new',
    extended_hours: false,
    legs: null,
    trail_percent: null,
    trail_price: null,
    hwm: null,
    subtag: null,
    source: null,
  };
  if (!isFilled) kept.set(id, order);
  return { clientOrderId, json: JSON.stringify(order) };
}

function cancel(id: string): boolean {
  const order = kept.get(id);
  if (order === undefined) return false;
  const now = new Date().toISOString();
  kept.set(id, { ...order, status: 'canceled', canceled_at: now, updated_at: now });
  return true;
}

function answer(response: ServerResponse, status: number, json: string): void {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) });
  response.end(json);
}

function respond(request: IncomingMessage, response: ServerResponse, body: string, arrived: number): void {
  const { pathname: path, searchParams } = new URL(request.url ?? '/', 'http://stub');
  const method = request.method ?? '';
  const [, one = ''] = /^\/v2\/orders\/([0-9a-f-]{36})$/.exec(path) ?? [];
  const note = (id: string): void => void moments.push({ method, path, id, arrived, answered: monotonicMs() });
  if (method === 'POST' && path === '/v2/orders') {
    const { clientOrderId, json } = placed(body);
    note(clientOrderId);
    answer(response, 200, json);
    return;
  }
  note(String(kept.get(one)?.['client_order_id'] ?? ''));
  if (method === 'DELETE' && cancel(one)) {
    response.writeHead(204);
    response.end();
  } else if (path === '/v2/account') answer(response, 200, account(String(request.headers['apca-api-key-id'])));
  else if (path === '/v2/positions') answer(response, 200, '[]');
  else if (path === '/v2/orders') {
    const open = searchParams.get('status') === 'open' ? [...kept.values()].filter((o) => o['status'] === 'new') : [];
    answer(response, 200, JSON.stringify(open.slice(0, Number(searchParams.get('limit') ?? 500))));
  } else {
    const order = method === 'GET' ? kept.get(one) : undefined;
    if (order === undefined) answer(response, 404, '{"code":40410000,"message":"order not found"}');
    else answer(response, 200, JSON.stringify(order));
  }
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  const arrived = monotonicMs();
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => respond(request, response, Buffer.concat(chunks).toString('utf8'), arrived));
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
  if (address === null || typeof address === 'string') throw new TypeError('the stub has no port');
  process.send?.({ url: `http://127.0.0.1:${address.port}` });
});
process.on('message', () => {
  process.send?.(moments);
  moments = [];
});
process.on('disconnect', () => process.exit());

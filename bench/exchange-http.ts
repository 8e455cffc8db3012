/**
 * What the exchange's HTTP costs, next to what fastify and a constant answer cost: requests per second on kept-alive
 * connections, and their ratio. Run alone: `node bench/exchange-http.ts`. Must never be read as the speed of Alpaca.
 */
import fastify from 'fastify';
import { Pool } from 'undici';
import { startExchange } from '../src/exchange/server.ts';

const CONNECTIONS = 8;
/** Rounds alternate between the two, so that a busy machine slows both. */
const ROUNDS = 3;
const SECONDS = 1;
const KEYS = { 'apca-api-key-id': 'bench', 'apca-api-secret-key': 'bench' };

interface Load {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
}

/** Requests per second that `url` answers with 200. */
async function rate(url: string, load: Load): Promise<number> {
  const pool = new Pool(url, { connections: CONNECTIONS, pipelining: 1 });
  const until = performance.now() + SECONDS * 1000;
  let done = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() < until) {
      const { statusCode, body } = await pool.request({
        method: load.method,
        path: load.path,
        headers: load.body === undefined ? KEYS : { ...KEYS, 'content-type': 'application/json' },
        ...(load.body === undefined ? {} : { body: load.body }),
      });
      const text = await body.text();
      if (statusCode !== 200) throw new Error(`${load.method} ${load.path}: ${statusCode} ${text}`);
      done += 1;
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  const elapsed = (performance.now() - started) / 1000;
  await pool.close();
  return done / elapsed;
}

/** A server of the same framework that answers every request with the bytes of one real answer. */
async function bare(body: string): Promise<{ url: string; close(): Promise<void> }> {
  const app = fastify();
  app.all('*', (_request, reply) => reply.header('content-type', 'application/json; charset=UTF-8').send(body));
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  return { url, close: () => app.close() };
}

const LOADS: Readonly<Record<string, Load>> = {
  account: { method: 'GET', path: '/v2/account' },
  'limit order': {
    method: 'POST',
    path: '/v2/orders',
    body: '{"symbol":"AAPL","qty":"1","side":"buy","type":"limit","limit_price":"1.00","time_in_force":"day"}',
  },
};

const exchange = await startExchange({ seed: 'bench', cash: '1000000000' });
try {
  for (const [name, load] of Object.entries(LOADS)) {
    const sample = await fetch(exchange.url + load.path, {
      method: load.method,
      headers: KEYS,
      ...(load.body === undefined ? {} : { body: load.body }),
    });
    const floor = await bare(await sample.text());
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      theirs.push(await rate(floor.url, load));
      ours.push(await rate(exchange.url, load));
    }
    await floor.close();
    const [best, bestBare] = [Math.max(...ours), Math.max(...theirs)];
    console.log(
      `${name}: exchange ${best.toFixed(0)}/s, bare framework ${bestBare.toFixed(0)}/s, ratio ${(best / bestBare).toFixed(2)}`,
    );
  }
} finally {
  await exchange.close();
}

/**
 * What the exchange's HTTP costs, next to what fastify and a constant answer cost: requests per second on kept-alive
 * connections, and how long another request waits while a heavy one is worked on. Prints readable lines and one JSON line.
 * Must never be read as the speed of Alpaca. `node bench/exchange-http.ts [rounds]`
 */
import fastify from 'fastify';
import { Pool } from 'undici';
import { startExchange } from '../src/exchange/server.ts';
import { startExchangeProcess } from './rig.ts';

const CONNECTIONS = 8;
/** Rounds alternate between the two, so that a busy machine slows both. */
const ROUNDS = Number(process.argv[2] ?? 3);
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

/** Nobody has asked for these before: nothing of them is remembered. */
const HISTORY = '/v2/stocks/bars?symbols=AAPL,MSFT,NVDA,AMZN&timeframe=1Day&limit=10000';
const YEAR_MS = 365 * 86_400_000;

/** Milliseconds of a cold year of daily bars, and the longest that a small request waited meanwhile. */
async function stall(url: string): Promise<{ readonly historyMs: number; readonly stallMs: number }> {
  const start = new Date(Date.now() - YEAR_MS).toISOString().slice(0, 10);
  let isOver = false;
  let stallMs = 0;
  const small = async (): Promise<void> => {
    while (!isOver) {
      const asked = performance.now();
      await (await fetch(`${url}/v2/clock`, { headers: KEYS })).text();
      stallMs = Math.max(stallMs, performance.now() - asked);
    }
  };
  // Warm connections: only the exchange is to be waited for.
  await (await fetch(`${url}/v2/clock`, { headers: KEYS })).text();
  const began = performance.now();
  const watching = small();
  const answer = await fetch(`${url}${HISTORY}&start=${start}`, { headers: KEYS });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`daily bars: ${answer.status} ${text.slice(0, 200)}`);
  const historyMs = performance.now() - began;
  isOver = true;
  await watching;
  return { historyMs, stallMs };
}

/** A process of its own: in this one, whoever asks would be held up by the answering itself. */
const alone = await startExchangeProcess();
const { historyMs, stallMs } = await stall(alone.url).finally(() => alone.stop());
console.log(`a cold year of daily bars: ${historyMs.toFixed(0)} ms, another request waited ${stallMs.toFixed(0)} ms`);

const exchange = await startExchange({ seed: 'bench', cash: '1000000000' });
const loads: { readonly name: string; readonly exchange: number; readonly bare: number }[] = [];
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
    loads.push({ name, exchange: best, bare: bestBare });
  }
} finally {
  await exchange.close();
}
console.log(JSON.stringify({ bench: 'exchange-http', loads, stall_ms: stallMs, history_ms: historyMs }));

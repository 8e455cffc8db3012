/**
 * A mirror of an account at the exchange, in one process and without time of its own: the exchange's answers and trade
 * updates pass through the real adapter. Trade updates wait until a test delivers them, loses them or swaps them.
 */
import assert from 'node:assert/strict';
import { alpacaBroker } from '../../src/broker/alpaca/client.ts';
import type { HttpRequest, Network, SocketHandlers } from '../../src/broker/alpaca/network.ts';
import type { BrokerOrder, OrderListQuery } from '../../src/broker/broker.ts';
import { type Clock, micros } from '../../src/lib/clock.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { type Asker, Mirror, type MirrorSettings } from '../../src/mirror/mirror.ts';
import { KEY, openWorld, type World } from '../exchange/world.ts';

export const SETTINGS: MirrorSettings = {
  ordersMaxAgeMs: 10_000,
  positionsMaxAgeMs: 10_000,
  accountMaxAgeMs: 10_000,
  marketDataMaxAgeMs: 1_000,
  rereadMs: 0,
  streamSymbols: 30,
  ordersKept: 1_000,
};

export const anybody: Asker = { agent: 'asker', deadline: Number.POSITIVE_INFINITY, maxAgeMs: null };

export interface MirroredAccount {
  readonly world: World;
  readonly mirror: Mirror;
  /** What has left for the exchange. */
  readonly requests: HttpRequest[];
  /** On whose account each request was that the mirror has asked for; '' for all. */
  readonly askedFor: string[];
  /** Trade updates that have not arrived yet. */
  readonly frames: Uint8Array[];
  /** What the exchange has said of orders besides its lists: by events and in answers, and when. */
  readonly told: { readonly ms: number; readonly order: Readonly<Record<string, unknown>> }[];
  /** Hands over the first waiting frame. */
  deliver(): void;
  /** Moves the time of the exchange and of the mirror. */
  advance(seconds: number): void;
  /** Reads the whole book as a sweep does. */
  sweep(): Promise<void>;
  nowMs(): number;
}

export async function mirroredAccount(settings: Partial<MirrorSettings> = {}): Promise<MirroredAccount> {
  const world = openWorld();
  const requests: HttpRequest[] = [];
  const askedFor: string[] = [];
  const frames: Uint8Array[] = [];
  const told: { ms: number; order: Readonly<Record<string, unknown>> }[] = [];
  let ms = 0;
  const clock: Clock = {
    now: () => micros(Number(world.exchange.clock.nanos() / 1000n)),
    monotonic: () => ms,
    // Nobody waits here: what a pause is for has happened by then.
    after: (_ms, run) => {
      const handle = setImmediate(run);
      return () => clearImmediate(handle);
    },
  };
  let hears: SocketHandlers | null = null;
  const network: Network = {
    async request(request) {
      if (request.mayLeave?.() === false) return { kind: 'unsent', reason: 'held back', held: true };
      requests.push(request);
      const { method, path, body } = request;
      const headers = { ...request.headers, ...KEY };
      const answer = world.exchange.handle({ method, url: path, headers, body });
      if (method === 'POST' && answer.status === 200) told.push({ ms, order: JSON.parse(answer.body) });
      const named = Object.entries(answer.headers).map(([name, value]) => [name.toLowerCase(), value] as const);
      return { kind: 'answer', status: answer.status, headers: Object.fromEntries(named), body: answer.body };
    },
    socket(_url, handlers) {
      hears = handlers;
      const session = world.exchange.openStream(
        '/stream',
        {},
        {
          send: (frame) => {
            const bytes = typeof frame === 'string' ? Buffer.from(frame) : frame;
            if (bytes.length <= 200) return queueMicrotask(() => handlers.message(bytes));
            const { cancel_requested_at: _, ...order } = JSON.parse(Buffer.from(bytes).toString()).data.order;
            told.push({ ms, order });
            frames.push(bytes);
          },
          close: () => {},
          silence: () => {},
          buffered: () => 0,
        },
      );
      queueMicrotask(() => handlers.open());
      return { send: (text) => session.receive(text), ping: () => {}, end: () => session.ended() };
    },
    async close() {},
  };
  const url = 'https://exchange.test';
  const mirror = new Mirror({
    broker: alpacaBroker({
      mode: 'paper',
      baseUrl: url,
      dataUrl: url,
      keys: { id: 'KEY', secret: 'SECRET' },
      network,
      // Its pings would never end.
      clock: { ...clock, after: () => () => {} },
      random: seededRandom('mirror'),
    }),
    clock,
    settings: { ...SETTINGS, ...settings },
    ask: async (call, { agent }) => {
      askedFor.push(agent);
      return call();
    },
    seesAll: (agent) => agent === 'boss',
    notice: () => {},
    fatal: (error) => {
      throw error;
    },
  });
  const up = Promise.withResolvers<void>();
  mirror.broker
    .stream({ up: up.resolve, down: () => {}, update: () => {}, unreadable: assert.fail as (reason: string) => void })
    .start();
  await up.promise;

  const list = async (query: OrderListQuery): Promise<readonly BrokerOrder[]> => {
    const outcome = await mirror.broker.orders({ ...query, direction: 'asc', limit: 500, nested: true });
    assert.ok(outcome.kind === 'done', JSON.stringify(outcome));
    return outcome.value;
  };
  return {
    world,
    mirror,
    requests,
    askedFor,
    frames,
    told,
    deliver() {
      const frame = frames.shift();
      if (frame !== undefined) hears?.message(frame);
    },
    advance(seconds) {
      ms += seconds * 1000;
      world.advance(seconds);
    },
    async sweep() {
      const since = mirror.begin();
      const after = mirror.listAfter(600_000_000) ?? null;
      const all = await list({ status: 'all', ...(after === null ? {} : { after }) });
      const withOpen = !mirror.knowsOpenOrders && after !== null;
      if (withOpen) await list({ status: 'open' });
      for (const id of mirror.missing(since)) await mirror.broker.order(id);
      mirror.verified(since, after, all.at(-1) ?? null, withOpen);
    },
    nowMs: () => ms,
  };
}

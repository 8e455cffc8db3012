/**
 * One order before a desk, on a clock in the hand: what tests of dispatch stand on. The broker's words are given, the journal
 * is a real one. Must never judge anything itself.
 */
import { alpacaBroker } from '../../src/broker/alpaca/client.ts';
import type { HttpResult, Network } from '../../src/broker/alpaca/network.ts';
import type { Broker } from '../../src/broker/broker.ts';
import { Budget } from '../../src/dispatch/budget.ts';
import type { Desk } from '../../src/dispatch/desk.ts';
import { Readiness } from '../../src/dispatch/readiness.ts';
import { Slots } from '../../src/dispatch/slots.ts';
import { Halts } from '../../src/halt/halts.ts';
import type { Arrival, Journal } from '../../src/journal/journal.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { Writer } from '../../src/journal/writer.ts';
import { assert, defined } from '../../src/lib/assert.ts';
import { type Clock, micros, sleep, systemClock } from '../../src/lib/clock.ts';
import { noFailpoints } from '../../src/lib/failpoint.ts';
import type { Files } from '../../src/lib/files.ts';
import { type Random, seededRandom } from '../../src/lib/random.ts';
import { Mirror, type MirrorSettings } from '../../src/mirror/mirror.ts';
import { orderName } from '../../src/order/name.ts';
import { parse } from '../../src/order/parse.ts';
import { isTrade, type TradeRequest } from '../../src/order/request.ts';

const START_MS = Date.UTC(2026, 1, 13, 14, 30, 23);
export const NAME = defined(orderName('paper', 'alpha', 'stockbuy', '20260213143022123456'), 'a valid name');
const TERMS = '"symbol":"AAPL","qty":"1","time_in_force":"day","limit_price":"20"';
const FILE = `{"agent_id":"alpha","client_order_id":"${NAME.clientOrderId}","order_type":"stockbuy","mode":"paper","payload":{${TERMS},"order_class":"limit"}}`;
export const ORDER = `{"id":"o-1","client_order_id":"${NAME.clientOrderId}",${TERMS},"side":"buy","type":"limit","status":"new","filled_qty":"0","updated_at":"2026-02-13T14:30:24Z","submitted_at":"2026-02-13T14:30:24Z"}`;

export const said = (status: number, body: string, headers: Readonly<Record<string, string>> = {}): HttpResult => ({
  kind: 'answer',
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body,
});
export const NOT_FOUND = said(404, '{"code":40410000,"message":"order not found"}');

/** Timers run in their order, as fast as the work between them allows. */
export class HandClock implements Clock {
  ms = 0;
  #timers: { readonly at: number; readonly run: () => void }[] = [];

  now() {
    return micros((START_MS + this.ms) * 1000);
  }

  monotonic(): number {
    return this.ms;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.ms + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Until `done`, or until nothing is left to happen before `untilMs`. */
  async run(untilMs: number, done: () => boolean): Promise<void> {
    for (;;) {
      // What is settled is worked off before time goes on.
      await sleep(systemClock, 0);
      const next = this.#timers.filter(({ at }) => at <= untilMs).sort((a, b) => a.at - b.at)[0];
      if (done() || next === undefined) return;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.ms = Math.max(this.ms, next.at);
      next.run();
    }
  }
}

const NO_MIRROR: MirrorSettings = {
  ordersMaxAgeMs: 0,
  positionsMaxAgeMs: 0,
  accountMaxAgeMs: 0,
  marketDataMaxAgeMs: 0,
  rereadMs: 0,
  streamSymbols: 0,
  ordersKept: 100,
};

interface Stand {
  readonly clock: HandClock;
  readonly random: Random;
  readonly journal: Journal;
  readonly broker: Broker;
  readonly trade: TradeRequest;
  readonly readiness: Readiness;
  readonly desk: Desk;
  /** The order as it is taken in. */
  arrival(): Arrival;
}

const fail = (error: unknown): never => {
  throw error;
};

/** `request` is the broker; `files` have a folder of halts. What of the desk a test wants otherwise is in `more`. */
export function stand(
  seed: string,
  files: Files,
  request: (clock: HandClock) => Network['request'],
  more: (stand: Omit<Stand, 'desk' | 'arrival'>) => Partial<Desk> = () => ({}),
): Stand {
  const clock = new HandClock();
  const random = seededRandom(seed);
  const journal = openSqliteJournal({ file: ':memory:', clock, random });
  const network: Network = {
    request: request(clock),
    socket: () => fail(new Error('no socket wanted')),
    async close() {},
  };
  const url = 'https://paper-api.example';
  const keys = { id: 'K', secret: 'S' };
  const broker = alpacaBroker({ mode: 'paper', baseUrl: url, dataUrl: url, keys, network, clock, random });
  const parsed = parse({ fileName: NAME, bytes: Buffer.from(FILE), receivedAt: clock.now() });
  assert(parsed.ok && isTrade(parsed.request), JSON.stringify(parsed));
  const trade: TradeRequest = parsed.request;
  const slots = (): Slots => new Slots({ clock, random, budget: new Budget({ perMinute: 200, perSecond: 10 }) });
  const readiness = new Readiness();
  readiness.clear('not_swept');
  const parts = { clock, random, journal, broker, trade, readiness };
  const desk: Desk = {
    broker,
    journal,
    mirror: new Mirror({
      broker,
      clock,
      settings: NO_MIRROR,
      ask: (call) => call(),
      seesAll: () => false,
      notice: () => {},
      fatal: fail,
    }),
    clock,
    hosts: { trading: slots(), data: slots() },
    readiness,
    writer: new Writer(journal, clock, noFailpoints, { upcoming() {}, changed() {} }),
    failpoints: noFailpoints,
    doubt: { settleMs: 20_000, maxDelayMs: 900_000, resend: true, marketResendMs: 30_000, latePolicy: 'cancel' },
    halts: new Halts(files, clock),
    holdsConflicts: false,
    onTheirWay: new Map(),
    refused: async () => null,
    held: async () => null,
    requestOf: () => trade,
    suspect: () => false,
    strayCopies: () => false,
    isStopped: () => false,
    hasFailed: () => false,
    notice: () => {},
    late: () => {},
    ...more(parts),
  };
  return {
    ...parts,
    desk,
    arrival: () => ({
      receipt: 'r1',
      name: NAME,
      raw: Buffer.from(FILE),
      sha256: null,
      receivedAt: clock.now(),
      requestOrderId: null,
      sendBy: micros(clock.now() + 120e6),
      wire: broker.encode(trade).body,
      state: 'admitted',
      doubted: false,
      answer: null,
    }),
  };
}

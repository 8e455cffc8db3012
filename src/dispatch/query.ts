/**
 * Queries: answered from the mirror, or asked of the broker through it, repeated when that is harmless, answered once.
 * Must never answer that an order does not exist while the tower itself may still bring it about.
 */
import type { Rejection } from '../broker/broker.ts';
import { nextBound } from '../broker/paging.ts';
import type { Answer, Entry, Host, Origin } from '../journal/journal.ts';
import { defined } from '../lib/assert.ts';
import { isoMicros } from '../lib/clock.ts';
import type { Answered, Asker } from '../mirror/mirror.ts';
import { agentOf } from '../order/name.ts';
import type { MarketDataRequest, OrderListRequest, QueryRequest } from '../order/request.ts';
import { STATES } from '../order/states.ts';
import { awaitOwn, type Desk, isUnreachable, pause, untilWall, whyUnsent } from './desk.ts';
import {
  brokerFault,
  FAULT_REPEATS,
  keysRefused,
  notSentInTime,
  RATE_LIMIT_REPEATS,
  refusedByBroker,
} from './words.ts';

/** Takes a query to its answer. Resolves when it is answered, or when the tower stops. */
export async function answerQuery(
  desk: Desk,
  entry: Entry,
  request: QueryRequest,
  onWait: (callOff: () => void) => void,
): Promise<void> {
  const deadline = desk.clock.monotonic() + untilWall(desk.clock, entry.sendBy);
  const asker = { agent: entry.agent, deadline, maxAgeMs: request.maxAgeMs };
  const fetch: Fetch = (call, host = 'trading') => persist(desk, entry, deadline, () => call(asker), host, onWait);
  const result = await run(desk, request, fetch, onWait);
  if (result === null || desk.isStopped()) return;
  await desk.writer.revise(entry.seq, (newest) => {
    if (STATES[newest.state].final) return null;
    const state = result.kind === 'done' ? 'answered' : result.kind === 'unsent' ? 'expired_unsent' : 'failed';
    const answer: Answer = result.kind === 'done' ? { dataJson: result.json, origin: result.origin } : result.answer;
    return {
      patch: { state, answer },
      events: [{ kind: 'outcome', detail: JSON.stringify({ outcome: result.kind }) }],
      stage: 'd5',
    };
  });
}

type Failed = { readonly kind: 'failed' | 'unsent'; readonly answer: Answer };
type Result<T> =
  | { readonly kind: 'done'; readonly value: T; readonly origin: Origin }
  | { readonly kind: 'absent'; readonly rejection: Rejection }
  | Failed;
type Told = { readonly kind: 'done'; readonly json: string; readonly origin: Origin } | Failed;
type Fetch = <T>(call: (asker: Asker) => Promise<Answered<T>>, host?: Host) => Promise<Result<T> | null>;

/** Repeats one read: 429 at most 5 times, faults at most 3 times, no connection until the deadline. Null when the tower stops. */
async function persist<T>(
  desk: Desk,
  entry: Entry,
  deadline: number,
  call: () => Promise<Answered<T>>,
  host: Host,
  onWait: (callOff: () => void) => void,
): Promise<Result<T> | null> {
  const sendBy = isoMicros(entry.sendBy ?? desk.clock.now());
  const unsent = (cause: 'budget' | 'unreachable' | 'time'): Result<T> => ({
    kind: 'unsent',
    answer: notSentInTime(cause, sendBy, whyUnsent(desk, host)),
  });
  for (let limited = 0, faults = 0, unreachable = 0; ; ) {
    const answered = await call();
    if (desk.isStopped()) return null;
    if (answered === null) {
      // Whoever asked for all of us waited less long than we do.
      if (desk.clock.monotonic() < deadline) continue;
      return unsent(unreachable > 0 || isUnreachable(desk, host) ? 'unreachable' : 'budget');
    }
    if (answered.kind === 'done') {
      const { value, asOf, source } = answered;
      return { kind: 'done', value, origin: { asOf, source } };
    }
    const { outcome } = answered;
    let wait: number;
    switch (outcome.kind) {
      case 'rejected':
        return outcome.rejection.status === 404
          ? { kind: 'absent', rejection: outcome.rejection }
          : { kind: 'failed', answer: refusedByBroker(outcome.rejection) };
      case 'misconfigured':
        return { kind: 'failed', answer: keysRefused(outcome) };
      case 'not_sent':
        if (outcome.why === 'rate_limited') {
          if (++limited > RATE_LIMIT_REPEATS) return unsent('budget');
          wait = outcome.retryAfterMs ?? Math.min(8000, 500 * 2 ** limited);
        } else wait = Math.min(8000, 250 * 2 ** ++unreachable);
        break;
      case 'unknown':
        if (++faults > FAULT_REPEATS)
          return { kind: 'failed', answer: brokerFault(outcome.reason, outcome.status ?? null) };
        wait = 500 * 2 ** faults;
        break;
    }
    const left = deadline - desk.clock.monotonic();
    if (left <= 0) return unsent(unreachable > 0 ? 'unreachable' : 'time');
    const nap = pause(desk.clock, Math.min(wait, left));
    onWait(nap.callOff);
    await nap.done;
    if (desk.isStopped()) return null;
  }
}

/** The broker has it, or never will. */
const isKnown = (entry: Entry): boolean => entry.brokerId !== null || STATES[entry.state].final;

const array = (items: readonly string[]): string => `[${items.join(',')}]`;

async function run(
  desk: Desk,
  request: QueryRequest,
  fetch: Fetch,
  onWait: (callOff: () => void) => void,
): Promise<Told | null> {
  const { broker, mirror } = desk;
  switch (request.type) {
    case 'accountinfo':
      return plain(await fetch((asker) => mirror.account(asker)), (account) => account.json);
    case 'positions': {
      const { assetClass } = request;
      return plain(await fetch((asker) => mirror.positions(asker)), (positions) =>
        array(
          positions
            .filter((position) => assetClass === null || position.assetClass === assetClass)
            .map(({ json }) => json),
        ),
      );
    }
    case 'orderstatus': {
      const { target } = request;
      const look = () => fetch((asker) => mirror.order(target, asker));
      let result = await look();
      if (result?.kind === 'absent' && 'clientOrderId' in target && agentOf(target.clientOrderId) !== null) {
        await awaitOwn(desk, target.clientOrderId, isKnown, onWait);
        result = await look();
      }
      if (result?.kind === 'absent' && 'clientOrderId' in target) {
        const own = await desk.journal.find({ clientOrderId: target.clientOrderId });
        if (own !== null && own.mode === broker.mode && !STATES[own.state].final) {
          const hint = `the tower is not done with it: ${STATES[own.state].meaning}. Read its own answer; do not send it again.`;
          return { kind: 'failed', answer: refusedByBroker(result.rejection, hint, { safe_to_resubmit: false }) };
        }
      }
      return plain(result, (order) => order.json);
    }
    case 'openorders':
    case 'allorders':
      return listOrders(desk, request, fetch);
    case 'marketdata':
      return marketData(desk, request, fetch);
  }
}

function plain<T>(result: Result<T> | null, json: (value: T) => string): Told | null {
  if (result === null) return null;
  if (result.kind === 'done') return { kind: 'done', json: json(result.value), origin: result.origin };
  return result.kind === 'absent' ? { kind: 'failed', answer: refusedByBroker(result.rejection) } : result;
}

/** What was read in several parts is as old as the oldest, and from the mirror only when all of it is. */
function together(a: Origin | null, b: Origin): Origin {
  if (a === null) return b;
  return { asOf: a.asOf < b.asOf ? a.asOf : b.asOf, source: a.source === b.source ? a.source : 'alpaca' };
}

/** Without an agent filter one page is the answer; with one, pages are read until enough orders of the agent are found. */
async function listOrders(desk: Desk, request: OrderListRequest, fetch: Fetch): Promise<Told | null> {
  const { limit, ofAgent } = request;
  const known = await fetch((asker) => desk.mirror.orders(request, asker));
  if (known === null || known.kind !== 'done' || known.value !== null) return plain(known, (rows) => array(rows ?? []));
  const found: string[] = [];
  const seen = new Set<string>();
  let origin: Origin | null = null;
  let { after, until } = request;
  for (;;) {
    const bounds = { ...(after === null ? {} : { after }), ...(until === null ? {} : { until }) };
    const page = await fetch((asker) =>
      desk.mirror.page(
        {
          status: request.status,
          limit: ofAgent === null ? limit : 500,
          direction: request.direction,
          nested: true,
          ...bounds,
          ...(request.symbols.length === 0 ? {} : { symbols: request.symbols }),
          ...(request.side === null ? {} : { side: request.side }),
        },
        asker,
      ),
    );
    if (page === null || page.kind !== 'done') return plain(page, () => '');
    origin = together(origin, page.origin);
    const fresh = page.value.filter((order) => !seen.has(order.id));
    for (const order of fresh) {
      seen.add(order.id);
      if (ofAgent === null || agentOf(order.clientOrderId) === ofAgent) found.push(order.json);
    }
    const last = fresh.at(-1);
    if (ofAgent === null || found.length >= limit || page.value.length < 500 || last === undefined)
      return { kind: 'done', json: array(found.slice(0, limit)), origin };
    if (request.direction === 'asc') after = nextBound(last, 'asc');
    else until = nextBound(last, 'desc');
  }
}

const PLURAL = { quote: 'quotes', bar: 'bars', trade: 'trades' } as const;

async function marketData(desk: Desk, request: MarketDataRequest, fetch: Fetch): Promise<Told | null> {
  const found = new Map<string, unknown>();
  let origin: Origin | null = null;
  for (const part of desk.broker.marketDataPlan(request)) {
    const result = await fetch((asker) => desk.mirror.marketData(part, asker), 'data');
    if (result === null || result.kind !== 'done') return plain(result, () => '');
    origin = together(origin, result.origin);
    for (const [symbol, value] of result.value) found.set(symbol, value);
  }
  const data = Object.fromEntries(
    request.symbols.filter((symbol) => found.has(symbol)).map((symbol) => [symbol, found.get(symbol)]),
  );
  const missing = request.symbols.filter((symbol) => !found.has(symbol));
  return {
    kind: 'done',
    json: JSON.stringify({ [PLURAL[request.dataType]]: data, missing }),
    origin: defined(origin, 'the origin of market data: a request names at least one symbol'),
  };
}

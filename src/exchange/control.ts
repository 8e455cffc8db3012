/**
 * The control interface, `/_control/…`: time, prices, halts, splits, cash, faults and the ledger of an exchange that was
 * started with control. Needs no key. Must never be reachable unless asked for at start.
 */
import { z } from 'zod';
import type { WireRequest } from './api/handle.ts';
import { type ApiAnswer, json, refusal } from './api/route.ts';
import { isoNanos, NANOS_PER_MS, parseNanos } from './clock.ts';
import type { Exchange } from './exchange.ts';
import { faultPlan } from './faults.ts';
import type { MarketChange } from './market/market.ts';

const price = z.union([z.string().regex(/^\d+(\.\d{1,9})?$/), z.number().nonnegative().transform(String)]);
const symbol = z.string().min(1);

const timeChange = z
  .strictObject({
    /** Exchange seconds per second; 0 stops the clock. */
    speed: z.number().min(0).finite().optional(),
    /** Jumps so many milliseconds forward, looking at the market on the way. */
    advance_ms: z.number().int().min(0).optional(),
    /** Jumps forward to this moment, RFC 3339. */
    to: z.string().optional(),
  })
  .refine((value) => Object.keys(value).length > 0, 'one of speed, advance_ms, to is required');

/** `price` jumps there and goes on moving; `bid` and `ask` stay where they are put until released. */
const priceChange = z.union([z.strictObject({ symbol, price }), z.strictObject({ symbol, bid: price, ask: price })]);
const haltChange = z.strictObject({ symbol, halted: z.boolean() });
const splitChange = z.strictObject({
  symbol,
  numerator: z.number().int().min(1),
  denominator: z.number().int().min(1),
});
const cashChange = z.strictObject({ account: z.string(), amount: z.string().regex(/^-?\d+(\.\d{1,2})?$/) });
const faultChange = faultPlan.extend({ seed: z.string().optional() });

type Use<T> = (value: T) => ApiAnswer;

/** Reads the body by `schema`, or answers 400 with every problem named. */
function read<T>(request: WireRequest, schema: z.ZodType<T>, use: Use<T>): ApiAnswer {
  let value: unknown;
  try {
    value = JSON.parse(request.body === '' ? '{}' : request.body);
  } catch {
    return refusal(400, 40010000, 'the body is not JSON');
  }
  const parsed = schema.safeParse(value);
  return parsed.success ? use(parsed.data) : refusal(400, 40010000, z.prettifyError(parsed.error));
}

/** Answers one control request. */
export function control(exchange: Exchange, request: WireRequest): ApiAnswer {
  const url = new URL(request.url, 'http://localhost');
  const handler = HANDLERS[`${request.method} ${url.pathname.replace(/\/$/, '')}`];
  if (handler !== undefined) return handler(exchange, request, url.searchParams);
  return refusal(404, 40410000, `no such control; there are: ${Object.keys(HANDLERS).join(', ')}`);
}

const HANDLERS: Readonly<
  Record<string, (exchange: Exchange, request: WireRequest, query: URLSearchParams) => ApiAnswer>
> = {
  'GET /_control/time': (exchange) => time(exchange),
  'POST /_control/time': (exchange, request) =>
    read(request, timeChange, ({ speed, advance_ms: advance, to }) => {
      const target = to === undefined ? null : parseNanos(to);
      if (to !== undefined && target === null)
        return refusal(400, 40010000, `to: ${to} is not RFC 3339, like 2026-02-13T14:30:00Z`);
      if (speed !== undefined) exchange.clock.setSpeed(speed);
      if (advance !== undefined) exchange.clock.forwardTo(exchange.clock.nanos() + BigInt(advance) * NANOS_PER_MS);
      if (target !== null) exchange.clock.forwardTo(target);
      exchange.catchUp();
      return time(exchange);
    }),
  'POST /_control/prices': (exchange, request) =>
    read(request, priceChange, (value) =>
      change(exchange, 'price' in value ? { kind: 'move', ...value } : { kind: 'hold', ...value }),
    ),
  'DELETE /_control/prices': (exchange, _request, query) =>
    change(exchange, { kind: 'release', symbol: query.get('symbol') ?? '' }),
  'POST /_control/halts': (exchange, request) =>
    read(request, haltChange, ({ symbol: name, halted }) =>
      change(exchange, { kind: halted ? 'halt' : 'resume', symbol: name }),
    ),
  'POST /_control/splits': (exchange, request) =>
    read(request, splitChange, (value) => change(exchange, { kind: 'split', ...value })),
  'POST /_control/cash': (exchange, request) =>
    read(request, cashChange, ({ account, amount }) => {
      if (!exchange.engine.hasAccount(account)) return refusal(404, 40410000, `account ${account} does not exist`);
      exchange.engine.adjustCash(account, amount, exchange.clock.stamp());
      return json(200, exchange.engine.account(account, exchange.clock.stamp()));
    }),
  'GET /_control/accounts': (exchange) => json(200, exchange.accounts()),
  'GET /_control/faults': (exchange) => json(200, { ...exchange.faults.plan, counts: exchange.faults.counts() }),
  'PUT /_control/faults': (exchange, request) =>
    read(request, faultChange, ({ seed, ...plan }) => {
      exchange.setFaults(plan, seed);
      return json(200, plan);
    }),
  'DELETE /_control/faults': (exchange) => {
    exchange.setFaults({});
    return { status: 204, body: '' };
  },
  'GET /_control/ledger': (exchange, _request, query) =>
    json(200, exchange.ledger.after(Number(query.get('after') ?? 0))),
};

const time = (exchange: Exchange): ApiAnswer =>
  json(200, { now: isoNanos(exchange.clock.nanos()), speed: exchange.clock.speed });

function change(exchange: Exchange, wanted: MarketChange): ApiAnswer {
  const reason = exchange.changeMarket(wanted);
  return reason === null ? json(200, wanted) : refusal(422, 42210000, reason);
}

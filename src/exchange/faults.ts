/**
 * Faults on request: which of them a request or a stream event meets, and what they make of an answer. Pure decisions,
 * used by the HTTP server and by any simulated network alike. Must never touch a socket, a timer or the engine.
 */
import { z } from 'zod';
import { chance, fraction, type Random } from '../lib/random.ts';

const delay = z.number().int().min(0).max(600_000);
const lateness = { delay_ms: delay.optional(), jitter_ms: delay.optional() };

/** One fault of a REST answer. `delay_ms` (plus up to `jitter_ms` more) passes before the request is looked at. */
const requestFault = z.discriminatedUnion('kind', [
  /** Only late. `answer_delay_ms` passes after the exchange has acted and before it answers. */
  z.strictObject({ kind: z.literal('latency'), ...lateness, answer_delay_ms: delay.optional() }),
  /** The connection is closed unread: nothing was accepted. `how` is an orderly end or a reset (RST). */
  z.strictObject({ kind: z.literal('refuse'), ...lateness, how: z.enum(['close', 'reset']).default('close') }),
  /** The exchange acts, then the connection ends without an answer. */
  z.strictObject({ kind: z.literal('lose'), ...lateness, how: z.enum(['close', 'reset', 'hang']).default('close') }),
  /** The exchange acts; the body ends after `bytes` although more were announced. */
  z.strictObject({ kind: z.literal('cut'), ...lateness, bytes: z.number().int().min(0).default(20) }),
  /** The exchange acts; the body is not what it answered. */
  z.strictObject({ kind: z.literal('body'), ...lateness, body: z.string(), type: z.string().optional() }),
  /** The exchange acts; the body comes `bytes_per_second` at a time. */
  z.strictObject({ kind: z.literal('slow'), ...lateness, bytes_per_second: z.number().min(0.1).default(1) }),
  /** The exchange acts; the body is padded with blanks to `bytes`. */
  z.strictObject({ kind: z.literal('huge'), ...lateness, bytes: z.number().int().min(1).max(1e9).default(50_000_000) }),
  /** The exchange acts; the content type is another. */
  z.strictObject({ kind: z.literal('content_type'), ...lateness, type: z.string().default('text/plain') }),
  /** The exchange acts; a page of HTML comes with status 200, as from a proxy in between. */
  z.strictObject({ kind: z.literal('html'), ...lateness }),
  /** A status of choice. `accept` says whether the exchange acts before it. */
  z.strictObject({
    kind: z.literal('status'),
    ...lateness,
    status: z.number().int().min(200).max(599),
    accept: z.boolean().default(false),
    body: z.string().optional(),
    headers: z.record(z.string(), z.string()).optional(),
  }),
  /** 429 as Alpaca words it; the data host measurably sends no rate-limit headers, nobody has seen a Retry-After. */
  z.strictObject({
    kind: z.literal('rate_limited'),
    ...lateness,
    headers: z.boolean().default(true),
    retry_after: z.number().int().min(0).optional(),
  }),
  /** Another host is named; nothing was accepted. */
  z.strictObject({
    kind: z.literal('redirect'),
    ...lateness,
    location: z.string(),
    status: z.union([z.literal(301), z.literal(302), z.literal(307), z.literal(308)]).default(307),
  }),
  /** An order is answered 200 and then turned away by the stream (`rejected`). */
  z.strictObject({ kind: z.literal('reject_later'), ...lateness }),
]);
export type RequestFault = z.infer<typeof requestFault>;

/** One fault of an event on a stream. */
const streamFault = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('drop') }),
  z.strictObject({ kind: z.literal('repeat'), times: z.number().int().min(1).max(100).default(1) }),
  /** Held back until `behind` later events have gone out. */
  z.strictObject({ kind: z.literal('reorder'), behind: z.number().int().min(1).max(100).default(1) }),
  /** From this event on the connection stays open and says nothing more, not even a pong. */
  z.strictObject({ kind: z.literal('silence') }),
  z.strictObject({ kind: z.literal('close'), how: z.enum(['close', 'reset']).default('close') }),
  /** A frame that is no JSON goes out instead. */
  z.strictObject({ kind: z.literal('garbage') }),
]);
export type StreamFault = z.infer<typeof streamFault>;

/** When a rule strikes: on numbered matches (1 is the first after the rule was set), on every n-th, or by chance. */
const when = {
  on: z.array(z.number().int().min(1)).min(1).optional(),
  every: z.number().int().min(1).optional(),
  chance: z.number().min(0).max(1).optional(),
  /** Strikes at most so often. */
  times: z.number().int().min(1).optional(),
};

const requestRule = z.strictObject({
  method: z.string().optional(),
  /** Path without query; `*` stands for any run of characters. Absent: every path. */
  path: z.string().optional(),
  /** Strikes only requests of which this is part of the body. */
  body_includes: z.string().optional(),
  ...when,
  fault: requestFault,
});
export type RequestRule = z.infer<typeof requestRule>;

const streamRule = z.strictObject({
  /** `new`, `fill`, …; absent: every event. */
  event: z.string().optional(),
  ...when,
  fault: streamFault,
});

/** Everything that can be set at `/_control/faults`, and in a file. */
export const faultPlan = z.strictObject({
  requests: z.array(requestRule).default([]),
  stream: z.array(streamRule).default([]),
  /** How long a new order stays invisible to look-ups and lists, in milliseconds of exchange time. */
  lookup_lag_ms: z.number().int().min(0).default(0),
  /** False: client_order_id is not checked for uniqueness. */
  unique_client_order_ids: z.boolean().default(true),
  /** How often an eligible order fills only in part at one look at the market; Alpaca's paper does 0.1. */
  partial_fills: z.number().min(0).max(1).default(0),
});
type FaultPlan = z.infer<typeof faultPlan>;
/** A plan as it is written: what is left out is off. */
export type FaultSettings = z.input<typeof faultPlan>;

/** What a rule looks at. */
export interface RequestFacts {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly body: string;
}

interface Timing {
  readonly on?: readonly number[] | undefined;
  readonly every?: number | undefined;
  readonly chance?: number | undefined;
}

function strikes(timing: Timing, n: number, random: Random): boolean {
  if (timing.on && !timing.on.includes(n)) return false;
  if (timing.every && n % timing.every !== 0) return false;
  return timing.chance === undefined || chance(random, timing.chance);
}

/** Whether a pattern with `*` covers the whole text. */
function covers(pattern: string, text: string): boolean {
  const pieces = pattern.split('*').map((piece) => piece.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${pieces.join('.*')}$`).test(text);
}

/** Whether a rule is about this request at all, whatever its timing. */
function concerns(rule: RequestRule, facts: RequestFacts): boolean {
  if (rule.method !== undefined && rule.method.toUpperCase() !== facts.method) return false;
  if (rule.path !== undefined && !covers(rule.path, facts.path)) return false;
  return rule.body_includes === undefined || facts.body.includes(rule.body_includes);
}

/** The fault for the n-th request (1 is the first) that concerns this rule, or null. */
export function decide(rule: RequestRule, facts: RequestFacts, n: number, random: Random): RequestFault | null {
  return concerns(rule, facts) && strikes(rule, n, random) ? rule.fault : null;
}

/** How long this fault holds the request back before anything is done with it, in milliseconds. */
const delayOf = (fault: RequestFault | null, random: Random): number =>
  fault === null ? 0 : (fault.delay_ms ?? 0) + Math.floor((fault.jitter_ms ?? 0) * fraction(random));

/** Whether the exchange gets to act on a request with this fault. */
export function reachesExchange(fault: RequestFault | null): boolean {
  switch (fault?.kind) {
    case 'refuse':
    case 'rate_limited':
    case 'redirect':
      return false;
    case 'status':
      return fault.accept;
    default:
      return true;
  }
}

/** The rules in force, with their counters. The first rule that strikes decides; all that concern a request count it. */
export class Faults {
  #plan: FaultPlan = faultPlan.parse({});
  #random: Random;
  #requestCounts: { seen: number; struck: number }[] = [];
  #streamCounts: { seen: number; struck: number }[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  get plan(): FaultPlan {
    return this.#plan;
  }

  /** Replaces all rules and starts their counters anew. Throws a ZodError on settings that make no plan. */
  set(settings: FaultSettings, random: Random = this.#random): void {
    const plan = faultPlan.parse(settings);
    this.#plan = plan;
    this.#random = random;
    this.#requestCounts = plan.requests.map(() => ({ seen: 0, struck: 0 }));
    this.#streamCounts = plan.stream.map(() => ({ seen: 0, struck: 0 }));
  }

  /** How often each rule was concerned and struck, in the order of the plan. */
  counts(): {
    readonly requests: readonly { seen: number; struck: number }[];
    readonly stream: readonly { seen: number; struck: number }[];
  } {
    return { requests: this.#requestCounts, stream: this.#streamCounts };
  }

  /** The fault that the next request meets, with the delay that is due before anything else. */
  forRequest(facts: RequestFacts): { readonly fault: RequestFault | null; readonly delayMs: number } {
    if (this.#plan.requests.length === 0) return NO_FAULT;
    let fault: RequestFault | null = null;
    for (const [index, rule] of this.#plan.requests.entries()) {
      const count = this.#requestCounts[index];
      if (!count || !concerns(rule, facts)) continue;
      count.seen += 1;
      if (fault !== null || count.struck >= (rule.times ?? Number.POSITIVE_INFINITY)) continue;
      fault = decide(rule, facts, count.seen, this.#random);
      if (fault !== null) count.struck += 1;
    }
    return { fault, delayMs: delayOf(fault, this.#random) };
  }

  /** The fault that the next event of a stream meets. */
  forEvent(event: string): StreamFault | null {
    let fault: StreamFault | null = null;
    for (const [index, rule] of this.#plan.stream.entries()) {
      const count = this.#streamCounts[index];
      if (!count || (rule.event !== undefined && rule.event !== event)) continue;
      count.seen += 1;
      if (fault !== null || count.struck >= (rule.times ?? Number.POSITIVE_INFINITY)) continue;
      if (!strikes(rule, count.seen, this.#random)) continue;
      count.struck += 1;
      fault = rule.fault;
    }
    return fault;
  }
}

const NO_FAULT = { fault: null, delayMs: 0 } as const;

/** A whole HTTP answer. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How an answer travels. Absent marks mean: at once, whole. */
export interface Delivery {
  /** Null: the connection ends without an answer, in the way `end` says. */
  readonly answer: Answer | null;
  readonly end?: 'close' | 'reset' | 'hang';
  readonly answerDelayMs?: number;
  /** The connection ends after so many bytes of the body. */
  readonly cutAfter?: number;
  readonly bytesPerSecond?: number;
}

const HTML = '<html>\r\n<head><title>Please wait</title></head>\r\n<body><h1>Please wait</h1></body>\r\n</html>\r\n';
const JSON_TYPE = { 'Content-Type': 'application/json; charset=UTF-8' };

/** The answer of a fault that keeps the request away from the exchange, or null when the connection just ends. */
function turnedAway(fault: RequestFault): Answer | null {
  switch (fault.kind) {
    case 'rate_limited':
      return {
        status: 429,
        headers: {
          ...JSON_TYPE,
          ...(fault.retry_after === undefined ? {} : { 'Retry-After': String(fault.retry_after) }),
        },
        body: '{"code":42910000,"message":"rate limit exceeded"}',
      };
    case 'redirect':
      return { status: fault.status, headers: { Location: fault.location, ...JSON_TYPE }, body: '' };
    case 'status':
      return {
        status: fault.status,
        headers: { ...JSON_TYPE, ...fault.headers },
        body:
          fault.body ?? JSON.stringify({ message: fault.status === 503 ? 'service unavailable' : 'injected fault' }),
      };
    default:
      return null;
  }
}

/**
 * What reaches the client. `answer` is the exchange's own, or null when the fault kept the request away from it;
 * `common` are the headers that every answer carries (request id, rate limit).
 */
export function deliver(
  fault: RequestFault | null,
  answer: Answer | null,
  common: Readonly<Record<string, string>> = {},
): Delivery {
  if (fault === null) return { answer };
  switch (fault.kind) {
    case 'latency':
      return { answer, answerDelayMs: fault.answer_delay_ms ?? 0 };
    case 'refuse':
    case 'lose':
      return { answer: null, end: fault.how };
    case 'rate_limited':
    case 'redirect':
    case 'status': {
      const away = turnedAway(fault);
      const extra = fault.kind === 'rate_limited' && !fault.headers ? {} : common;
      return { answer: away && { ...away, headers: { ...extra, ...away.headers } } };
    }
    case 'cut':
      return { answer, cutAfter: fault.bytes };
    case 'slow':
      return { answer, bytesPerSecond: fault.bytes_per_second };
    case 'reject_later':
      return { answer };
    case 'body':
    case 'huge':
    case 'content_type':
    case 'html':
      return { answer: answer && disfigured(fault, answer) };
  }
}

function disfigured(fault: RequestFault & { kind: 'body' | 'huge' | 'content_type' | 'html' }, answer: Answer): Answer {
  const type = (value: string) => ({ ...answer.headers, 'Content-Type': value });
  switch (fault.kind) {
    case 'body':
      return { ...answer, body: fault.body, headers: fault.type === undefined ? answer.headers : type(fault.type) };
    case 'huge':
      return { ...answer, body: answer.body.padEnd(fault.bytes, ' ') };
    case 'content_type':
      return { ...answer, headers: type(fault.type) };
    case 'html':
      return { status: 200, headers: type('text/html'), body: HTML };
  }
}

/**
 * What an HTTP answer proves. Must never call something refused or unsent that may have been carried out: whatever is
 * not clearly the one or the other is unknown.
 */
import { isJsonObject, type JsonValue } from '../../lib/json.ts';
import type { Outcome, Rejection } from '../broker.ts';
import type { HttpResult } from './network.ts';
import { refusalName, saysAlreadyCanceled, saysDuplicate } from './refusals.ts';
import { integerOf, readJson, textOf } from './wire-json.ts';

export type Answer = Extract<HttpResult, { kind: 'answer' }>;
export type Call = 'order' | 'cancel' | 'read';

const LONGEST_WAIT_MS = 60_000;
const MAX_TEXT = 2_000;
/** Alpaca's refusals are a few hundred characters; what is far longer is kept as text and cut. */
const MAX_JSON = 50_000;
const MAX_MESSAGE = 500;

/** Statuses with which a broker refuses the very request it has read. All others below 500 that are not named here prove nothing. */
const REFUSALS: ReadonlySet<number> = new Set([400, 403, 405, 413, 415, 422]);

/**
 * Judges everything that is no success; null for a 2xx, whose body the caller must still verify. `call` decides what a
 * 404 and a 422 mean. `nowMs` is wall time, for dates in headers.
 */
export function judge(result: HttpResult, call: Call, nowMs: number): Outcome<never> | null {
  if (result.kind === 'unsent' && result.untrusted) {
    const reason = `the host's certificate is not to be trusted (${result.reason}); check the base URL, the clock and who is on the line`;
    return { kind: 'misconfigured', reason, rejection: null };
  }
  if (result.kind === 'unsent' && result.held) {
    return { kind: 'not_sent', why: 'held', reason: result.reason, retryAfterMs: null };
  }
  if (result.kind === 'unsent') {
    return { kind: 'not_sent', why: 'unreachable', reason: result.reason, retryAfterMs: null };
  }
  if (result.kind === 'lost') return { kind: 'unknown', reason: result.reason };
  const { status } = result;
  if (status >= 200 && status < 300) return null;
  const rejection = rejectionOf(result);
  const told = `the broker answered ${status}: ${rejection.message}`;
  if (status >= 300 && status < 400) {
    return { kind: 'misconfigured', reason: `${told}; redirects are not followed, check the base URL`, rejection };
  }
  if (status === 401) return { kind: 'misconfigured', reason: `${told}; check the API keys`, rejection };
  if (status === 404) return notFound(rejection, call, told);
  if (status === 429) {
    return { kind: 'not_sent', why: 'rate_limited', reason: told, retryAfterMs: retryAfterMs(result, nowMs) };
  }
  if (!REFUSALS.has(status)) return { kind: 'unknown', reason: told, status };
  if (call === 'order' && saysDuplicate(status, rejection.message)) {
    return { kind: 'unknown', reason: `${told} (some order of this account has this id)`, duplicate: true, status };
  }
  return { kind: 'rejected', rejection };
}

/**
 * A 404 to an order means that the endpoint is wrong, unless Alpaca says that the instrument is. To the other calls it
 * means that there is no such order, unless it is not Alpaca's own (a proxy's page is no evidence) or names the endpoint.
 */
function notFound(rejection: Rejection, call: Call, told: string): Outcome<never> {
  const alpacas = isJsonObject(rejection.body as JsonValue | undefined);
  const wrongUrl = `${told}; check the base URL`;
  if (rejection.name === 'endpoint_not_found') return { kind: 'misconfigured', reason: wrongUrl, rejection };
  if (call === 'order' && !(alpacas && rejection.name === 'asset_not_found')) {
    return { kind: 'misconfigured', reason: wrongUrl, rejection };
  }
  return alpacas ? { kind: 'rejected', rejection } : { kind: 'unknown', reason: told, status: 404 };
}

/** True for the refusal of a cancel that means: it is canceled, or about to be. */
export const alreadyCanceled = (outcome: Outcome<never>): boolean =>
  outcome.kind === 'rejected' && outcome.rejection.status === 422 && saysAlreadyCanceled(outcome.rejection.message);

function rejectionOf({ status, headers, body }: Answer): Rejection {
  const json = readJson(body);
  const object = isJsonObject(json) ? json : null;
  const text = textOf(object?.['message']) ?? body.trim();
  const message = (text === '' ? `HTTP ${status} without a body` : text).slice(0, MAX_MESSAGE);
  return {
    status,
    code: integerOf(object?.['code']),
    message,
    body: json !== undefined && body.length <= MAX_JSON ? json : body.slice(0, MAX_TEXT),
    requestId: header(headers, 'x-request-id'),
    name: refusalName(status, message),
  };
}

/** The header, whatever the casing of its name. */
export function header(headers: Answer['headers'], name: string): string | null {
  const found = headers[name] ?? Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
  return found ?? null;
}

const NUMBER = /^-?[0-9]+(?:\.[0-9]+)?(?:[eE][0-9]{1,2})?$/;
// IMF-fixdate, the one form of HTTP dates still sent: "Sun, 06 Nov 1994 08:49:37 GMT".
const HTTP_DATE = /^[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT$/;

/**
 * Milliseconds the broker wants us to wait, to 60,000: `Retry-After` (seconds or date), else `X-RateLimit-Reset` (epoch
 * seconds), else null. Alpaca's data host sends neither. A moment that has passed is no wish: by a clock that is ahead
 * every reset has passed, and all repeats would be used up at once.
 */
function retryAfterMs({ headers }: Pick<Answer, 'headers'>, nowMs: number): number | null {
  const clamped = (ms: number): number | null => (ms > 0 ? Math.ceil(Math.min(LONGEST_WAIT_MS, ms)) : null);
  const wish = header(headers, 'retry-after')?.trim() ?? '';
  if (NUMBER.test(wish)) return clamped(Number(wish) * 1_000);
  if (HTTP_DATE.test(wish)) {
    const at = Date.parse(wish);
    if (!Number.isNaN(at)) return clamped(at - nowMs);
  }
  const resetAt = numberHeader(headers, 'x-ratelimit-reset');
  return resetAt === null ? null : clamped(resetAt * 1_000 - nowMs);
}

export function numberHeader(headers: Answer['headers'], name: string): number | null {
  const text = header(headers, name)?.trim() ?? '';
  return /^[0-9]{1,15}(?:\.[0-9]+)?$/.test(text) ? Number(text) : null;
}

/** The answers that dispatch gives: outcomes of the broker in the words of the contract. Pure. */
import type { Outcome, Rejection } from '../broker/broker.ts';
import type { Answer, Entry } from '../journal/journal.ts';
import { apiError, type OrderError, orderError } from '../order/errors.ts';
import type { Obstacle } from './readiness.ts';

/** So much of Alpaca's words stands in the message; all of them stand in the details. */
const SHOWN = 300;

/**
 * Keys of a refusal's body that are sums over the account, so of all agents together. Its message stands as Alpaca wrote
 * it, and the ids of orders in the way stay: an id says no more than that there is an order. Source: Alpaca docs, 403 of
 * POST /v2/orders.
 */
const SUMS: ReadonlySet<string> = new Set(['existing_qty', 'held_for_orders', 'balance']);

const withoutSums = (body: unknown): unknown =>
  typeof body === 'object' && body !== null && !Array.isArray(body)
    ? Object.fromEntries(Object.entries(body).filter(([key]) => !SUMS.has(key)))
    : body;

/** Alpaca's refusal, its words verbatim in the details. In the message they are text to look at, and command nothing. */
export const refusedByBroker = (rejection: Rejection, hint?: string, more: object = {}): Answer => ({
  error: apiError(
    rejection.name,
    `Alpaca refused: ${visible(rejection.message, SHOWN) || `HTTP ${rejection.status}`}`,
    {
      ...(hint === undefined ? {} : { hint }),
      more: {
        http_status: rejection.status,
        alpaca_code: rejection.code,
        alpaca_message: rejection.message,
        request_id: rejection.requestId,
        body: withoutSums(rejection.body),
        ...more,
      },
    },
  ),
});

export const keysRefused = (outcome: Extract<Outcome<unknown>, { kind: 'misconfigured' }>): Answer => {
  const { rejection } = outcome;
  const code =
    rejection !== null && (rejection.status === 401 || rejection.status === 403)
      ? 'keys_refused'
      : 'broker_misconfigured';
  return {
    error: orderError(code, `nothing can be sent: ${outcome.reason}`, {
      more:
        rejection === null
          ? {}
          : { http_status: rejection.status, alpaca_message: rejection.message, request_id: rejection.requestId },
    }),
  };
};

/** Repeats of one request, the contract's: after a 429, whose wait comes from the broker or doubles, and after a 5xx. */
export const RATE_LIMIT_REPEATS = 5;
export const FAULT_REPEATS = 3;

/** The broker answered with faults, and has been asked often enough. */
export const brokerFault = (reason: string, status: number | null): Answer => ({
  error: apiError('broker_fault', `Alpaca did not give a usable answer: ${reason}`, {
    hint: 'ask again later',
    more: { http_status: status },
  }),
});

/** `refusal`: why it would not be sent by this journal, kept for the day on which nothing of it is found. */
export const doubtful = (entry: Entry, reason: string, hint?: string, refusal?: OrderError): Answer => ({
  error: orderError('in_doubt', `it is not known whether Alpaca has the order: ${reason}`, {
    field: null,
    ...(hint === undefined ? {} : { hint }),
    more: { attempts: entry.attempts, ...(refusal === undefined ? {} : { refusal }) },
  }),
});

/**
 * Why an order was not sent before its time passed: the cause that held it back longest decides the type. `facts` are
 * figures for the details: what was tried, what was spent.
 */
export function notSentInTime(
  cause: 'budget' | 'unreachable' | 'time' | Obstacle,
  sendBy: string,
  facts: Readonly<Record<string, unknown>> = {},
): Answer {
  if (cause === 'budget') {
    const text = `the request budget left no room before ${sendBy}; nothing was sent`;
    return { error: orderError('budget_spent', text, { more: facts }) };
  }
  if (cause === 'unreachable') {
    const text = `Alpaca could not be reached before ${sendBy}; nothing was sent`;
    return { error: orderError('unreachable', text, { more: facts }) };
  }
  if (cause === 'time')
    return { error: orderError('send_by_passed', `send_by ${sendBy} passed before the order could be sent`) };
  if (cause.kind === 'keys')
    return { error: orderError('keys_refused', `${cause.reason}; nothing was sent before ${sendBy}`) };
  return { error: orderError('unreachable', `${cause.reason}; nothing was sent before ${sendBy}`) };
}

/** Why an order in doubt was kept back by this journal; null when it was not. */
export function refusalOf({ answer }: Entry): OrderError | null {
  const refusal = answer !== null && 'error' in answer ? answer.error.details['refusal'] : null;
  // Only `doubtful` and the intake put it there.
  return typeof refusal === 'object' && refusal !== null ? (refusal as OrderError) : null;
}

/** Text of others made safe to look at: what a terminal would obey, or a reader would not see, becomes an escape. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** At most `limit` characters; `\u001b` for an escape character. Never for machines. */
function visible(text: string, limit: number): string {
  const shown = text.slice(0, limit + 1).replace(UNSEEN, (char) => {
    const units = Array.from({ length: char.length }, (_, index) => char.charCodeAt(index));
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
  });
  return shown.length <= limit ? shown : `${shown.slice(0, limit - 1)}…`;
}

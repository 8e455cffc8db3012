/**
 * What every piece of dispatch works with for one mode: the broker, the journal, slots, and the few verbs that combine
 * them. Must never ask the broker for anything without a slot, nor without journaling that the budget was used.
 */
import type { Adoption } from '../broker/adopt.ts';
import type { Outcome } from '../broker/broker.ts';
import type { Haltable } from '../halt/halt.ts';
import type { Halts } from '../halt/halts.ts';
import type { Entry, Host, Journal } from '../journal/journal.ts';
import type { Clock, Micros } from '../lib/clock.ts';
import type { Failpoints } from '../lib/failpoint.ts';
import type { Mirror } from '../mirror/mirror.ts';
import type { OrderError } from '../order/errors.ts';
import { agentOf } from '../order/name.ts';
import { isMarketLike, type Request, type TradeRequest } from '../order/request.ts';
import type { Lane } from './lanes.ts';
import type { Readiness } from './readiness.ts';
import type { Held } from './reducing.ts';
import type { Grant, Slots } from './slots.ts';

export interface DoubtPolicy {
  /** Milliseconds after the last possible byte before a 404 may be believed enough to resend. */
  readonly settleMs: number;
  /** Milliseconds after the last possible byte after which no copy can arrive any more. */
  readonly maxDelayMs: number;
  /** Whether the same id and bytes may be sent again; false for a broker that accepts equal ids twice. */
  readonly resend: boolean;
  /** Longest age of a market-like order, in milliseconds, at which it may still be resent. */
  readonly marketResendMs: number;
  /** What to do with an order that appears after the doubt about it was given up. */
  readonly latePolicy: 'cancel' | 'keep';
}

export interface Desk extends Adoption {
  readonly journal: Journal;
  readonly mirror: Mirror;
  readonly clock: Clock;
  readonly failpoints: Failpoints;
  /** Permission to send, for each host by itself: market data must not hold up orders and cancels, nor pay with their budget. */
  readonly hosts: Readonly<Record<Host, Slots>>;
  readonly readiness: Readiness;
  readonly doubt: DoubtPolicy;
  readonly halts: Halts;
  /** Orders wait while others are in their way, instead of being sent into a refusal. */
  readonly holdsConflicts: boolean;
  /** Orders whose bytes have left and whose answer has not come, by `seq`, as halts look at them. */
  readonly onTheirWay: Map<number, Haltable>;
  /** Why an order that was taken in may not be sent any more, by the limits; null when it may. */
  refused(seq: number, trade: TradeRequest): Promise<OrderError | null>;
  /** What the account holds by the books; null until they were once compared with it. */
  held(): Promise<Held | null>;
  /** The typed request of an entry, read again from its journaled bytes. */
  requestOf(entry: Entry): Request | null;
  /** True while this journal cannot know what an earlier one has sent. */
  suspect(): boolean;
  /** True while a sending that this journal does not know of may still be on its way. */
  strayCopies(): boolean;
  /** No new work: the tower is ending, in order or by a fault. */
  isStopped(): boolean;
  /** The journal failed or an invariant broke: not a byte may leave any more. */
  hasFailed(): boolean;
}

/** Sleeps on the clock; resolves early (true) when `callOff` is used. */
export function pause(clock: Clock, ms: number): { readonly done: Promise<void>; readonly callOff: () => void } {
  let finish = (): void => {};
  let off = (): void => {};
  const done = new Promise<void>((resolve) => {
    finish = resolve;
    off = clock.after(ms, resolve);
  });
  return {
    done,
    callOff: () => {
      off();
      finish();
    },
  };
}

/** A slot; null when the tower stops, or none came free before `deadline` (monotonic milliseconds). */
export async function takeBy(
  desk: Desk,
  host: Host,
  lane: Lane,
  agent: string,
  deadline: number,
): Promise<Grant | null> {
  const waiting = desk.hosts[host].take(lane, agent);
  const stopTimer = Number.isFinite(deadline)
    ? desk.clock.after(deadline - desk.clock.monotonic(), waiting.callOff)
    : () => {};
  const grant = await waiting.granted;
  stopTimer();
  return grant;
}

/**
 * One request that changes nothing at the broker: takes a slot, journals that the budget was used, asks. Null when the
 * tower stops, or no slot came free before `deadline` (monotonic milliseconds).
 */
export async function ask<T>(
  desk: Desk,
  lane: Lane,
  agent: string,
  call: () => Promise<Outcome<T>>,
  deadline = Number.POSITIVE_INFINITY,
  host: Host = 'trading',
): Promise<Outcome<T> | null> {
  const grant = await takeBy(desk, host, lane, agent, deadline);
  if (grant === null) return null;
  try {
    await desk.journal.spend(desk.broker.mode, desk.clock.now(), 1, host);
    if (desk.isStopped()) return null;
    grant.leaves();
    const outcome = await call();
    grant.heard(outcome);
    return outcome;
  } finally {
    grant.release();
  }
}

/** Nothing goes to this host but a probe from time to time. */
export const isUnreachable = (desk: Desk, host: Host): boolean => desk.hosts[host].unreachable !== null;

/** For the details of an answer that nothing was sent: what was tried, or what was spent and who waits for it. */
export function whyUnsent(desk: Desk, host: Host): Readonly<Record<string, unknown>> {
  const { spending, trouble, waiting } = desk.hosts[host].report();
  if (trouble !== null) {
    const { failures, reason, sinceMs } = trouble;
    const seconds = Math.round((desk.clock.monotonic() - sinceMs) / 1000);
    return { tried: { requests_failed: failures, for_seconds: seconds, last_fault: reason } };
  }
  const inLine = Object.values(waiting).flatMap((agents) => Object.values(agents));
  return {
    budget: {
      per_minute: spending.limit,
      spent: spending.spent,
      waiting: inLine.reduce((sum, n) => sum + n, 0),
      foreign: spending.foreign,
    },
  };
}

/** Milliseconds of monotonic time from now until a wall moment; Infinity for none. Taken once, so that a jumping wall clock does no harm. */
export const untilWall = (clock: Clock, at: Micros | null): number =>
  at === null ? Number.POSITIVE_INFINITY : (at - clock.now()) / 1000;

/**
 * The moment (monotonic) after which a trade is not sent because of a fault: doubt about an earlier copy, no connection.
 * Waiting for the budget does not count: that is the agents' own doing, and bounded by `send_by` alone.
 */
export function patience(desk: Desk, entry: Entry, trade: TradeRequest): number {
  const start = desk.clock.monotonic();
  const deadline = start + untilWall(desk.clock, entry.sendBy);
  if (trade.sendBy !== null || !isMarketLike(trade)) return deadline;
  return Math.min(deadline, start + untilWall(desk.clock, entry.receivedAt) + desk.doubt.marketResendMs);
}

const APPEARS_MS = 2000;
const APPEARS_POLL_MS = 25;

/**
 * Waits for an order of the tower's own that is named before its file has come: files may overtake each other. Resolves
 * when its entry is `enough`, or after two seconds.
 */
export async function awaitOwn(
  desk: Desk,
  clientOrderId: string,
  enough: (entry: Entry) => boolean,
  onWait: (callOff: () => void) => void,
): Promise<void> {
  if (agentOf(clientOrderId) === null) return;
  const deadline = desk.clock.monotonic() + APPEARS_MS;
  while (desk.clock.monotonic() < deadline && !desk.isStopped()) {
    const entry = await desk.journal.find({ clientOrderId });
    if (entry !== null && enough(entry)) return;
    const nap = pause(desk.clock, APPEARS_POLL_MS);
    onWait(nap.callOff);
    await nap.done;
  }
}

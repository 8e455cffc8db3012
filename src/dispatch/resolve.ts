/**
 * Ends doubt: looks an order up until there is proof. Must never take "not found" for "does not exist" while a copy may
 * still be on its way, and resends only the same id with the same bytes.
 *
 * While in doubt, look-ups come after ¼, ½, 1, 2, 4, 8, 15, 15, … seconds; once the settle time has passed the order is
 * resent (if that is allowed and its time has not passed) or left unresolved, and looked up after 1, 5, 15, 60, 60 …
 * minutes. Only when the longest time that a copy can travel has passed, and two look-ups a minute apart and the whole
 * list since the first sending lack it, it is called not executed.
 */

import { adopt } from '../broker/adopt.ts';
import { nextBound } from '../broker/paging.ts';
import { haltable } from '../halt/halt.ts';
import type { Entry } from '../journal/journal.ts';
import { isoMicros, micros } from '../lib/clock.ts';
import { orderError } from '../order/errors.ts';
import type { TradeRequest } from '../order/request.ts';
import { ask, type Desk, type DoubtPolicy, patience, pause } from './desk.ts';
import { sendOnce } from './send.ts';
import { doubtful, notSentInTime, refusalOf } from './words.ts';

const LOOKUP_WAITS_MS = [250, 500, 1000, 2000, 4000, 8000, 15_000] as const;
const UNRESOLVED_WAITS_MS = [60_000, 300_000, 900_000, 3_600_000] as const;
const MAX_ATTEMPTS = 3;
const ABSENCES_APART_MS = 60_000;

const isDoubtful = (entry: Entry | null): entry is Entry =>
  entry?.state === 'in_doubt' || entry?.state === 'unresolved';

/** Resolves when the entry is no longer doubtful, or the tower stops. */
export async function resolve(
  desk: Desk,
  seq: number,
  trade: TradeRequest,
  onWait: (callOff: () => void) => void,
): Promise<void> {
  const { clock, doubt } = desk;
  // The last moment at which a byte of ours can have left; after a start that is the start.
  let lastByteAt = clock.monotonic();
  let looks = 0;
  let firstAbsence: number | null = null;
  const first = await desk.journal.find({ seq });
  if (!isDoubtful(first)) return;
  const deadline = patience(desk, first, trade);
  let entry: Entry = first;
  for (;;) {
    const waits = entry.state === 'unresolved' ? UNRESOLVED_WAITS_MS : LOOKUP_WAITS_MS;
    const wait = waits[Math.min(looks, waits.length - 1)] ?? 15_000;
    const nap = pause(clock, Math.min(wait, untilDecision(clock.monotonic() - lastByteAt, doubt)));
    onWait(nap.callOff);
    await nap.done;
    looks++;
    if (entry.attempts === 0 && !desk.suspect()) {
      await neverSent(desk, entry);
      return;
    }
    const outcome = await ask(desk, 'resolve', entry.agent, () => desk.broker.lookup(first.clientOrderId));
    if (outcome === null || desk.isStopped()) return;
    if (outcome.kind === 'done') {
      await adopt(desk, seq, outcome.value, 'd5');
      return;
    }
    const newest = await desk.journal.find({ seq });
    if (!isDoubtful(newest)) return;
    entry = newest;
    if (!(outcome.kind === 'rejected' && outcome.rejection.status === 404)) continue;
    const now = clock.monotonic();
    if (now >= lastByteAt + doubt.maxDelayMs) {
      if (firstAbsence === null) firstAbsence = now;
      else if (now >= firstAbsence + ABSENCES_APART_MS && (await proveAbsence(desk, entry))) return;
      continue;
    }
    if (now < lastByteAt + doubt.settleMs || entry.state === 'unresolved') continue;
    const mayResend =
      doubt.resend &&
      // What this journal has never sent it does not send now: its time had passed, or it was kept back.
      entry.attempts > 0 &&
      entry.attempts < MAX_ATTEMPTS &&
      now < deadline &&
      desk.readiness.obstacle === null &&
      desk.halts.against(haltable(trade)) === null &&
      (await desk.refused(seq, trade)) === null;
    if (!mayResend) {
      entry = await leaveUnresolved(desk, entry);
      looks = 0;
      if (!isDoubtful(entry)) return;
      continue;
    }
    // No more of them on the wire than a halt may leave behind: it is looked up again, and then tried again.
    const answered = desk.hosts.trading.again();
    if (answered === null) continue;
    const grant = await desk.hosts.trading.take('resolve', entry.agent).granted;
    if (grant === null) return answered();
    try {
      const sent = await sendOnce(desk, entry, trade, grant, true);
      if (sent.kind === 'settled') {
        const after = await desk.journal.find({ seq });
        if (!isDoubtful(after)) return;
      }
    } finally {
      grant.release();
      answered();
    }
    lastByteAt = clock.monotonic();
    looks = 0;
  }
}

/**
 * Its time passed before the broker's book was read for the first time, when an earlier journal might have sent it. Now
 * the book has been read, and no earlier journal has traded here.
 */
function neverSent(desk: Desk, entry: Entry): Promise<Entry> {
  return desk.writer.revise(entry.seq, (newest) => {
    if (!isDoubtful(newest)) return null;
    const refusal = refusalOf(newest);
    const patch =
      refusal === null
        ? {
            state: 'expired_unsent' as const,
            answer: notSentInTime('unreachable', isoMicros(newest.sendBy ?? desk.clock.now())),
          }
        : { state: 'refused' as const, answer: { error: refusal } };
    return { patch, events: [{ kind: 'expired', detail: '{}' }], stage: 'd5' };
  });
}

/** Milliseconds until a look-up may decide something more than the last one, `age` milliseconds after the last byte. */
function untilDecision(age: number, { settleMs, maxDelayMs }: DoubtPolicy): number {
  if (age < settleMs) return settleMs - age;
  return age < maxDelayMs ? maxDelayMs - age : ABSENCES_APART_MS;
}

function leaveUnresolved(desk: Desk, entry: Entry): Promise<Entry> {
  return desk.writer.revise(entry.seq, (newest) => {
    if (newest.state !== 'in_doubt') return null;
    const hint = 'it is looked up again and again; this answer changes when there is proof. Do not send it again.';
    return {
      patch: {
        state: 'unresolved',
        doubted: true,
        answer: doubtful(newest, 'Alpaca does not show it, and it may still arrive', hint),
      },
      events: [{ kind: 'unresolved', detail: '{}' }],
      stage: 'd5',
    };
  });
}

/** Reads the whole list since the request was taken in; ends the doubt when the order is in it, or proves that it is not. */
async function proveAbsence(desk: Desk, entry: Entry): Promise<boolean> {
  // A minute of slack: the broker's clock dates the orders, ours dates the request.
  let after = isoMicros(micros(entry.receivedAt - 60_000_000));
  const seen = new Set<string>();
  for (;;) {
    const page = await ask(desk, 'resolve', entry.agent, () =>
      desk.broker.orders({ status: 'all', after, direction: 'asc', limit: 500, nested: true }),
    );
    if (page?.kind !== 'done') return false;
    const ours = page.value.find((order) => order.clientOrderId === entry.clientOrderId);
    if (ours !== undefined) {
      await adopt(desk, entry.seq, ours, 'd5');
      return true;
    }
    const fresh = page.value.filter((order) => !seen.has(order.id));
    for (const order of fresh) seen.add(order.id);
    const last = page.value.at(-1);
    if (page.value.length < 500 || last === undefined) break;
    // A full page of nothing new cannot be paged past: that is no proof.
    if (fresh.length === 0) return false;
    after = nextBound(last, 'asc');
  }
  const ended = await desk.writer.revise(entry.seq, (newest) => {
    if (!isDoubtful(newest)) return null;
    return {
      patch: {
        state: 'not_executed',
        answer: {
          error: orderError('not_executed', 'Alpaca does not have the order, and no copy of it can arrive any more', {
            more: {
              attempts: newest.attempts,
              orders_searched: seen.size,
              searched_since: isoMicros(micros(newest.receivedAt - 60_000_000)),
            },
          }),
        },
      },
      events: [{ kind: 'not_executed', detail: JSON.stringify({ searched: seen.size }) }],
      stage: 'd5',
    };
  });
  return !isDoubtful(ended);
}

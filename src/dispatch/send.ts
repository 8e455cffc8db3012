/**
 * One trade on its way to the broker: waits for its turn, journals the sending, sends, and journals what came back.
 * Must never send a byte that is not journaled, send other bytes than the journaled ones, or call an order unsent or
 * refused while a copy of it may exist.
 */
import { adopt, wireOf } from '../broker/adopt.ts';
import type { BrokerOrder, Outcome } from '../broker/broker.ts';
import { type Halt, haltable, haltError } from '../halt/halt.ts';
import { type Answer, type Entry, type Patch, sendingEvent } from '../journal/journal.ts';
import { isoMicros } from '../lib/clock.ts';
import type { TradeRequest } from '../order/request.ts';
import { type Conflict, conflictError } from '../risk/conflicts.ts';
import { type Desk, isUnreachable, patience, pause, untilWall, whyUnsent } from './desk.ts';
import type { Lane } from './lanes.ts';
import { laneOf } from './reducing.ts';
import type { Grant, Waiting } from './slots.ts';
import { doubtful, keysRefused, notSentInTime, RATE_LIMIT_REPEATS, refusedByBroker } from './words.ts';

/** How often an order that is held back by another one is looked at. */
const CONFLICT_LOOK_MS = 250;
/** How soon the halts are looked at again when the disk does not show them. */
const UNREADABLE_WAIT_MS = 500;
const UNREACHABLE_WAITS_MS = [500, 1000, 2000, 4000, 8000] as const;
/** How often an order that waits for the budget is looked at, once a fault would end its wait. */
const LOOK_AGAIN_MS = 1000;

/**
 * Takes an admitted trade to its first proof or doubt. Resolves when the entry is no longer `admitted`, with true when it
 * is in doubt. `onWait` hands out the means to wake the wait when the entry was cancelled meanwhile. With `begun` its first
 * sending is journaled already, in the turn that was taken for it.
 */
export async function send(
  desk: Desk,
  first: Entry,
  trade: TradeRequest,
  onWait: (callOff: () => void) => void,
  begun: Grant | null = null,
): Promise<boolean> {
  const deadline = desk.clock.monotonic() + untilWall(desk.clock, first.sendBy);
  const faultDeadline = patience(desk, first, trade);
  let unreachable = 0;
  let limited = 0;
  let isLookedUp = false;
  /** What follows from an attempt: whether the order is in doubt, or null to try again. */
  const follow = async (attempt: Sent, turn: Grant): Promise<boolean | null> => {
    if (attempt.kind !== 'again') return attempt.kind === 'doubt';
    isLookedUp ||= attempt.why === 'looked_up';
    if (attempt.why === 'rate_limited' && ++limited > RATE_LIMIT_REPEATS) {
      const newest = await desk.journal.find({ seq: first.seq });
      if (newest?.state !== 'admitted') return newest?.state === 'in_doubt';
      const now = isoMicros(desk.clock.now());
      return giveUpUnsent(desk, newest, notSentInTime('budget', now, whyUnsent(desk, 'trading')));
    }
    if (attempt.why !== 'unreachable') return null;
    turn.release();
    unreachable++;
    // From then on the host's own pauses say when to try again.
    if (isUnreachable(desk, 'trading')) return null;
    const wait = UNREACHABLE_WAITS_MS[Math.min(unreachable, UNREACHABLE_WAITS_MS.length) - 1] ?? 8000;
    const nap = pause(desk.clock, Math.max(0, Math.min(wait, faultDeadline - desk.clock.monotonic())));
    onWait(nap.callOff);
    await nap.done;
    return null;
  };
  if (begun !== null) {
    try {
      const isDoubt = await follow(await carry(desk, first, trade, begun, 1), begun);
      if (isDoubt !== null) return isDoubt;
    } finally {
      begun.release();
    }
  }
  // One that was judged before a halt and journaled after it: neither admission nor the watch has seen both.
  const early = desk.halts.lately(haltable(trade));
  if (early !== null && early !== 'unreadable') return refuseHalted(desk, first, early);
  if (desk.holdsConflicts) {
    const conflict = await outwait(desk, first.seq, deadline, onWait);
    const entry = await desk.journal.find({ seq: first.seq });
    if (entry === null || entry.state !== 'admitted' || desk.isStopped()) return entry?.state === 'in_doubt';
    if (conflict !== null) return endUnsent(desk, entry, 'refused', { error: conflictError(conflict, true) });
  }
  // Nobody waits: then there is nothing to take precedence of, and no need to look at what is held.
  const lane = laneOf(trade, desk.hosts.trading.waiting === 0 ? null : await desk.held());
  for (;;) {
    const turn = await waitForTurn(
      desk,
      lane,
      first.agent,
      unreachable > 0 ? faultDeadline : deadline,
      faultDeadline,
      onWait,
    );
    const entry = await desk.journal.find({ seq: first.seq });
    if (entry === null || entry.state !== 'admitted' || desk.isStopped()) {
      turn.release();
      return entry?.state === 'in_doubt';
    }
    if (turn.kind === 'late') {
      const cause = unreachable > 0 ? 'unreachable' : limited > 0 ? 'budget' : turn.cause;
      const sendBy = isoMicros(entry.sendBy ?? desk.clock.now());
      return giveUpUnsent(desk, entry, notSentInTime(cause, sendBy, whyUnsent(desk, 'trading')));
    }
    // What was counted when it was taken in counts on; but money may have been lost since, or a limit made tighter.
    const error = await desk.refused(entry.seq, trade);
    if (error !== null) {
      turn.unused();
      turn.release();
      return endUnsent(desk, entry, 'refused', { error });
    }
    const halt = desk.halts.lately(haltable(trade));
    if (halt !== null) {
      turn.unused();
      turn.release();
      if (halt !== 'unreadable') return refuseHalted(desk, entry, halt);
      const nap = pause(desk.clock, Math.max(0, Math.min(UNREADABLE_WAIT_MS, deadline - desk.clock.monotonic())));
      onWait(nap.callOff);
      await nap.done;
      continue;
    }
    try {
      const isDoubt = await follow(await sendOnce(desk, entry, trade, turn, isLookedUp, limited + 1), turn);
      if (isDoubt !== null) return isDoubt;
    } finally {
      turn.release();
    }
  }
}

/** Waits while an earlier order is in the way; with that conflict when the deadline comes first, or the wait was called off. */
async function outwait(
  desk: Desk,
  seq: number,
  deadline: number,
  onWait: (callOff: () => void) => void,
): Promise<Conflict | null> {
  let isOver = false;
  for (;;) {
    const conflict = await desk.journal.conflict(seq);
    if (conflict === null || isOver || desk.isStopped() || desk.clock.monotonic() >= deadline) return conflict;
    const nap = pause(desk.clock, Math.min(CONFLICT_LOOK_MS, deadline - desk.clock.monotonic()));
    onWait(() => {
      isOver = true;
      nap.callOff();
    });
    await nap.done;
  }
}

type Turn =
  | ({ readonly kind: 'granted' } & Grant)
  | {
      readonly kind: 'late';
      readonly cause: 'budget' | 'unreachable' | 'time' | NonNullable<Desk['readiness']['obstacle']>;
      release(): void;
    };

/** Waits until trades may go and a slot is free; `late` when the deadline comes first, or when the wait was called off. */
async function waitForTurn(
  desk: Desk,
  lane: Lane,
  agent: string,
  deadline: number,
  faultDeadline: number,
  onWait: (callOff: () => void) => void,
): Promise<Turn> {
  const release = (): void => {};
  for (;;) {
    const { obstacle } = desk.readiness;
    const left = (obstacle === null ? deadline : faultDeadline) - desk.clock.monotonic();
    if (left <= 0) return { kind: 'late', cause: obstacle ?? 'time', release };
    if (obstacle !== null) {
      let calledOff = false;
      await new Promise<void>((resolve) => {
        const forget = desk.readiness.whenReady(resolve);
        const stopTimer = Number.isFinite(left) ? desk.clock.after(left, resolve) : () => {};
        onWait(() => {
          calledOff = true;
          forget();
          stopTimer();
          resolve();
        });
      });
      if (calledOff || desk.isStopped()) return { kind: 'late', cause: 'time', release };
      continue;
    }
    const waiting = desk.hosts.trading.take(lane, agent);
    const stopTimer = endWhenLate(desk, waiting, deadline, faultDeadline);
    onWait(waiting.callOff);
    const grant = await waiting.granted;
    stopTimer();
    if (grant === null)
      return { kind: 'late', cause: isUnreachable(desk, 'trading') ? 'unreachable' : 'budget', release };
    // Timers sleep with the machine: after a suspension a slot may come before the timer that should have ended the wait.
    const isLate = desk.clock.monotonic() >= deadline;
    if (desk.readiness.obstacle === null && !isLate) return { kind: 'granted', ...grant };
    grant.release();
  }
}

/** Calls a wait off in time: earlier while the host cannot be reached, which is a fault and no full budget. */
function endWhenLate(desk: Desk, waiting: Waiting, deadline: number, faultDeadline: number): () => void {
  let off = (): void => {};
  const look = (): void => {
    const now = desk.clock.monotonic();
    if (now >= (isUnreachable(desk, 'trading') ? faultDeadline : deadline)) {
      waiting.callOff();
      return;
    }
    const next = now < faultDeadline ? faultDeadline : Math.min(deadline, now + LOOK_AGAIN_MS);
    if (Number.isFinite(next)) off = desk.clock.after(next - now, look);
  };
  look();
  return () => off();
}

/** An order whose time passed: unsent for certain, or in doubt when an earlier journal may have sent it. */
function giveUpUnsent(desk: Desk, entry: Entry, answer: Answer): Promise<boolean> {
  return endUnsent(desk, entry, 'expired_unsent', answer);
}

/** An order that a halt has met while it waited. It is not kept for later: after a resume nothing goes out by itself. */
export function refuseHalted(desk: Desk, entry: Entry, halt: Halt): Promise<boolean> {
  return endUnsent(desk, entry, 'refused', { error: haltError(halt) });
}

async function endUnsent(
  desk: Desk,
  entry: Entry,
  state: 'expired_unsent' | 'refused',
  answer: Answer,
): Promise<boolean> {
  const after = await desk.writer.revise(entry.seq, (newest) => {
    if (newest.state !== 'admitted') return null;
    const doubted = newest.doubted || desk.suspect();
    return doubted
      ? {
          patch: {
            state: 'in_doubt',
            doubted: true,
            answer: doubtful(
              newest,
              'an earlier journal of this account may have sent it',
              undefined,
              state === 'refused' && 'error' in answer ? answer.error : undefined,
            ),
          },
          events: [{ kind: 'doubt', detail: '{}' }],
          stage: 'd5',
        }
      : {
          patch: { state, answer },
          events: [{ kind: state === 'refused' ? 'kept_back' : 'expired', detail: '{}' }],
          stage: 'd5',
        };
  });
  return after.state === 'in_doubt';
}

/**
 * What became of one attempt: `again` tries anew (`looked_up`: at once, in a slot of its own; `stale`: the entry has moved
 * on), `doubt` is for the look-ups.
 */
type Sent =
  | { readonly kind: 'settled' }
  | { readonly kind: 'doubt' }
  | { readonly kind: 'again'; readonly why: 'unreachable' | 'rate_limited' | 'looked_up' | 'stale' | 'held' };

type Slot = Pick<Grant, 'leaves' | 'heard'>;

/**
 * Journals a sending (D4), sends the journaled bytes, journals the outcome (D5). Needs a granted slot, which is good for
 * one request: where the order must be looked up first, the look-up is all that it does.
 */
export async function sendOnce(
  desk: Desk,
  entry: Entry,
  trade: TradeRequest,
  slot: Slot,
  isLookedUp: boolean,
  nth = 1,
): Promise<Sent> {
  desk.failpoints.hit('k08-before-d4');
  if (!isLookedUp && (entry.doubted || desk.suspect()) && entry.attempts === 0)
    return lookUpFirst(desk, entry, slot, nth);
  const n = entry.attempts + 1;
  const applied = await desk.writer.write(entry, {
    patch: { state: 'sending', attempts: n, ...(desk.strayCopies() ? { doubted: true } : {}) },
    events: [sendingEvent(entry.seq, n)],
    spends: 1,
    stage: 'd4',
  });
  if (applied.kind !== 'applied') return { kind: 'again', why: 'stale' };
  return carry(desk, applied.entry, trade, slot, nth);
}

/** Sends what is journaled as being sent, and journals what became of it. */
async function carry(desk: Desk, entry: Entry, trade: TradeRequest, slot: Slot, nth: number): Promise<Sent> {
  desk.failpoints.hit('k10-d4-done');
  // What is journaled as sent is sent, also while the tower stops; after a fault nothing is.
  if (desk.hasFailed()) return { kind: 'doubt' };
  slot.leaves();
  const answer = desk.broker.submit(wireOf(entry), () => mayLeave(desk, entry, trade));
  desk.failpoints.hit('k11-bytes-out');
  try {
    const outcome = await answer;
    // What was held back says nothing about the host.
    if (outcome.kind !== 'not_sent' || outcome.why !== 'held') slot.heard(outcome, nth);
    return await settle(desk, entry.seq, outcome);
  } finally {
    desk.onTheirWay.delete(entry.seq);
  }
}

/**
 * Asked in the moment before the first byte is written: whoever has put a halt into its folder by then is obeyed, however
 * long the order has waited for a connection since it was journaled.
 */
function mayLeave(desk: Desk, entry: Entry, trade: TradeRequest): boolean {
  const order = haltable(trade);
  if (desk.hasFailed() || desk.halts.against(order) !== null) return false;
  desk.onTheirWay.set(entry.seq, order);
  return true;
}

/** Whatever an earlier journal sent under this id must be found before anything is sent again. */
async function lookUpFirst(desk: Desk, entry: Entry, slot: Slot, nth: number): Promise<Sent> {
  await desk.journal.spend(desk.broker.mode, desk.clock.now(), 1, 'trading');
  slot.leaves();
  const found = await desk.broker.lookup(entry.clientOrderId);
  slot.heard(found, nth);
  if (found.kind === 'done') {
    await adopt(desk, entry.seq, found.value, 'd5');
    return { kind: 'settled' };
  }
  if (found.kind === 'rejected' && found.rejection.status === 404) return { kind: 'again', why: 'looked_up' };
  return { kind: 'again', why: found.kind === 'not_sent' ? found.why : 'unreachable' };
}

/** Journals what an attempt came to. After doubt, a refusal says nothing about the copies sent before it. */
async function settle(desk: Desk, seq: number, outcome: Outcome<BrokerOrder>): Promise<Sent> {
  const detail = JSON.stringify(outcome.kind === 'done' ? { outcome: 'done', order: outcome.value.id } : { outcome });
  const events = [{ kind: 'outcome', detail }];
  switch (outcome.kind) {
    case 'done':
      desk.failpoints.hit('k14-answer-before-d5');
      await adopt(desk, seq, outcome.value, 'd5', events);
      return { kind: 'settled' };
    case 'rejected': {
      desk.failpoints.hit('k16-refusal-before-d5');
      const after = await desk.writer.revise(seq, (entry) => {
        if (entry.state !== 'sending') return null;
        return entry.doubted
          ? { patch: stillInDoubt(entry, 'a copy was refused, an earlier one may stand'), events, stage: 'd5' }
          : { patch: { state: 'rejected', answer: refusedByBroker(outcome.rejection) }, events, stage: 'd5' };
      });
      return after.state === 'in_doubt' ? { kind: 'doubt' } : { kind: 'settled' };
    }
    case 'misconfigured': {
      desk.readiness.block('keys', outcome.reason);
      desk.notice(
        'error',
        `nothing is sent to Alpaca (${desk.broker.mode}): ${outcome.reason}`,
        'check the keys and the base URL, then start the tower again',
      );
      const after = await desk.writer.revise(seq, (entry) => {
        if (entry.state !== 'sending') return null;
        return entry.doubted
          ? { patch: stillInDoubt(entry, outcome.reason), events, stage: 'd5' }
          : // Without an answer of the broker's (a certificate that proves nothing) not a byte of it was sent.
            {
              patch: { state: outcome.rejection === null ? 'refused' : 'rejected', answer: keysRefused(outcome) },
              events,
              stage: 'd5',
            };
      });
      return after.state === 'in_doubt' ? { kind: 'doubt' } : { kind: 'settled' };
    }
    case 'not_sent': {
      if (outcome.why === 'rate_limited') desk.failpoints.hit('k17-limited-before-d5');
      const after = await desk.writer.revise(seq, (entry) => {
        if (entry.state !== 'sending') return null;
        const patch: Patch = entry.doubted ? stillInDoubt(entry, outcome.reason) : { state: 'admitted' };
        return { patch, events, stage: 'd5' };
      });
      if (after.state === 'in_doubt') return { kind: 'doubt' };
      return after.state === 'admitted' ? { kind: 'again', why: outcome.why } : { kind: 'settled' };
    }
    case 'unknown': {
      if (outcome.duplicate) desk.failpoints.hit('k18-duplicate-before-d5');
      const after = await desk.writer.revise(seq, (entry) => {
        if (entry.state !== 'sending') return null;
        return {
          patch: { state: 'in_doubt', doubted: true, answer: doubtful(entry, outcome.reason) },
          events,
          stage: 'd5',
        };
      });
      return after.state === 'in_doubt' ? { kind: 'doubt' } : { kind: 'settled' };
    }
  }
}

/** An answer that already says so is left as it is. */
const stillInDoubt = (entry: Entry, reason: string): Patch => ({
  state: 'in_doubt',
  ...(entry.answer === null ? { answer: doubtful(entry, reason) } : {}),
});

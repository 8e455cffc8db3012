/**
 * Cancels: by look-up, then DELETE; of an order that is not sent yet, by keeping it. Must never say `cancelled` while the
 * order may still come into being, and never cancels another agent's order unless a controller asks.
 */
import type { BrokerOrder, Outcome } from '../broker/broker.ts';
import type { Answer, Entry, Patch } from '../journal/journal.ts';
import { isoMicros } from '../lib/clock.ts';
import { apiError, type OrderError, orderError } from '../order/errors.ts';
import { type AgentId, agentOf } from '../order/name.ts';
import type { CancelRequest } from '../order/request.ts';
import { hasEnded, STATES } from '../order/states.ts';
import { ask, awaitOwn, type Desk, pause, takeBy, untilWall } from './desk.ts';
import {
  brokerFault,
  doubtful,
  FAULT_REPEATS,
  keysRefused,
  notSentInTime,
  RATE_LIMIT_REPEATS,
  refusedByBroker,
} from './words.ts';

/** While the target is on its way or in doubt, it is looked at again this often. */
const TARGET_POLL_MS = 250;
/** So long a cancel that the broker took is watched before the agent is told that it is still pending. */
const CONFIRM_MS = 60_000;
/** So long the stream has to tell of it first. */
const NEWS_MS = 50;

export interface CancelRights {
  /** Whether this agent may cancel orders of `owner` (null: not one of the tower's). */
  may(agent: AgentId, owner: string | null): boolean;
}

type Target =
  | { readonly kind: 'at_broker'; readonly id: string }
  | { readonly kind: 'unsent'; readonly entry: Entry }
  | { readonly kind: 'wait' }
  | { readonly kind: 'end'; readonly state: 'refused' | 'failed' | 'expired_unsent'; readonly answer: Answer }
  | { readonly kind: 'retry'; readonly failed: Failed };

/** What came of a request that has settled nothing; null: there was no slot in time. */
type Failed = Extract<Outcome<unknown>, { kind: 'not_sent' | 'unknown' }> | null;

/** How a cancel ends. Of one that was sent `given_up` and `expired_unsent` say that it is not confirmed. */
interface Ending {
  readonly state: 'answered' | 'failed' | 'refused' | 'expired_unsent' | 'given_up';
  readonly answer: Answer;
}

/** How often one cancel asks again: a 429 and a fault of the broker's so often, a dead line until its time passes. */
class Repeats {
  #limited = 0;
  #faults = 0;
  #others = 0;

  /** Milliseconds until it is asked again, or the answer when it is not. */
  after(failed: Failed): { readonly waitMs: number } | Ending {
    if (failed?.kind === 'not_sent' && failed.why === 'rate_limited') {
      // The host itself is paused.
      if (++this.#limited <= RATE_LIMIT_REPEATS) return { waitMs: 0 };
      return { state: 'refused', answer: { error: apiError('rate_limited', `Alpaca refused: ${failed.reason}`) } };
    }
    if (failed?.kind === 'unknown' && failed.status !== undefined) {
      if (++this.#faults <= FAULT_REPEATS) return { waitMs: 500 * 2 ** this.#faults };
      return { state: 'given_up', answer: brokerFault(failed.reason, failed.status) };
    }
    return { waitMs: Math.min(8000, 500 * 2 ** this.#others++) };
  }
}

/** Takes a cancel to its answer. Resolves when it is answered, or when the tower stops. */
export async function carryOutCancel(
  desk: Desk,
  first: Entry,
  request: CancelRequest,
  rights: CancelRights,
  onWait: (callOff: () => void) => void,
): Promise<void> {
  const deadline = desk.clock.monotonic() + untilWall(desk.clock, first.sendBy);
  const sendBy = isoMicros(first.sendBy ?? desk.clock.now());
  let isPatient = true;
  const repeats = new Repeats();
  while (!desk.isStopped()) {
    const target = await findTarget(desk, request, rights, deadline, isPatient ? onWait : null);
    isPatient = false;
    if (desk.isStopped()) return;
    // An order in doubt is waited for: as soon as it is found it is cancelled, unless the agent itself set an end.
    const patient = target.kind === 'wait' && request.sendBy === null;
    if (!patient && desk.clock.monotonic() >= deadline && target.kind !== 'end') {
      return end(
        desk,
        first.seq,
        'expired_unsent',
        notSentInTime(target.kind === 'wait' ? 'time' : 'unreachable', sendBy),
      );
    }
    let failed: Failed = null;
    switch (target.kind) {
      case 'end':
        return end(desk, first.seq, target.state, target.answer);
      case 'unsent':
        if (await keepUnsent(desk, target.entry)) {
          const { clientOrderId } = target.entry;
          const json = JSON.stringify({ cancelled: true, order_id: null, client_order_id: clientOrderId, order: null });
          return end(desk, first.seq, 'answered', { dataJson: json });
        }
        continue;
      case 'at_broker': {
        const sent = await cancelAtBroker(desk, first, target.id, deadline, onWait);
        if (sent === 'answered') return;
        failed = sent;
        break;
      }
      case 'retry':
        failed = target.failed;
        break;
      case 'wait':
        await rest(desk, TARGET_POLL_MS, onWait);
        continue;
    }
    const next = repeats.after(failed);
    if ('answer' in next) return end(desk, first.seq, next.state, next.answer);
    await rest(desk, next.waitMs, onWait);
  }
}

async function rest(desk: Desk, ms: number, onWait: (callOff: () => void) => void): Promise<void> {
  const nap = pause(desk.clock, ms);
  onWait(nap.callOff);
  await nap.done;
}

async function end(desk: Desk, seq: number, state: Ending['state'], answer: Answer): Promise<void> {
  await desk.writer.revise(seq, (entry) => {
    if (STATES[entry.state].final) return null;
    // Once it was sent, nobody may say that nothing was.
    const wasSent = entry.attempts > 0;
    const isOpen = state === 'expired_unsent' || state === 'given_up';
    const patch: Patch =
      wasSent && isOpen
        ? { state: 'failed', answer: { error: unconfirmed() } }
        : { state: state === 'given_up' || (wasSent && state === 'refused') ? 'failed' : state, answer };
    return { patch, events: [{ kind: 'outcome', detail: '{}' }], stage: 'd5' };
  });
}

const unconfirmed = (): OrderError =>
  apiError('cancel_pending', 'the cancel was sent and Alpaca has not confirmed it: the order may still fill');

/** `onWait`: an order of the tower's own that nobody knows yet is waited for a moment; null: not any more. */
async function findTarget(
  desk: Desk,
  request: CancelRequest,
  rights: CancelRights,
  deadline: number,
  onWait: ((callOff: () => void) => void) | null,
): Promise<Target> {
  const { target } = request;
  const own = await desk.journal.find(
    'alpacaOrderId' in target ? { brokerId: target.alpacaOrderId } : { clientOrderId: target.clientOrderId },
  );
  const isKnown = own !== null && own.mode === desk.broker.mode && own.wire !== null;
  // Another agent's order takes the same way as one that does not exist: neither answer nor time may tell the two apart.
  if (isKnown && rights.may(request.agent, own.agent)) {
    // A leg has the broker's own id; the entry found is that of its parent.
    if (own.brokerId !== null)
      return { kind: 'at_broker', id: 'alpacaOrderId' in target ? target.alpacaOrderId : own.brokerId };
    if (own.state === 'admitted' && !own.doubted && !desk.suspect()) return { kind: 'unsent', entry: own };
    if (!STATES[own.state].final) return { kind: 'wait' };
  }
  const look = () =>
    'alpacaOrderId' in target ? desk.broker.order(target.alpacaOrderId) : desk.broker.lookup(target.clientOrderId);
  const outcome = await ask(desk, 'cancel', request.agent, look, deadline);
  if (outcome === null) return { kind: 'retry', failed: null };
  switch (outcome.kind) {
    case 'done': {
      // A leg has an id of the broker's own making; whose it is says the order that it belongs to.
      const owner = isKnown ? own.agent : agentOf(outcome.value.clientOrderId);
      return rights.may(request.agent, owner)
        ? { kind: 'at_broker', id: outcome.value.id }
        : notYours('alpacaOrderId' in target ? target.alpacaOrderId : target.clientOrderId, request.agent);
    }
    case 'rejected':
      if (onWait !== null && 'clientOrderId' in target && agentOf(target.clientOrderId) !== null) {
        await awaitOwn(desk, target.clientOrderId, () => true, onWait);
        return findTarget(desk, request, rights, deadline, null);
      }
      if ('alpacaOrderId' in target && outcome.rejection.status === 404 && !rights.may(request.agent, null))
        return notYours(target.alpacaOrderId, request.agent);
      return { kind: 'end', state: 'failed', answer: refusedByBroker(outcome.rejection) };
    case 'misconfigured':
      return { kind: 'end', state: 'failed', answer: keysRefused(outcome) };
    case 'not_sent':
    case 'unknown':
      return { kind: 'retry', failed: outcome };
  }
}

/** The one answer for an order of somebody else's and for an order that there is not. */
function notYours(id: string, agent: AgentId): Target {
  const error = apiError('not_found', `agent ${agent} has no order with this id`, {
    field: 'payload',
    got: id,
    allowed: 'the id of an order of your own',
    hint: 'check the id; only an agent with controller: true in the settings may cancel the orders of others',
  });
  return { kind: 'end', state: 'refused', answer: { error } };
}

/** Takes an admitted order back. False when it went out in the same moment. */
async function keepUnsent(desk: Desk, target: Entry): Promise<boolean> {
  const after = await desk.writer.revise(target.seq, (entry) =>
    entry.state !== 'admitted' || entry.doubted
      ? null
      : {
          patch: {
            state: 'cancelled_unsent',
            answer: { error: orderError('cancelled_unsent', 'the order was cancelled before it was sent') },
          },
          events: [{ kind: 'cancelled', detail: '{}' }],
          stage: 'd5',
        },
  );
  return after.state === 'cancelled_unsent';
}

/** Journals and sends one DELETE. */
async function cancelAtBroker(
  desk: Desk,
  first: Entry,
  id: string,
  deadline: number,
  onWait: (callOff: () => void) => void,
): Promise<'answered' | Failed> {
  let failed: Failed = null;
  const grant = await takeBy(desk, 'trading', 'cancel', first.agent, deadline);
  if (grant === null) return null;
  try {
    const sending = await desk.writer.revise(first.seq, (entry) =>
      STATES[entry.state].final
        ? null
        : {
            patch: { state: 'sending', attempts: entry.attempts + 1 },
            events: [{ kind: 'sending', detail: JSON.stringify({ cancel: id }) }],
            spends: 1,
            stage: 'd4',
          },
    );
    if (STATES[sending.state].final) return 'answered';
    if (desk.hasFailed()) return null;
    desk.failpoints.hit('k28-before-cancel');
    grant.leaves();
    const outcome = await desk.broker.cancel(id);
    grant.heard(outcome, sending.attempts);
    switch (outcome.kind) {
      case 'done':
        desk.failpoints.hit('k28-after-cancel');
        break;
      case 'rejected':
        await end(desk, first.seq, 'failed', refusedByBroker(outcome.rejection));
        return 'answered';
      case 'misconfigured':
        await end(desk, first.seq, 'failed', keysRefused(outcome));
        return 'answered';
      case 'not_sent':
        return outcome;
      case 'unknown':
        await desk.writer.revise(first.seq, (entry) =>
          entry.state === 'sending'
            ? {
                patch: { state: 'in_doubt', doubted: true, answer: doubtful(entry, outcome.reason) },
                events: [{ kind: 'outcome', detail: JSON.stringify({ outcome }) }],
                stage: 'd5',
              }
            : null,
        );
        failed = outcome;
        break;
    }
  } finally {
    grant.release();
  }
  const taken = failed === null;
  const until = desk.clock.monotonic() + CONFIRM_MS;
  const isAnswered = await confirm(desk, first, id, taken, taken ? until : Math.min(until, deadline), onWait);
  return isAnswered ? 'answered' : failed;
}

/**
 * Looks at the order after a DELETE until it has ended: Alpaca's yes to a cancel is not yet a cancelled order, which may
 * still fill. `taken`: the broker said that it takes the cancel. False when it must be asked again.
 */
async function confirm(
  desk: Desk,
  first: Entry,
  id: string,
  taken: boolean,
  deadline: number,
  onWait: (callOff: () => void) => void,
): Promise<boolean> {
  // The trade update is mostly there before a look would be.
  if (taken) await rest(desk, NEWS_MS, onWait);
  for (let looks = 0; ; looks++) {
    const order = (await endedHere(desk, id)) ?? (await lookAt(desk, first.agent, id, deadline));
    if (desk.isStopped()) return true;
    if (order !== null && hasEnded(order.status)) {
      await (order.status === 'canceled'
        ? end(desk, first.seq, 'answered', { dataJson: cancelled(id, order) })
        : end(desk, first.seq, 'failed', { error: tooLate(order) }));
      return true;
    }
    const isPending = taken || order?.status === 'pending_cancel';
    if (!isPending) return false;
    if (desk.clock.monotonic() >= deadline) {
      const error = apiError(
        'cancel_pending',
        'Alpaca took the cancel and has not carried it out yet: the order may still fill',
        {
          hint: 'look at the order: its own answer tells how it ends',
          more: { safe_to_resubmit: true, alpaca_order_id: id },
        },
      );
      await end(desk, first.seq, 'failed', { error });
      return true;
    }
    await rest(desk, Math.min(5000, 50 * 2 ** looks), onWait);
  }
}

type Seen = Pick<BrokerOrder, 'status' | 'json' | 'clientOrderId'>;

/** What a trade update has told meanwhile; it costs no request. A leg is told with its parent, so it is asked for. */
async function endedHere(desk: Desk, id: string): Promise<Seen | null> {
  const own = await desk.journal.find({ brokerId: id });
  if (own === null || own.brokerId !== id || own.brokerStatus === null || !hasEnded(own.brokerStatus)) return null;
  const { answer, brokerStatus: status, clientOrderId } = own;
  return answer !== null && 'dataJson' in answer ? { status, json: answer.dataJson, clientOrderId } : null;
}

/** Not in the lane of cancels: this one is sent, and another may wait to be. */
async function lookAt(desk: Desk, agent: string, id: string, deadline: number): Promise<Seen | null> {
  const look = await ask(desk, 'resolve', agent, () => desk.broker.order(id), deadline);
  return look?.kind === 'done' ? look.value : null;
}

const tooLate = (order: Seen) =>
  apiError('not_cancelable', `the order can no longer be cancelled: it is ${order.status}`, {
    more: { order: JSON.parse(order.json) },
  });

const cancelled = (id: string, order: Seen): string =>
  `{"cancelled":true,"order_id":${JSON.stringify(id)},"client_order_id":${JSON.stringify(order.clientOrderId)},"order":${order.json}}`;

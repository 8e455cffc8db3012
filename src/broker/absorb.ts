/**
 * What the broker says about an order → what the journal shall say. Pure; used wherever an order of the broker's is met:
 * in an answer, a look-up, a sweep or a trade update. Must never move an order backwards: older news is recognised by
 * its time and its filled quantity.
 */

import type { Entry, Patch } from '../journal/journal.ts';
import { exact } from '../order/decimal.ts';
import { apiError, type OrderError } from '../order/errors.ts';
import { hasEnded, isLegalMove, type State } from '../order/states.ts';
import type { BrokerOrder } from './broker.ts';

export interface Absorbed {
  readonly patch: Patch;
  readonly legs: readonly string[];
  /** Why the move is one that the table forbids; null when it is legal. */
  readonly anomaly: string | null;
}

/** RFC 3339 in UTC with up to nine decimals, made comparable as text. */
const comparable = (time: string): string => {
  const [whole = '', fraction = ''] = time.replace(/(Z|[+-]00:00)$/, '').split('.');
  return `${whole}.${fraction.padEnd(9, '0')}`;
};

/** How far in its life an order is. Unknown statuses count as open. Source: Alpaca docs, order lifecycle. */
const rank = (status: string): number => {
  if (status === '') return 0;
  if (status === 'pending_new') return 1;
  if (status === 'accepted' || status === 'accepted_for_bidding' || status === 'held') return 2;
  return hasEnded(status) ? 5 : status === 'new' ? 3 : 4;
};

/** An order has ended when it has, and every leg of it. */
const isOver = (order: BrokerOrder): boolean => hasEnded(order.status) && order.legs.every(isOver);

type News = Pick<BrokerOrder, 'status' | 'filledQty' | 'updatedAt'>;

/** Whether `order` is older than what is `known` of the same order. */
export function isOlderNews(order: News, known: News): boolean {
  return isOlder({ filledQty: known.filledQty, brokerUpdatedAt: known.updatedAt, brokerStatus: known.status }, order);
}

function isOlder(entry: Pick<Entry, 'filledQty' | 'brokerUpdatedAt' | 'brokerStatus'>, order: News): boolean {
  if (entry.filledQty !== null && exact(order.filledQty).lt(exact(entry.filledQty))) return true;
  if (entry.brokerUpdatedAt === null || order.updatedAt === '') return false;
  const [now, before] = [comparable(order.updatedAt), comparable(entry.brokerUpdatedAt)];
  // Several steps of one moment arrive in any order: the further one in an order's life is the newer.
  return now < before || (now === before && rank(order.status) < rank(entry.brokerStatus ?? ''));
}

const rejectedLate = (order: BrokerOrder): OrderError =>
  apiError('rejected_after_acceptance', `Alpaca accepted the order and rejected it afterwards (order ${order.id})`, {
    got: order.status,
    more: { order: JSON.parse(order.json) },
  });

/** Null when the news is older than what the journal has, or changes nothing. */
export function absorb(entry: Entry, order: BrokerOrder): Absorbed | null {
  if (isOlder(entry, order)) return null;
  const wasOver = entry.state === 'closed';
  if (wasOver && !hasEnded(order.status)) return null;
  const rejected = order.status === 'rejected';
  const state: State = isOver(order) ? 'closed' : 'working';
  const known = entry.answer !== null && 'dataJson' in entry.answer ? entry.answer.dataJson : null;
  if (entry.state === state && entry.brokerStatus === order.status && known === order.json) return null;
  if (wasOver && entry.brokerStatus === order.status && entry.filledQty === order.filledQty) return null;
  return {
    patch: {
      state,
      brokerId: order.id,
      brokerStatus: order.status,
      filledQty: order.filledQty,
      ...(order.updatedAt === '' ? {} : { brokerUpdatedAt: order.updatedAt }),
      answer: rejected ? { error: rejectedLate(order) } : { dataJson: order.json },
    },
    legs: order.legs.map((leg) => leg.id),
    anomaly:
      isLegalMove(entry.state, state) && !wasOver
        ? null
        : `${entry.state} (${entry.brokerStatus ?? 'never seen'}) → ${order.status}`,
  };
}

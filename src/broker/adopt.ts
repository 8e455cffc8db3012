/**
 * An order of the broker's meets the journal: in an answer, a look-up, a sweep or a trade update. Must never take an
 * order for ours whose terms are not those that were sent, nor move an entry backwards.
 */

import { type Entry, type JournalEvent, unwantedEvent } from '../journal/journal.ts';
import type { Writer, Written } from '../journal/writer.ts';
import { apiError } from '../order/errors.ts';
import { hasEnded, type State } from '../order/states.ts';
import { absorb } from './absorb.ts';
import type { Broker, BrokerOrder, Wire } from './broker.ts';

export interface Adoption {
  readonly broker: Broker;
  readonly writer: Writer;
  /** What happens to an order that appears after it was given up. */
  readonly doubt: { readonly latePolicy: 'cancel' | 'keep' };
  notice(level: 'info' | 'warn' | 'error', text: string, remedy: string): void;
  /** An order appeared after the doubt about it was given up, or after the agent was told that there is none. */
  late(entry: Entry): void;
}

/** States after which an order that appears comes late: the agent was told not to count on it. */
const GIVEN_UP: ReadonlySet<State> = new Set(['unresolved', 'not_executed']);
/** The same, where only an order that is open is news: a broker may keep a refused one in its list. */
const SAID_NO_ORDER: ReadonlySet<State> = new Set(['rejected', 'expired_unsent', 'cancelled_unsent']);

/** The request that an entry's journaled bytes make. */
export const wireOf = (entry: Entry): Wire => ({ method: 'POST', path: '/v2/orders', body: entry.wire ?? '' });

/** Journals what `order` says about the entry. `events` are written with it, also when the order moves nothing. */
export async function adopt(
  to: Adoption,
  seq: number,
  order: BrokerOrder,
  stage: 'd5' | 'd7',
  events: readonly JournalEvent[] = [],
): Promise<Entry> {
  let late = false;
  let conflict = false;
  const after = await to.writer.revise(seq, (entry): Written | null => {
    late = false;
    conflict = false;
    if (entry.brokerId !== null && entry.brokerId !== order.id) {
      // The same client_order_id under two ids of the broker: its uniqueness failed, and a person must know.
      conflict = true;
      return entry.state === 'conflict' ? null : { ...inConflict(entry, order, ['id']), stage };
    }
    const differences = entry.brokerId === null ? to.broker.differences(wireOf(entry), order) : [];
    if (differences.length > 0) {
      conflict = true;
      return entry.state === 'conflict' ? null : { ...inConflict(entry, order, differences), stage };
    }
    const absorbed = absorb(entry, order);
    if (absorbed === null) return events.length === 0 ? null : { patch: {}, events, stage };
    late = GIVEN_UP.has(entry.state) || (SAID_NO_ORDER.has(entry.state) && !hasEnded(order.status));
    const anomaly =
      absorbed.anomaly === null ? [] : [{ kind: 'anomaly', detail: JSON.stringify({ move: absorbed.anomaly }) }];
    const seen = {
      kind: 'order',
      detail: JSON.stringify({ id: order.id, status: order.status, filled_qty: order.filledQty }),
    };
    // With its adoption, so that a tower that ends at this moment still knows what it wants.
    const unwanted = late && to.doubt.latePolicy === 'cancel' ? [unwantedEvent(order.id)] : [];
    const all = [...events, seen, ...anomaly, ...unwanted];
    return { patch: absorbed.patch, legs: absorbed.legs, events: all, stage };
  });
  if (conflict) {
    to.notice(
      'error',
      `${after.clientOrderId}: Alpaca holds another order under this id`,
      'look at the account: somebody else used the id',
    );
  }
  if (late) to.late(after);
  return after;
}

function inConflict(
  entry: Entry,
  order: BrokerOrder,
  differences: readonly string[],
): Pick<Written, 'patch' | 'events'> {
  const error = apiError(
    'conflict_at_broker',
    `Alpaca holds another order under this client_order_id (order ${order.id}); it differs in ${differences.join(', ')}`,
    {
      hint: 'a person must look at the account: somebody else has used this id',
      more: { safe_to_resubmit: false, alpaca_order_id: order.id, differences },
    },
  );
  return {
    // What is known of our own order stays; an answer that has already told of it is not taken back.
    patch: entry.brokerId === null ? { state: 'conflict', answer: { error } } : {},
    events: [
      {
        kind: 'anomaly',
        key: `conflict:${entry.seq}:${order.id}`,
        detail: JSON.stringify({ conflict: order.id, differences }),
      },
    ],
  };
}

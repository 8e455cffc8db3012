/**
 * A broker whose every word about orders, positions and account is heard by the mirror before whoever asked gets to know it. Changes
 * nothing of what is asked or answered.
 */
import type { Account, Broker, BrokerOrder, Outcome, Position } from '../broker/broker.ts';
import type { Moment, Steps } from './moment.ts';
import type { OrderBook, Telling } from './orders.ts';
import type { Said } from './shared.ts';

/** Where what is heard goes. */
export interface Hearers {
  readonly book: OrderBook;
  readonly positions: (said: Said<readonly Position[]>) => void;
  readonly account: (said: Said<Account>) => void;
}

export function observed(broker: Broker, { book, positions, account }: Hearers, steps: Steps): Broker {
  const kept = async <T>(call: Promise<Outcome<T>>, moment: Moment, hear: (said: Said<T>) => void) => {
    const outcome = await call;
    if (outcome.kind === 'done') hear({ value: outcome.value, moment });
    return outcome;
  };
  const heard = async (
    how: Telling,
    call: Promise<Outcome<BrokerOrder>>,
    leftAt: Moment,
  ): Promise<Outcome<BrokerOrder>> => {
    const outcome = await call;
    if (outcome.kind === 'done') book.hear(outcome.value, how, leftAt, steps.next());
    return outcome;
  };
  return {
    mode: broker.mode,
    encode: (trade) => broker.encode(trade),
    differences: (wire, order) => broker.differences(wire, order),
    submit: (wire, mayLeave) => heard('nested', broker.submit(wire, mayLeave), steps.next()),
    lookup: (clientOrderId) => heard('flat', broker.lookup(clientOrderId), steps.next()),
    order: (id) => heard('nested', broker.order(id), steps.next()),
    async cancel(id) {
      const outcome = await broker.cancel(id);
      if (outcome.kind === 'done') book.touch(id, steps.next());
      return outcome;
    },
    async orders(query) {
      const leftAt = steps.next();
      const outcome = await broker.orders(query);
      if (outcome.kind !== 'done') return outcome;
      const now = steps.next();
      // Without nesting, members of a family stand beside their parents.
      for (const order of outcome.value) book.hear(order, query.nested ? 'listed' : 'flat', leftAt, now);
      const { status, nested, direction = 'desc', symbols = [], side, until, after = null, limit = 50 } = query;
      const isAll = status === 'all' && nested && symbols.length === 0 && side === undefined;
      if (isAll && direction === 'desc' && until === undefined) book.reaches(outcome.value, limit, after);
      return outcome;
    },
    account: () => kept(broker.account(), steps.next(), account),
    positions: () => kept(broker.positions(), steps.next(), positions),
    activities: (query) => broker.activities(query),
    marketDataPlan: (request) => broker.marketDataPlan(request),
    marketData: (part) => broker.marketData(part),
    stream: (listener) =>
      broker.stream({
        ...listener,
        update: (update) => {
          book.hear(update.order, 'event', null, steps.next());
          listener.update(update);
        },
      }),
    quotes: (kind, listener) => broker.quotes(kind, listener),
    onBudget: (listener) => broker.onBudget(listener),
    close: () => broker.close(),
  };
}

/**
 * A broker whose every word about orders is also heard by the order book, before whoever asked gets to know it. Changes
 * nothing of what is asked or answered.
 */
import type { Broker, BrokerOrder, Outcome } from '../broker/broker.ts';
import type { Moment, Steps } from './moment.ts';
import type { OrderBook, Telling } from './orders.ts';

export function observed(broker: Broker, book: OrderBook, steps: Steps): Broker {
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
    submit: (wire) => heard('nested', broker.submit(wire), steps.next()),
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
    account: () => broker.account(),
    positions: () => broker.positions(),
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
    onBudget: (listener) => broker.onBudget(listener),
    close: () => broker.close(),
  };
}

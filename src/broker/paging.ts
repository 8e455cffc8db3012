/**
 * Paging through lists of orders: Alpaca's bounds are exclusive, and several orders may carry one moment. The next page
 * therefore begins a millisecond early; who reads pages leaves out what he has seen. Pure.
 */
import { isoMicros, micros } from '../lib/clock.ts';
import type { BrokerOrder } from './broker.ts';

/** `after` (ascending) or `until` (descending) of the page that follows the one that ends with `last`. */
export function nextBound(last: BrokerOrder, direction: 'asc' | 'desc'): string {
  const step = direction === 'asc' ? -1 : 2;
  return isoMicros(micros((Date.parse(last.submittedAt) + step) * 1000));
}

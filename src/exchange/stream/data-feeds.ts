/**
 * The market data feeds that can be streamed: their paths, and the channels that each one has
 * (Alpaca docs: streaming market data). Data only.
 */
import type { Gate } from '../market/hours.ts';

type FeedKind = 'stock' | 'test' | 'crypto' | 'option' | 'news';

export type Channel =
  | 'trades'
  | 'quotes'
  | 'orderbooks'
  | 'bars'
  | 'updatedBars'
  | 'dailyBars'
  | 'statuses'
  | 'lulds'
  | 'imbalances'
  | 'corrections'
  | 'cancelErrors'
  | 'news';

export interface Feed {
  readonly kind: FeedKind;
  /** `sip`, `iex`, `us`, `opra`, … */
  readonly name: string;
  /** What can be subscribed to, in the order of the server's replies. */
  readonly channels: readonly Channel[];
  /** Whose hours a stock's rows keep. */
  readonly gate: Gate;
  /** How far behind the market it runs, in microseconds. */
  readonly delay: number;
}

const STOCK: readonly Channel[] = [
  'trades',
  'quotes',
  'bars',
  'updatedBars',
  'dailyBars',
  'statuses',
  'lulds',
  'imbalances',
  'corrections',
  'cancelErrors',
];
const CRYPTO: readonly Channel[] = ['trades', 'quotes', 'orderbooks', 'bars', 'updatedBars', 'dailyBars'];

const feed = (kind: FeedKind, name: string, channels: readonly Channel[], gate: Gate, delay = 0): Feed => ({
  kind,
  name,
  channels,
  gate,
  delay,
});

const FEEDS: ReadonlyMap<string, Feed> = new Map([
  ['/v2/sip', feed('stock', 'sip', STOCK, 'regular')],
  ['/v2/iex', feed('stock', 'iex', STOCK, 'regular')],
  ['/v2/delayed_sip', feed('stock', 'delayed_sip', STOCK, 'regular', 900_000_000)],
  ['/v2/test', feed('test', 'test', STOCK, 'always')],
  ['/v1beta1/boats', feed('stock', 'boats', STOCK, 'overnight')],
  ['/v1beta1/overnight', feed('stock', 'overnight', STOCK, 'overnight')],
  ['/v1beta1/opra', feed('option', 'opra', ['trades', 'quotes'], 'option')],
  ['/v1beta1/indicative', feed('option', 'indicative', ['trades', 'quotes'], 'option')],
  ['/v1beta1/news', feed('news', 'news', ['news'], 'always')],
  ...['us', 'us-1', 'us-2', 'eu-1', 'bs-1'].map(
    (name) => [`/v1beta3/crypto/${name}`, feed('crypto', name, CRYPTO, 'always')] as const,
  ),
]);

/** The feed that is streamed at a path; undefined when there is none. */
export const feedAt = (path: string): Feed | undefined => FEEDS.get(path.replace(/\/$/, ''));

/** Whether market data is streamed at a path. */
export const isDataStream = (path: string): boolean => feedAt(path) !== undefined;

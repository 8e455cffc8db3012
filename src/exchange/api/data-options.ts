/**
 * Option data over REST: latest rows, snapshots with greeks, chains, history (Alpaca docs: /v1beta1/options).
 * Contracts that do not exist or have expired are absent from an answer, never an error.
 */
import { readTimeframe } from '../market/bars.ts';
import { newYorkDay, newYorkTime, parseDay } from '../market/calendar.ts';
import type { Market } from '../market/market.ts';
import type { ListedContract } from '../market/options.ts';
import { type Stretch, trades } from '../market/tape.ts';
import {
  checkOption,
  checkStock,
  limitParameter,
  microsOf,
  page,
  pageQuery,
  type Read,
  symbolsOf,
  timeParameter,
} from './data-query.ts';
import { checkTimeframe } from './data-stocks.ts';
import { bar, optionQuote, optionTrade, stamped } from './data-wire.ts';
import { type ApiAnswer, type ApiRequest, json, type Route, refusal } from './route.ts';

const MOST_SYMBOLS = 100;
const FEEDS = ['opra', 'indicative'];

/** What narrows down a list of contracts, as the query strings of both hosts say it. */
export interface ContractFilter {
  readonly from: number | null;
  readonly to: number | null;
  readonly type: string | null;
  /** Thousandths of a USD. */
  readonly strikeFrom: number;
  readonly strikeTo: number;
}

/** Reads expiration_date[_gte/_lte], type and strike_price_gte/_lte. */
export function contractFilter(query: URLSearchParams): Read<ContractFilter> {
  const days: Record<string, number | null> = {};
  for (const name of ['expiration_date', 'expiration_date_gte', 'expiration_date_lte']) {
    const text = query.get(name);
    const day = text === null || text === '' ? null : parseDay(text.slice(0, 10));
    if (text && day === null) return { refused: refusal(400, null, `invalid ${name}: ${text} is not YYYY-MM-DD`) };
    days[name] = day;
  }
  const type = query.get('type');
  if (type && type !== 'call' && type !== 'put') return { refused: refusal(400, null, `invalid type: ${type}`) };
  const strike = (name: string, fallback: number): number => {
    const text = query.get(name);
    return text === null || text === '' ? fallback : Number(text) * 1000;
  };
  const [strikeFrom, strikeTo] = [strike('strike_price_gte', 0), strike('strike_price_lte', Number.POSITIVE_INFINITY)];
  if (Number.isNaN(strikeFrom)) return { refused: refusal(400, null, 'invalid strike_price_gte') };
  if (Number.isNaN(strikeTo)) return { refused: refusal(400, null, 'invalid strike_price_lte') };
  const exact = days['expiration_date'] ?? null;
  return {
    value: {
      from: exact ?? days['expiration_date_gte'] ?? null,
      to: exact ?? days['expiration_date_lte'] ?? null,
      type: type || null,
      strikeFrom,
      strikeTo,
    },
  };
}

export const passes = ({ occ }: ListedContract, filter: ContractFilter): boolean =>
  (filter.type === null || occ.type === filter.type) &&
  occ.strike >= filter.strikeFrom &&
  occ.strike <= filter.strikeTo;

export function optionRoutes(market: Market): Route[] {
  /** The contracts that were asked for and still trade. */
  const contracts = (request: ApiRequest): Read<readonly ListedContract[]> => {
    const symbols = symbolsOf(request, checkOption);
    if ('refused' in symbols) return symbols;
    if (symbols.value.length > MOST_SYMBOLS)
      return { refused: refusal(400, null, `too many symbols: at most ${MOST_SYMBOLS} are allowed`) };
    const feed = request.query.get('feed') ?? 'opra';
    if (!FEEDS.includes(feed)) return { refused: refusal(400, null, `invalid feed: ${feed}`) };
    return { value: symbols.value.flatMap((symbol) => market.listed(symbol) ?? []) };
  };
  const alive = (found: readonly ListedContract[], at: bigint) => found.filter((one) => !market.expired(one, at));

  const quoteJson = (symbol: string, at: bigint) => {
    const row = market.quoteRow(symbol, at);
    return row && stamped(row.at, optionQuote(row));
  };
  const tradeJson = (symbol: string, at: bigint) => {
    const row = market.tradeRow(symbol, at);
    return row && stamped(row.at, optionTrade(row));
  };
  const snapshotJson = (one: ListedContract, at: bigint) => {
    const { symbol } = one.contract;
    const instrument = market.instrument(symbol);
    const worth = market.valuation(one, at);
    if (!instrument || !worth) return {};
    const [day, previous] = market.bars.latestDays(instrument, microsOf(at));
    const minute = market.bars.latestMinute(instrument, microsOf(at));
    return {
      ...(day ? { dailyBar: stamped(day.at, bar(day)) } : {}),
      greeks: rounded(worth.greeks),
      impliedVolatility: round4(worth.volatility),
      latestQuote: quoteJson(symbol, at),
      latestTrade: tradeJson(symbol, at),
      ...(minute ? { minuteBar: stamped(minute.at, bar(minute)) } : {}),
      ...(previous ? { prevDailyBar: stamped(previous.at, bar(previous)) } : {}),
    };
  };

  /** A page of snapshots in the order of symbols; the token is the symbol with which the next page begins. */
  const snapshotPage = (request: ApiRequest, found: readonly ListedContract[]): ApiAnswer => {
    const limit = limitParameter(request.query, 100, 1000);
    if ('refused' in limit) return limit.refused;
    const since = timeParameter(request.query, 'updated_since', 0);
    if ('refused' in since) return since.refused;
    const token = request.query.get('page_token');
    const begin = token ? Buffer.from(token, 'base64url').toString() : '';
    const rest = found.filter((one) => one.contract.symbol >= begin);
    const shown = rest.slice(0, limit.value);
    const updated = shown.filter((one) => {
      if (since.value === 0) return true;
      return (market.quoteRow(one.contract.symbol, request.at)?.at ?? 0) >= since.value;
    });
    const next = rest[limit.value];
    return json(200, {
      next_page_token: next ? Buffer.from(next.contract.symbol).toString('base64url') : null,
      snapshots: Object.fromEntries(updated.map((one) => [one.contract.symbol, snapshotJson(one, request.at)])),
    });
  };

  const latest = (name: string, row: (symbol: string, at: bigint) => object | null): Route =>
    route(`/v1beta1/options/${name}/latest`, (request) => {
      const read = contracts(request);
      if ('refused' in read) return read.refused;
      const rows = alive(read.value, request.at).map(({ contract: { symbol } }) => [symbol, row(symbol, request.at)]);
      return json(200, { [name]: Object.fromEntries(rows.filter(([, value]) => value !== null)) });
    });

  const history = (
    name: string,
    list: (
      symbol: string,
      stretch: Stretch,
      request: ApiRequest,
    ) => readonly { readonly at: number; readonly shape: object }[],
    check: (request: ApiRequest) => ApiAnswer | null = () => null,
  ): Route =>
    route(`/v1beta1/options/${name}`, (request) => {
      const read = contracts(request);
      if ('refused' in read) return read.refused;
      const refused = check(request);
      if (refused) return refused;
      const now = microsOf(request.at);
      const symbols = read.value.map((one) => one.contract.symbol);
      const query = pageQuery(request, symbols, newYorkTime(newYorkDay(now / 1000), 0) * 1000, now);
      if ('refused' in query) return query.refused;
      const ends = new Map(read.value.map((one) => [one.contract.symbol, newYorkTime(one.occ.expiry + 1, 0) * 1000]));
      const { rows, next } = page(query.value, (symbol, stretch) =>
        list(symbol, { ...stretch, to: Math.min(stretch.to, ends.get(symbol) ?? 0) }, request),
      );
      const lists = [...rows].map(([symbol, found]) => [symbol, found.map((one) => one.shape)] as const);
      return json(200, { [name]: Object.fromEntries(lists), next_page_token: next });
    });

  return [
    latest('quotes', quoteJson),
    latest('trades', tradeJson),
    route('/v1beta1/options/snapshots', (request) => {
      const read = contracts(request);
      return 'refused' in read ? read.refused : snapshotPage(request, alive(read.value, request.at));
    }),
    route('/v1beta1/options/snapshots/:symbol', (request) => {
      const underlying = request.params['symbol'] ?? '';
      const reason = checkStock(underlying);
      if (reason !== null) return refusal(400, null, reason);
      const filter = contractFilter(request.query);
      if ('refused' in filter) return filter.refused;
      const root = request.query.get('root_symbol');
      const today = newYorkDay(microsOf(request.at) / 1000);
      const { from, to } = filter.value;
      const chain = market.chain(underlying, today, Math.max(from ?? today, today), to ?? Number.POSITIVE_INFINITY);
      const found = root && root !== underlying ? [] : [...chain].filter((one) => passes(one, filter.value));
      return snapshotPage(request, alive(found, request.at));
    }),
    history('trades', (symbol, stretch) => {
      const instrument = market.instrument(symbol);
      const rows = instrument ? trades(instrument, market.hours, stretch) : [];
      return rows.map((row) => ({ at: row.at, shape: stamped(row.at, optionTrade(row)) }));
    }),
    history(
      'bars',
      (symbol, stretch, request) => {
        const instrument = market.instrument(symbol);
        const frame = readTimeframe(request.query.get('timeframe') ?? '');
        if (!instrument || !frame) return [];
        const rows = market.bars.list(instrument, frame, stretch, microsOf(request.at), false);
        return rows.map((row) => ({ at: row.at, shape: stamped(row.at, bar(row)) }));
      },
      checkTimeframe,
    ),
    route('/v1beta1/options/meta/exchanges', () =>
      json(200, { A: 'NYSE American Options', C: 'Cboe Options', Q: 'Nasdaq Options' }),
    ),
    route('/v1beta1/options/meta/conditions/:ticktype', ({ params }) =>
      json(
        200,
        params['ticktype'] === 'quote'
          ? { A: 'Eligible for automatic execution' }
          : { a: 'SLAN - Single Leg Auction Non ISO' },
      ),
    ),
  ];
}

const round4 = (value: number): number => Math.round(value * 1e4) / 1e4;

const rounded = <T extends object>(values: T): Record<string, number> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, round4(Number(value))]));

const route = (path: string, handle: (request: ApiRequest) => ApiAnswer): Route => ({
  method: 'GET',
  path,
  access: 'key',
  host: 'data',
  handle,
});

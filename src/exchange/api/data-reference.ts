/**
 * Reference data of the trading host: assets and option contracts (Alpaca docs: /v2/assets, /v2/options/contracts).
 */
import { dayText, hoursOf, newYorkDay, newYorkTime, previousTradingDay, weekday } from '../market/calendar.ts';
import type { Market } from '../market/market.ts';
import { hash2, hashText } from '../market/noise.ts';
import type { ListedContract } from '../market/options.ts';
import { markAt } from '../market/tape.ts';
import type { Listing } from '../market/universe.ts';
import { contractFilter, passes } from './data-options.ts';
import { isYes, limitParameter, microsOf } from './data-query.ts';
import { type ApiAnswer, type ApiRequest, json, type Route, refusal } from './route.ts';

const scaled = (billionths: bigint): string => {
  const digits = String(billionths).padStart(10, '0');
  const fraction = digits.slice(-9).replace(/0+$/, '');
  return `${digits.slice(0, -9)}${fraction === '' ? '' : `.${fraction}`}`;
};

const MAINTENANCE = { 1: 30, 2: 50, 3: 75 } as const;

function listingJson({ asset }: Listing) {
  const equity = asset.class === 'us_equity';
  const maintenance = asset.marginable ? MAINTENANCE[asset.leverage] : 100;
  return {
    id: asset.id,
    class: asset.class,
    exchange: asset.exchange,
    symbol: asset.symbol,
    name: asset.name,
    status: asset.status,
    tradable: asset.tradable,
    marginable: asset.marginable,
    maintenance_margin_requirement: maintenance,
    margin_requirement_long: String(maintenance),
    margin_requirement_short: String(asset.shortable ? maintenance : 100),
    shortable: asset.shortable,
    easy_to_borrow: asset.easyToBorrow,
    ...(equity ? { borrow_status: asset.easyToBorrow ? 'easy_to_borrow' : 'hard_to_borrow' } : {}),
    fractionable: asset.fractionable,
    attributes: asset.attributes,
    cusip: null,
    ...(asset.minOrderSize === undefined ? {} : { min_order_size: scaled(asset.minOrderSize) }),
    ...(asset.minTradeIncrement === undefined ? {} : { min_trade_increment: scaled(asset.minTradeIncrement) }),
    ...(asset.priceIncrement === undefined ? {} : { price_increment: scaled(asset.priceIncrement) }),
  };
}

function oneAsset(market: Market, symbol: string): ApiAnswer {
  const asset = assetJson(market, symbol);
  return asset ? json(200, asset) : refusal(404, 40410000, `asset not found for ${symbol}`);
}

/** The Asset of Alpaca's API for a symbol or an asset id; null when there is none. */
export function assetJson(market: Market, symbolOrId: string): ReturnType<typeof listingJson> | null {
  const listing = market.listing(market.asset(symbolOrId)?.symbol ?? '');
  return listing ? listingJson(listing) : null;
}

/** A contract as of a moment: expired ones are inactive. */
function contractJson(market: Market, listed: ListedContract, at: bigint, deliverables: boolean) {
  const { contract } = listed;
  const active = !market.expired(listed, at);
  const day = Math.min(previousTradingDay(newYorkDay(microsOf(at) / 1000)), listed.occ.expiry);
  const instrument = market.instrument(contract.symbol);
  const close = instrument ? markAt(instrument, newYorkTime(day, hoursOf(day)?.close ?? 960) * 1000 - 1) : 0;
  return {
    id: contract.id,
    symbol: contract.symbol,
    name: contract.name,
    status: active ? 'active' : 'inactive',
    tradable: active,
    expiration_date: contract.expiry,
    root_symbol: contract.underlying,
    underlying_symbol: contract.underlying,
    underlying_asset_id: contract.underlyingId,
    type: contract.type,
    style: contract.style,
    strike_price: scaled(contract.strike),
    multiplier: String(contract.multiplier),
    size: '100',
    open_interest: String(hash2(hashText(contract.symbol), day) % 5000),
    open_interest_date: dayText(day),
    close_price: scaled(BigInt(Number.isNaN(close) ? 0 : close)),
    close_price_date: dayText(day),
    ppind: true,
    ...(deliverables
      ? {
          deliverables: [
            {
              type: 'equity',
              symbol: contract.underlying,
              asset_id: contract.underlyingId,
              amount: '100',
              allocation_percentage: '100',
              settlement_type: 'T+1',
              settlement_method: 'CCC',
              delayed_settlement: false,
            },
          ],
        }
      : {}),
  };
}

const list = (text: string | null): readonly string[] => (text ? text.split(',').map((item) => item.trim()) : []);

export function referenceRoutes(market: Market): Route[] {
  return [
    route('/v2/assets', ({ query }) => {
      const status = query.get('status');
      const wanted = query.get('asset_class') || 'us_equity';
      const exchange = query.get('exchange');
      const attributes = list(query.get('attributes'));
      const found = [...market.assets()].filter(
        ({ asset }) =>
          (wanted === 'all' || list(wanted).includes(asset.class)) &&
          (!status || status === 'all' || asset.status === status) &&
          (!exchange || asset.exchange === (exchange === 'NYSEARCA' ? 'ARCA' : exchange)) &&
          (attributes.length === 0 || attributes.some((attribute) => asset.attributes.includes(attribute))),
      );
      return json(200, found.map(listingJson));
    }),
    route('/v2/assets/:symbol', ({ params }) => oneAsset(market, params['symbol'] ?? '')),
    // A pair whose slash a client has not encoded.
    route('/v2/assets/:base/:quote', ({ params }) => oneAsset(market, `${params['base']}/${params['quote']}`)),
    route('/v2/options/contracts', (request) => contractPage(market, request)),
    route('/v2/options/contracts/:symbol', ({ params, at }) => {
      const symbol = params['symbol'] ?? '';
      const listed = market.listed(symbol);
      return listed
        ? json(200, contractJson(market, listed, at, true))
        : refusal(404, 40410000, `option contract ${symbol} not found`);
    }),
  ];
}

/** Expired contracts are shown for so many days back when no first day is given. */
const EXPIRED_DAYS = 30;

function contractPage(market: Market, { query, at }: ApiRequest): ApiAnswer {
  const filter = contractFilter(query);
  if ('refused' in filter) return filter.refused;
  const limit = limitParameter(query, 100, 10_000);
  if ('refused' in limit) return limit.refused;
  const status = query.get('status') || 'active';
  if (status !== 'active' && status !== 'inactive') return refusal(422, 40010001, `invalid status: ${status}`);
  const today = newYorkDay(microsOf(at) / 1000);
  const inactive = status === 'inactive';
  const weekend = today + ((6 - weekday(today) + 7) % 7 || 7); // on a weekend, the next one
  const first = filter.value.from ?? (inactive ? today - EXPIRED_DAYS : today);
  const last = filter.value.to ?? (filter.value.from === null ? weekend : Number.POSITIVE_INFINITY);
  const asked = list(query.get('underlying_symbols'));
  const root = query.get('root_symbol');
  const all = [...market.assets()].filter((listing) => listing.options).map((listing) => listing.asset.symbol);
  const underlyings = [...new Set(asked.length > 0 ? asked : all)].filter((symbol) => !root || symbol === root).sort();
  if (query.get('style') === 'european' || query.get('ppind')?.toLowerCase() === 'false') return answer([], null);

  const token = query.get('page_token');
  const begin = token ? Buffer.from(token, 'base64url').toString() : '';
  const deliverables = isYes(query.get('show_deliverables'));
  const rows: ListedContract[] = [];
  for (const underlying of underlyings) {
    for (const one of market.chain(underlying, today, inactive ? first : Math.max(first, today), last)) {
      if (market.expired(one, at) !== inactive || !passes(one, filter.value)) continue;
      if (key(one) < begin) continue;
      rows.push(one);
      if (rows.length > limit.value) break;
    }
    if (rows.length > limit.value) break;
  }
  const next = rows[limit.value];
  return answer(
    rows.slice(0, limit.value).map((one) => contractJson(market, one, at, deliverables)),
    next ? Buffer.from(key(next)).toString('base64url') : null,
  );
}

/** Sorts as the pages run: underlyings by name, then expiry, type and strike. */
const key = ({ contract }: ListedContract): string => `${contract.underlying.padEnd(6)}${contract.symbol}`;

const answer = (contracts: readonly object[], next: string | null): ApiAnswer =>
  json(200, { option_contracts: contracts, next_page_token: next });

const route = (path: string, handle: (request: ApiRequest) => ApiAnswer): Route => ({
  method: 'GET',
  path,
  access: 'key',
  host: 'trading',
  handle,
});

/**
 * All routes that read the market: data for stocks, crypto and options, news, and the reference data of the trading
 * host. Must never change anything.
 */
import type { Market } from '../market/market.ts';
import { calendarRoutes } from './data-calendar.ts';
import { cryptoRoutes } from './data-crypto.ts';
import { optionRoutes } from './data-options.ts';
import { limitParameter } from './data-query.ts';
import { referenceRoutes } from './data-reference.ts';
import { type DataPlan, stockRoutes } from './data-stocks.ts';
import { json, type Route } from './route.ts';

export function dataRoutes(market: Market, plan: DataPlan = {}): readonly Route[] {
  return [
    ...stockRoutes(market, plan),
    ...cryptoRoutes(market),
    ...optionRoutes(market),
    ...referenceRoutes(market),
    ...calendarRoutes(market),
    NEWS,
    CORPORATE_ACTIONS,
  ];
}

/** Nothing is ever written about this market. */
const NEWS: Route = {
  method: 'GET',
  path: '/v1beta1/news',
  access: 'key',
  host: 'data',
  handle: ({ query }) => {
    const limit = limitParameter(query, 10, 50);
    return 'refused' in limit ? limit.refused : json(200, { news: [], next_page_token: null });
  },
};

/** Companies here pay no dividends and do not merge; splits made by hand are not announced. */
const CORPORATE_ACTIONS: Route = {
  method: 'GET',
  path: '/v1/corporate-actions',
  access: 'key',
  host: 'data',
  handle: () => json(200, { corporate_actions: {}, next_page_token: null }),
};

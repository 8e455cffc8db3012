/**
 * The routes of the account: its figures, configurations, activities and portfolio history (Alpaca docs: account).
 * Only translates between HTTP and the engine.
 */
import type { EngineApi } from '../engine/engine.ts';
import { json, type Route } from './route.ts';
import { accountOf, answerOf, queryOf, withBody } from './trading-orders.ts';

export function accountRoutes(engine: EngineApi): Route[] {
  const at = { access: 'key', host: 'trading' } as const;
  return [
    {
      ...at,
      method: 'GET',
      path: '/v2/account',
      handle: (request) => json(200, engine.account(accountOf(request), request.at)),
    },
    {
      ...at,
      method: 'GET',
      path: '/v2/account/configurations',
      handle: (request) => json(200, engine.configurations(accountOf(request))),
    },
    {
      ...at,
      method: 'PATCH',
      path: '/v2/account/configurations',
      handle: (request) =>
        withBody(request, (body) => answerOf(engine.configure(accountOf(request), body, request.at)), 'plain'),
    },
    {
      ...at,
      method: 'GET',
      path: '/v2/account/activities',
      handle: (request) => answerOf(engine.activities(accountOf(request), queryOf(request))),
    },
    {
      ...at,
      method: 'GET',
      path: '/v2/account/activities/:type',
      handle: (request) =>
        answerOf(engine.activities(accountOf(request), queryOf(request), request.params['type'] ?? '')),
    },
    {
      ...at,
      method: 'GET',
      path: '/v2/account/portfolio/history',
      handle: (request) => answerOf(engine.portfolioHistory(accountOf(request), queryOf(request), request.at)),
    },
  ];
}

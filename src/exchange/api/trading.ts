/**
 * The trading host's routes, in one table. Must never know the server that binds them.
 */
import type { EngineApi } from '../engine/engine.ts';
import type { Route } from './route.ts';
import { accountRoutes } from './trading-account.ts';
import { type OrderRouteSettings, orderRoutes, positionRoutes } from './trading-orders.ts';
import { type WatchlistSurroundings, type Watchlists, watchlistRoutes } from './trading-watchlists.ts';

export const tradingRoutes = (
  engine: EngineApi,
  settings: OrderRouteSettings,
  watchlists: Watchlists,
  around: WatchlistSurroundings,
): Route[] => [
  ...orderRoutes(engine, settings),
  ...positionRoutes(engine),
  ...accountRoutes(engine),
  ...watchlistRoutes(watchlists, around),
];

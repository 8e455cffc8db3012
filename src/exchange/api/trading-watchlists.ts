/**
 * Watchlists: named, ordered lists of symbols of an account, reached by id or by name (Alpaca docs: watchlists).
 * Changes are plain values, so that they can be journaled. Must never hold a symbol that the market does not know.
 */
import { isoNanos } from '../clock.ts';
import { type ApiAnswer, type ApiRequest, json, type Route, refusal } from './route.ts';
import { accountOf, notFound, withBody } from './trading-orders.ts';

interface Watchlist {
  readonly id: string;
  readonly account_id: string;
  readonly name: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly symbols: readonly string[];
}

/** The list as it is from now on, or its end. */
export type WatchlistChange = { readonly put: Watchlist } | { readonly drop: string };

export interface WatchlistSurroundings {
  uuid(): string;
  /** The asset object of a symbol or asset id; null when there is none. */
  asset(symbolOrId: string): { readonly symbol: string } | null;
  /** Called once for every change, after it. */
  changed(change: WatchlistChange): void;
}

export class Watchlists {
  readonly #lists = new Map<string, Watchlist>();

  apply(change: WatchlistChange): void {
    if ('put' in change) this.#lists.set(change.put.id, change.put);
    else this.#lists.delete(change.drop);
  }

  /** Changes that make the same lists from nothing. */
  snapshot(): readonly WatchlistChange[] {
    return [...this.#lists.values()].map((put) => ({ put }));
  }

  of(account: string): readonly Watchlist[] {
    return [...this.#lists.values()].filter((list) => list.account_id === account);
  }
}

const SYMBOL_MISSING = refusal(422, 40010001, 'symbol is required');

export function watchlistRoutes(lists: Watchlists, around: WatchlistSurroundings): Route[] {
  const put = (list: Watchlist): ApiAnswer => {
    const change = { put: list };
    lists.apply(change);
    around.changed(change);
    return full(list);
  };
  const drop = (list: Watchlist): ApiAnswer => {
    const change = { drop: list.id };
    lists.apply(change);
    around.changed(change);
    return { status: 204, body: '' };
  };
  const withoutAssets = ({ symbols: _symbols, ...rest }: Watchlist) => rest;
  const full = (list: Watchlist): ApiAnswer =>
    json(200, { ...withoutAssets(list), assets: list.symbols.map((symbol) => around.asset(symbol)).filter(Boolean) });

  /** The list that a request names in its path or, on the colon routes, in its query. */
  const find = (request: ApiRequest): Watchlist | null => {
    const id = request.params['id'];
    const name = request.query.get('name');
    return (
      lists.of(accountOf(request)).find((list) => (id === undefined ? list.name === name : list.id === id)) ?? null
    );
  };
  const withList =
    (use: (list: Watchlist, request: ApiRequest) => ApiAnswer) =>
    (request: ApiRequest): ApiAnswer => {
      const list = find(request);
      return list === null ? notFound('watchlist not found') : use(list, request);
    };

  /** Symbols as the market spells them, each once; an answer when one is unknown. */
  const symbolsOf = (value: unknown): readonly string[] | ApiAnswer => {
    const found: string[] = [];
    for (const item of Array.isArray(value) ? value : []) {
      const asset = typeof item === 'string' ? around.asset(item) : null;
      if (asset === null) return refusal(422, 42210000, `asset "${String(item)}" not found`);
      if (!found.includes(asset.symbol)) found.push(asset.symbol);
    }
    return found;
  };
  /** The name a body asks for; an answer when it is missing, too long or taken by another list. */
  const nameOf = (request: ApiRequest, value: unknown, own: string | null): string | ApiAnswer => {
    if (typeof value !== 'string' || value === '' || value.length > 64)
      return refusal(422, 40010001, 'watchlist name must be 1 to 64 characters');
    const taken = lists.of(accountOf(request)).some((list) => list.name === value && list.id !== own);
    return taken ? refusal(422, 40010001, 'watchlist name must be unique') : value;
  };

  const create = (request: ApiRequest): ApiAnswer =>
    withBody(request, (body) => {
      const name = nameOf(request, body['name'], null);
      if (typeof name !== 'string') return name;
      const symbols = symbolsOf(body['symbols']);
      if ('status' in symbols) return symbols;
      const now = isoNanos(request.at);
      const account = accountOf(request);
      return put({ id: around.uuid(), account_id: account, name, created_at: now, updated_at: now, symbols });
    });
  const replace = withList((list, request) =>
    withBody(request, (body) => {
      const name = body['name'] === undefined ? list.name : nameOf(request, body['name'], list.id);
      if (typeof name !== 'string') return name;
      const symbols = body['symbols'] === undefined ? list.symbols : symbolsOf(body['symbols']);
      if ('status' in symbols) return symbols;
      return put({ ...list, name, symbols, updated_at: isoNanos(request.at) });
    }),
  );
  const add = withList((list, request) =>
    withBody(request, (body) => {
      if (typeof body['symbol'] !== 'string' || body['symbol'] === '') return SYMBOL_MISSING;
      const added = symbolsOf([body['symbol']]);
      if ('status' in added) return added;
      const symbols = [...new Set([...list.symbols, ...added])];
      return put({ ...list, symbols, updated_at: isoNanos(request.at) });
    }),
  );
  const removeSymbol = withList((list, request) => {
    const symbol = around.asset(request.params['symbol'] ?? '')?.symbol;
    if (symbol === undefined || !list.symbols.includes(symbol))
      return notFound(`symbol not found: ${request.params['symbol'] ?? ''}`);
    const symbols = list.symbols.filter((other) => other !== symbol);
    return put({ ...list, symbols, updated_at: isoNanos(request.at) });
  });

  const at = { access: 'key', host: 'trading' } as const;
  const one = '/v2/watchlists/:id';
  const byName = '/v2/watchlists::by_name';
  return [
    {
      ...at,
      method: 'GET',
      path: '/v2/watchlists',
      handle: (request) => json(200, lists.of(accountOf(request)).map(withoutAssets)),
    },
    { ...at, method: 'POST', path: '/v2/watchlists', handle: create },
    ...[one, byName].flatMap((path): Route[] => [
      { ...at, method: 'GET', path, handle: withList(full) },
      { ...at, method: 'PUT', path, handle: replace },
      { ...at, method: 'POST', path, handle: add },
      { ...at, method: 'DELETE', path, handle: withList(drop) },
    ]),
    { ...at, method: 'DELETE', path: '/v2/watchlists/:id/:symbol', handle: removeSymbol },
  ];
}

/**
 * From an HTTP request to its answer, in process and synchronously: credentials, budget, route, headers.
 * Must never open a socket, wait, or let an error of a route out: that is a 500 in Alpaca's shape.
 */
import findMyWay, { type HTTPMethod } from 'find-my-way';
import type { Answer } from '../faults.ts';
import { type Credentials, credentialsOf } from '../keys.ts';
import type { RateLimit } from '../rate-limit.ts';
import { type ApiAnswer, json, type Route, refusal } from './route.ts';

/** A request as it came over the wire. */
export interface WireRequest {
  readonly method: string;
  /** Path with query, still encoded. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

export interface HandleSurroundings {
  /** The account of a pair, opened if it is welcome and new; null when the pair is refused. */
  authenticate(credentials: Credentials): string | null;
  /** The exchange's time of this request; no two requests share one. */
  stamp(): bigint;
  requestId(): string;
  readonly trading: RateLimit;
  readonly data: RateLimit;
  /** A route threw: told here, answered 500. */
  failed(error: unknown, request: WireRequest): void;
}

/** What the gate found out about a request, for the ledger. */
export interface Handled {
  readonly answer: Answer;
  readonly accountId: string | null;
}

export const JSON_TYPE = 'application/json; charset=UTF-8';
const UNAUTHORIZED = json(401, { message: 'unauthorized.' });
const ENDPOINT_NOT_FOUND = refusal(404, 40410000, 'endpoint not found');
/** What Alpaca's proxy answers on the data host, the clock and the calendar when no key came along. */
const UNAUTHORIZED_PAGE: ApiAnswer = {
  status: 401,
  type: 'text/html',
  body:
    '<html>\r\n<head><title>401 Authorization Required</title></head>\r\n<body>\r\n' +
    '<center><h1>401 Authorization Required</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n',
};
const PAGE_PATHS = /^\/v[23]\/(clock|calendar)\b/;

export interface Handler {
  handle(request: WireRequest): Handled;
  /** What takes long in `handle`, in small steps to be done before it; nothing for what is refused or quick. */
  ahead(request: WireRequest): Iterable<unknown>;
}

export function createHandler(routes: readonly Route[], around: HandleSurroundings): Handler {
  const router = findMyWay<findMyWay.HTTPVersion.V1>({ ignoreTrailingSlash: true });
  for (const route of routes) router.on(route.method, route.path, () => {}, route);

  const finish = (answer: ApiAnswer, headers: Readonly<Record<string, string>>, accountId: string | null): Handled => ({
    accountId,
    answer: {
      status: answer.status,
      headers: {
        ...(answer.body === '' && answer.type === undefined ? {} : { 'Content-Type': answer.type ?? JSON_TYPE }),
        'X-Request-ID': around.requestId(),
        ...headers,
        ...answer.headers,
      },
      body: answer.body,
    },
  });

  const parts = ({ url }: WireRequest): { readonly path: string; readonly search: string } => {
    const mark = url.indexOf('?');
    return mark < 0 ? { path: url, search: '' } : { path: url.slice(0, mark), search: url.slice(mark + 1) };
  };

  const ahead = (request: WireRequest): Iterable<unknown> => {
    if (request.method !== 'GET') return [];
    const { path, search } = parts(request);
    const found = router.find(request.method as HTTPMethod, path);
    const route = found?.store as Route | undefined;
    if (!found || route?.ahead === undefined || credentialsOf(request.headers) === 'none') return [];
    const { method, headers, body } = request;
    const params = found.params as Record<string, string>;
    return route.ahead({
      method,
      path,
      params,
      query: new URLSearchParams(search),
      headers,
      body,
      accountId: null,
      at: around.stamp(),
    });
  };

  const handle = (request: WireRequest): Handled => {
    const { path, search } = parts(request);
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const found = router.find(method as HTTPMethod, path);
    const route = found?.store as Route | undefined;

    const credentials = credentialsOf(request.headers);
    let accountId: string | null = null;
    if (credentials !== 'none') {
      accountId = around.authenticate(credentials);
      if (accountId === null) return finish(UNAUTHORIZED, {}, null);
    } else if (route === undefined || route.access === 'key') {
      const page = route?.host === 'data' || PAGE_PATHS.test(path);
      return finish(page ? UNAUTHORIZED_PAGE : UNAUTHORIZED, {}, null);
    }
    if (!found || route === undefined) return finish(ENDPOINT_NOT_FOUND, {}, accountId);

    const data = route.host === 'data';
    const budget = (data ? around.data : around.trading).take(accountId ?? '');
    if (!budget.granted)
      return data
        ? finish(json(429, { message: 'too many requests.' }), {}, accountId)
        : finish(refusal(429, 42910000, 'rate limit exceeded'), budget.headers, accountId);

    try {
      const answer = route.handle({
        method,
        path,
        params: found.params as Record<string, string>,
        query: new URLSearchParams(search),
        headers: request.headers,
        body: request.body,
        accountId,
        at: around.stamp(),
      });
      return finish(answer, budget.headers, accountId);
    } catch (error) {
      around.failed(error, request);
      return finish(refusal(500, 50010000, 'internal server error'), budget.headers, accountId);
    }
  };

  return { handle, ahead };
}

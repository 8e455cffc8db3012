/**
 * What a REST route of the exchange is: a pure step from a request to an answer, listed in tables that the server binds.
 * Must never know about sockets, frameworks or wall time: `at` is the exchange's time of the request.
 */

/** A request after authentication and URL parsing. Header names are in lower case. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  /** Decoded: `BTC%2FUSD` in the URL is `BTC/USD` here. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
  /** The authenticated account; null when the request carries no credentials (wrong ones never get here). */
  readonly accountId: string | null;
  /** Exchange time, nanoseconds since 1970 UTC. */
  readonly at: bigint;
}

export interface ApiAnswer {
  readonly status: number;
  /** JSON text, '' for none. */
  readonly body: string;
  /** Content type; `application/json; charset=UTF-8` when absent. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** A find-my-way pattern, e.g. `/v2/stocks/:symbol/bars`. */
  readonly path: string;
  /** `open` needs no key, but a wrong key is refused there too. */
  readonly access: 'key' | 'open';
  readonly host: 'trading' | 'data';
  handle(request: ApiRequest): ApiAnswer;
  /** What takes long in `handle`, to be done before it in small steps: only its time is seen. May end early, or be left out. */
  ahead?(request: ApiRequest): Iterable<unknown>;
}

/** An answer whose body is `value` as JSON. */
export const json = (status: number, value: unknown): ApiAnswer => ({ status, body: JSON.stringify(value) });

/** An error as Alpaca words it: `{"code", "message"}` plus context keys; without a code where Alpaca sends none (data host). */
export const refusal = (
  status: number,
  code: number | null,
  message: string,
  extra: Readonly<Record<string, unknown>> = {},
): ApiAnswer => json(status, code === null ? { message, ...extra } : { code, message, ...extra });

/**
 * The ledger: every order request that reached the exchange, in order, so that an auditor can judge a client from it
 * alone. Append-only. Must never miss a request because the answer was lost or the connection cut.
 */
import { isoMicros, type Micros } from '../lib/clock.ts';
import type { WireRequest } from './api/handle.ts';
import type { Answer, RequestFault } from './faults.ts';

export interface LedgerEntry {
  /** 1, 2, 3, … */
  readonly n: number;
  /** Real time of arrival. */
  readonly at: string;
  /** Account id; null when the keys were refused or never looked at. */
  readonly account: string | null;
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly body: string;
  /** Of the request's body; null when it names none. */
  readonly client_order_id: string | null;
  /** What the exchange itself answered; null when a fault kept the request away from it. */
  readonly status: number | null;
  /** Whether the exchange did what was asked, whatever the client was told. */
  readonly accepted: boolean;
  /** The order made, or the one that the path names. */
  readonly order_id: string | null;
  /** The fault that this request met on the way in or out; null for none. */
  readonly fault: RequestFault['kind'] | null;
}

const ORDER_PATHS = /^\/v2\/(orders|positions)(\/|\?|:|$)/;

/** Whether a request can change orders and so belongs into the ledger. */
export const isOrderRequest = (request: WireRequest): boolean =>
  request.method !== 'GET' && request.method !== 'HEAD' && ORDER_PATHS.test(request.url);

export class Ledger {
  readonly #entries: LedgerEntry[] = [];
  readonly #keep: boolean;
  readonly #append: ((line: string) => void) | null;
  #n = 0;

  /** `keep` holds the entries in memory; `append` gets each as a line of JSON. */
  constructor(options: { readonly keep: boolean; readonly append: ((line: string) => void) | null }) {
    this.#keep = options.keep;
    this.#append = options.append;
  }

  get enabled(): boolean {
    return this.#keep || this.#append !== null;
  }

  record(
    at: Micros,
    request: WireRequest,
    account: string | null,
    answer: Answer | null,
    fault: RequestFault | null,
  ): void {
    this.#n += 1;
    const entry: LedgerEntry = {
      n: this.#n,
      at: isoMicros(at),
      account,
      method: request.method,
      path: request.url,
      body: request.body,
      client_order_id: textField(request.body, 'client_order_id'),
      status: answer?.status ?? null,
      accepted: answer !== null && answer.status < 300,
      order_id: (answer === null ? null : textField(answer.body, 'id')) ?? orderInPath(request.url),
      fault: fault?.kind ?? null,
    };
    if (this.#keep) this.#entries.push(entry);
    this.#append?.(JSON.stringify(entry));
  }

  /** The entries after the n-th. */
  after(n: number): readonly LedgerEntry[] {
    return this.#entries.slice(Math.max(0, n));
  }
}

/** A text of the JSON object in `body`; null when there is none. */
function textField(body: string, name: string): string | null {
  if (!body.includes(name)) return null;
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== 'object' || value === null) return null;
    const field = (value as Readonly<Record<string, unknown>>)[name];
    return typeof field === 'string' ? field : null;
  } catch {
    return null;
  }
}

const orderInPath = (url: string): string | null => /^\/v2\/orders\/([^/?]+)/.exec(url)?.[1] ?? null;

/**
 * The text of a response file. Pure: the same facts give the same bytes, so any response can be made again.
 * Must never re-write the broker's JSON: it is spliced in as it came.
 */
import { isoMicros, type Micros } from '../lib/clock.ts';
import type { OrderError } from './errors.ts';

type ResponseOutcome = { readonly dataJson: string } | { readonly error: OrderError };

export interface ResponseFacts {
  /** The agent's own reference, or the tower's receipt. */
  readonly requestOrderId: string;
  /** Both null for a file whose name does not name an agent. */
  readonly agent: string | null;
  readonly clientOrderId: string | null;
  /** The moment of this version. */
  readonly at: Micros;
  readonly outcome: ResponseOutcome;
  /** 1, 2, 3… */
  readonly version: number;
  readonly final: boolean;
  readonly sent: 'no' | 'yes' | 'unknown';
  /** For queries: the moment the data is of, and where it was read. */
  readonly query?: { readonly asOf: Micros; readonly source: 'alpaca' | 'mirror' };
  /** Further keys after all others. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** The whole file: the contract's seven keys in order, then the tower's; ends with a newline. `dataJson` must be JSON text. */
export function renderResponse(facts: ResponseFacts): string {
  const { outcome, query } = facts;
  const failed = 'error' in outcome;
  const lines: [string, string][] = [
    ['request_order_id', json(facts.requestOrderId)],
    ['agent_id', json(facts.agent)],
    ['client_order_id', json(facts.clientOrderId)],
    ['timestamp', json(isoMicros(facts.at))],
    ['status', failed ? '"error"' : '"success"'],
    ['data', failed ? 'null' : outcome.dataJson],
    ['error', failed ? JSON.stringify(outcome.error, null, 2).replaceAll('\n', '\n  ') : 'null'],
    ['version', json(facts.version)],
    ['final', json(facts.final)],
    ['sent', json(facts.sent)],
  ];
  if (query !== undefined) lines.push(['as_of', json(isoMicros(query.asOf))], ['source', json(query.source)]);
  for (const [key, value] of Object.entries(facts.extra ?? {})) lines.push([key, json(value)]);
  return `{\n${lines.map(([key, value]) => `  ${json(key)}: ${value}`).join(',\n')}\n}\n`;
}

const json = (value: unknown): string => JSON.stringify(value);

/** Adds `strategy` as the last key of Alpaca's order object, every other byte as it was. */
export function withStrategy(dataJson: string, strategy: string | null): string {
  const end = dataJson.lastIndexOf('}');
  if (end === -1 || !dataJson.trimStart().startsWith('{')) throw new TypeError('not a JSON object');
  const head = dataJson.slice(0, end).trimEnd();
  return `${head}${head.endsWith('{') ? '' : ','}"strategy":${json(strategy)}${dataJson.slice(end)}`;
}

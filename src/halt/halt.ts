/**
 * What a halt is: a file in `data/halt` whose name alone says what stands still, so that an empty file made by hand is as
 * good as one of `tower halt`. Pure. Must never take a name that it does not understand for nothing: such a name halts all.
 *
 *   all · agent.{id} · symbol.{symbol without slash}, each with `.reduce` (what reduces a position may go) and `.cancel`
 *   (open orders are cancelled) behind it when they are wanted
 */
import { type OrderError, orderError } from '../order/errors.ts';
import { isAgentId } from '../order/name.ts';
import type { TradeRequest } from '../order/request.ts';

export const HALT_FOLDER = 'data/halt';
/** In the home itself, for who has nothing but `touch`. */
export const HALT_FILE = 'HALT';

export type HaltScope =
  | { readonly kind: 'all' }
  | { readonly kind: 'agent'; readonly agent: string }
  /** Also options on it. */
  | { readonly kind: 'symbol'; readonly symbol: string };

export interface Halt {
  /** The name of its file. */
  readonly name: string;
  readonly scope: HaltScope;
  readonly reduceOnly: boolean;
  readonly cancels: boolean;
  /** Who, when (RFC 3339) and why, as far as the file says. */
  readonly by: string | null;
  readonly at: string | null;
  readonly reason: string | null;
}

/** Of an order, what a halt looks at. */
export interface Haltable {
  readonly agent: string;
  /** One, or one of each leg. */
  readonly symbols: readonly string[];
  /** It can only make positions smaller. */
  readonly reduces: boolean;
}

/** Sells and closing orders count as reducing; whether enough is held is decided where the positions are known. */
function reduces(trade: TradeRequest): boolean {
  switch (trade.type) {
    case 'optionsingle':
      return trade.positionIntent?.endsWith('_to_close') ?? trade.side === 'sell';
    case 'optionmulti':
      return trade.legs.every((leg) => leg.positionIntent?.endsWith('_to_close') === true);
    default:
      return trade.side === 'sell';
  }
}

export const haltable = (trade: TradeRequest): Haltable => ({
  agent: trade.agent,
  symbols: 'legs' in trade ? trade.legs.map(({ symbol }) => symbol) : [trade.symbol],
  reduces: reduces(trade),
});

/** Symbols are compared without the slash of crypto pairs. */
const plainSymbol = (symbol: string): string => symbol.replace('/', '').toUpperCase();

export function haltName(
  scope: HaltScope,
  flags: { readonly reduceOnly?: boolean; readonly cancels?: boolean } = {},
): string {
  const base =
    scope.kind === 'all'
      ? 'all'
      : scope.kind === 'agent'
        ? `agent.${scope.agent}`
        : `symbol.${plainSymbol(scope.symbol)}`;
  return `${base}${flags.reduceOnly === true ? '.reduce' : ''}${flags.cancels === true ? '.cancel' : ''}`;
}

/** For a person: `everything`, `agent alpha`, `symbol AAPL`. */
export const describeScope = (scope: HaltScope): string =>
  scope.kind === 'all' ? 'everything' : scope.kind === 'agent' ? `agent ${scope.agent}` : `symbol ${scope.symbol}`;

/** The word that a resume must be confirmed with. */
export const wordOf = (scope: HaltScope): string =>
  scope.kind === 'all' ? 'all' : scope.kind === 'agent' ? scope.agent : plainSymbol(scope.symbol);

export const isSameScope = (a: HaltScope, b: HaltScope): boolean => haltName(a) === haltName(b);

function scopeOf(text: string): HaltScope | null {
  if (text === 'all') return { kind: 'all' };
  const [, kind, rest = ''] = /^(agent|symbol)\.(.+)$/.exec(text) ?? [];
  if (kind === 'agent' && isAgentId(rest)) return { kind, agent: rest };
  return kind === 'symbol' && /^[A-Z0-9.]{1,24}$/.test(rest) ? { kind, symbol: rest } : null;
}

/** The halt that a file makes. `text` is its content, if any; whatever is wrong with that, the name counts. */
export function haltOf(name: string, text: string | null): Halt {
  const [, base = '', reduce, cancel] = /^(.+?)(\.reduce)?(\.cancel)?$/.exec(name) ?? [];
  const scope = scopeOf(base);
  const said = read(text);
  return {
    name,
    scope: scope ?? { kind: 'all' },
    reduceOnly: scope !== null && reduce !== undefined,
    cancels: scope !== null && cancel !== undefined,
    by: said['by'] ?? null,
    at: said['at'] ?? null,
    reason: said['reason'] ?? null,
  };
}

/** The content of a file: texts of a JSON object, or a line that a person has written by hand. */
function read(text: string | null): Readonly<Record<string, string>> {
  const line = text?.trim() ?? '';
  if (line === '') return {};
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null) return { reason: line.slice(0, 200) };
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, one]) => (typeof one === 'string' ? [[key, one.slice(0, 200)]] : [])),
    );
  } catch {
    return { reason: line.slice(0, 200) };
  }
}

/** The underlying of an option; adjusted contracts bear a digit behind it. */
const rootOf = (symbol: string): string | null => /^([A-Z.]{1,6})[0-9]?[0-9]{6}[CP][0-9]{8}$/.exec(symbol)?.[1] ?? null;

function isConcerned(scope: HaltScope, order: Haltable): boolean {
  if (scope.kind === 'all') return true;
  if (scope.kind === 'agent') return scope.agent === order.agent;
  const halted = plainSymbol(scope.symbol);
  return order.symbols.some((symbol) => plainSymbol(symbol) === halted || rootOf(symbol) === halted);
}

/** The halt that holds this order back; a whole one before one that lets reductions pass. Null when it may go. */
export function haltAgainst(halts: readonly Halt[], order: Haltable): Halt | null {
  const concerned = halts.filter(({ scope }) => isConcerned(scope, order));
  return concerned.find(({ reduceOnly }) => !reduceOnly) ?? (order.reduces ? undefined : concerned[0]) ?? null;
}

/** What the agent is told. */
export function haltError(halt: Halt): OrderError {
  const what = describeScope(halt.scope);
  const why = halt.reason === null ? '' : `: ${halt.reason}`;
  const more = { scope: what, since: halt.at, by: halt.by, reason: halt.reason };
  return halt.reduceOnly
    ? orderError('reduce_only', `${what} may only reduce positions${why}; nothing was sent`, { more })
    : orderError('halted', `${what} is halted${why}; nothing was sent`, { more });
}

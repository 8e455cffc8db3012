/**
 * How a limit refuses: in the same words and numbers wherever one is reached. Pure. Must never tell an agent a number of the
 * account's: of its limits it hears the name.
 */
import { type Exact, exact } from '../order/decimal.ts';
import { type ErrorCode, type OrderError, orderError } from '../order/errors.ts';
import type { Limits } from '../settings.limits.ts';
import type { Measured } from './measure.ts';
import { ACCOUNT } from './standing.ts';

const ZERO = exact('0');
export type Name = keyof Limits;

export interface Side {
  /** Whose limits: an agent's id, or ACCOUNT. */
  readonly scope: string;
  readonly limits: Limits;
  /** Path of a limit in the settings. */
  name(limit: Name): string;
}

/** Whole cents, never less than it is. */
export const usd = (value: Exact): string => value.round(2, 3).toFixed();
export const text = (value: Exact): string => value.round(9, 3).toFixed();

/** The refusal of a limit. Numbers are the agent's own; of the account's it hears nothing but the name. */
export function reached(
  side: Side,
  code: ErrorCode,
  limit: Name,
  words: string,
  numbers: { readonly asked: Exact; readonly used?: Exact; readonly allowed: Exact } | null,
  place: { readonly field?: string; readonly got?: string; readonly allowed?: string } = {},
): OrderError {
  const name = side.name(limit);
  if (side.scope === ACCOUNT)
    return orderError(code, `a limit of the account is reached (${name})`, { more: { limit: name } });
  if (numbers === null) return orderError(code, words, { ...place, more: { limit: name } });
  const { asked, used = ZERO, allowed } = numbers;
  const left = allowed.minus(used);
  return orderError(code, words, {
    ...place,
    got: text(asked),
    allowed: `at most ${text(allowed)}`,
    more: {
      limit: name,
      asked: text(asked),
      used: text(used),
      at_most: text(allowed),
      left: text(left.lt(ZERO) ? ZERO : left),
    },
  });
}

/** A list that an answer has room for. */
export const few = (names: readonly string[]): string =>
  names.length <= 20 ? names.join(', ') : `${names.slice(0, 20).join(', ')} and ${names.length - 20} more`;

export const isSet = (limits: Limits, ...names: readonly Name[]): boolean =>
  names.some((name) => limits[name] !== null);

export const noPrice = (order: Measured): OrderError =>
  orderError(
    'price_reference',
    `there is no fresh quote of ${order.parts.map(({ symbol }) => symbol).join(', ')}, and without one the order cannot be judged`,
  );

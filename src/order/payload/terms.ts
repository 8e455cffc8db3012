/** Rules that the payloads of trades share: size, prices per order class, price terms. Source: Alpaca docs, orders. */
import { assert, defined } from '../../lib/assert.ts';
import type { Decimal } from '../decimal.ts';
import type { Rule } from '../form.ts';
import type { PositionIntent, Side, Size, Terms } from '../request.ts';

interface SizeFields {
  readonly qty?: Decimal | undefined;
  readonly notional?: Decimal | undefined;
}

export const oneSize: Rule<SizeFields> = {
  text: 'Exactly one of `qty` and `notional`.',
  check(_fields, { given, refuse }) {
    if (given('qty') && given('notional'))
      refuse('qty_or_notional', 'notional', 'and qty are both given; exactly one is needed');
    if (!given('qty') && !given('notional'))
      refuse('qty_or_notional', 'qty', 'or notional is required', { allowed: 'exactly one' });
  },
};

export const sizeOf = ({ qty, notional }: SizeFields): Size =>
  qty === undefined ? { notional: defined(notional, 'notional') } : { qty };

export interface PriceFields {
  readonly limit_price?: Decimal | undefined;
  readonly stop_price?: Decimal | undefined;
  readonly trail_price?: Decimal | undefined;
  readonly trail_percent?: Decimal | undefined;
}
const PRICES = ['limit_price', 'stop_price', 'trail_price', 'trail_percent'] as const;
type PriceName = keyof PriceFields;

/** The prices that an order class needs all of. `trailing_stop` needs exactly one of its two. */
export const PRICES_BY_CLASS: Readonly<Record<string, readonly PriceName[]>> = {
  market: [],
  limit: ['limit_price'],
  stop: ['stop_price'],
  stop_limit: ['stop_price', 'limit_price'],
  trailing_stop: ['trail_price', 'trail_percent'],
  oco: [],
};

/** `kindField` is the field that names the class: `order_class`, or `type` in multi-leg orders. */
export function pricesFor<Kind extends string>(kindField: Kind): Rule<PriceFields & { readonly [K in Kind]?: string }> {
  return {
    text: `Prices by \`${kindField}\`: each needs its own and refuses the others (see Prices).`,
    check(fields, { given, refuse }) {
      const kind: string | undefined = fields[kindField];
      const needs = kind === undefined ? undefined : PRICES_BY_CLASS[kind];
      if (kind === undefined || needs === undefined) return;
      for (const price of PRICES) {
        if (given(price) && !needs.includes(price))
          refuse('price_forbidden', price, `is not used when ${kindField} is ${kind}`);
      }
      const missing = needs.filter((price) => !given(price));
      if (kind === 'trailing_stop') {
        if (missing.length === 1) return;
        const says = missing.length === 0 ? 'and trail_percent are both given' : 'or trail_percent is required';
        refuse('price_combination', 'trail_price', `${says} when ${kindField} is trailing_stop`, {
          allowed: 'exactly one of the two',
        });
        return;
      }
      const code = kind === 'stop_limit' ? 'price_combination' : 'price_missing';
      for (const price of missing) {
        refuse(code, price, `is required when ${kindField} is ${kind}`, { allowed: 'decimal > 0' });
      }
    },
  };
}

export function termsOf(
  kind: 'market' | 'limit' | 'stop' | 'stop_limit' | 'trailing_stop',
  fields: PriceFields,
): Terms {
  switch (kind) {
    case 'market':
      return { type: kind };
    case 'limit':
      return { type: kind, limitPrice: defined(fields.limit_price, 'limit_price') };
    case 'stop':
      return { type: kind, stopPrice: defined(fields.stop_price, 'stop_price') };
    case 'stop_limit':
      return {
        type: kind,
        stopPrice: defined(fields.stop_price, 'stop_price'),
        limitPrice: defined(fields.limit_price, 'limit_price'),
      };
    case 'trailing_stop': {
      if (fields.trail_price !== undefined) return { type: kind, trail: { price: fields.trail_price } };
      assert(fields.trail_percent !== undefined, 'a trailing stop has a trail');
      return { type: kind, trail: { percent: fields.trail_percent } };
    }
  }
}

interface IntentFields {
  readonly side?: Side;
  readonly position_intent?: PositionIntent | undefined;
}

/** The intent, when it contradicts the side. */
export const contradictsSide = ({ side, position_intent: intent }: IntentFields): boolean =>
  side !== undefined && intent !== undefined && !intent.startsWith(`${side}_`);

export const intentAgrees: Rule<IntentFields> = {
  text: '`position_intent` begins with the `side`.',
  check(fields, { refuse }) {
    if (contradictsSide(fields))
      refuse('intent', 'position_intent', `contradicts side ${fields.side}`, {
        allowed: `${fields.side}_to_open or ${fields.side}_to_close`,
      });
  },
};

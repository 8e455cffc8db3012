/** Payloads of `optionsingle` and `optionmulti`. Source of the rules: Alpaca docs, options trading and options level 3. */
import * as z from 'zod';
import { assert } from '../../lib/assert.ts';
import type { Decimal } from '../decimal.ts';
import { choice, netPrice, optionPrice, optionSymbol, ratio, wholeQuantity } from '../fields.ts';
import { type FieldsOf, form, nested, type Rule } from '../form.ts';
import type { Envelope, MultiLegTrade, OptionLeg, OptionTrade } from '../request.ts';
import { strategyOf } from '../strategy.ts';
import { optionContract } from '../symbol.ts';
import { contradictsSide, intentAgrees, pricesFor, termsOf } from './terms.ts';

const side = choice('side', ['buy', 'sell']);
const intent = choice('choice', ['buy_to_open', 'buy_to_close', 'sell_to_open', 'sell_to_close']);

const singleShape = {
  symbol: optionSymbol,
  qty: wholeQuantity,
  side,
  order_class: choice('order_class', ['market', 'limit', 'stop', 'stop_limit']),
  limit_price: optionPrice.optional(),
  stop_price: optionPrice.optional(),
  time_in_force: choice('tif', ['day', 'gtc'], ['ioc', 'fok', 'opg', 'cls']),
  position_intent: intent.optional(),
};
type SingleFields = z.output<z.ZodObject<typeof singleShape, z.core.$strict>>;

const dayOrGtc: Rule<SingleFields> = {
  text: '`time_in_force` is `day` or `gtc`.',
  check({ time_in_force: tif }, { refuse }) {
    if (tif === undefined || tif === 'day' || tif === 'gtc') return;
    refuse('tif_combination', 'time_in_force', `${tif} is not possible for options`, { allowed: 'day or gtc' });
  },
};

export const optionsingle = form(singleShape, [pricesFor('order_class'), dayOrGtc, intentAgrees]);

export function optionTrade(fields: FieldsOf<typeof optionsingle>, envelope: Envelope): OptionTrade {
  const { time_in_force: timeInForce } = fields;
  assert(timeInForce === 'day' || timeInForce === 'gtc', 'the rules left day and gtc');
  return {
    ...envelope,
    type: 'optionsingle',
    symbol: fields.symbol,
    side: fields.side,
    qty: fields.qty,
    terms: termsOf(fields.order_class, fields),
    timeInForce,
    positionIntent: fields.position_intent ?? null,
  };
}

const leg = nested({ symbol: optionSymbol, side, ratio_qty: ratio, position_intent: intent.optional() });

const multiShape = {
  order_class: choice('order_class', ['mleg']),
  type: choice('order_kind', ['limit', 'market']),
  limit_price: netPrice.optional(),
  qty: wholeQuantity.optional(),
  // Alpaca documents `day`; what it thinks of the others, it says itself.
  time_in_force: choice('tif', ['day', 'gtc', 'ioc', 'fok', 'opg', 'cls']),
  legs: z.array(leg),
};
type MultiFields = z.output<z.ZodObject<typeof multiShape, z.core.$strict>>;

const legCount: Rule<MultiFields> = {
  text: '2 to 4 legs.',
  check({ legs }, { refuse }) {
    if (legs === undefined || (legs.length >= 2 && legs.length <= 4)) return;
    refuse('mleg', 'legs', `has ${legs.length} leg${legs.length === 1 ? '' : 's'}; 2 to 4 are possible`, {
      allowed: '2 to 4 legs',
    });
  },
};

const distinctLegs: Rule<MultiFields> = {
  text: 'The legs are distinct contracts of one underlying.',
  check({ legs }, { refuse }) {
    if (legs === undefined) return;
    const symbols = legs.map((each) => each.symbol);
    const twice = symbols.find((symbol, index) => symbols.indexOf(symbol) !== index);
    if (twice !== undefined)
      refuse('mleg', 'legs', `names ${twice} twice`, { hint: 'use ratio_qty for more of one contract' });
    // An adjusted contract (AAPL1) still belongs to the same stock.
    const roots = new Set(symbols.map((symbol) => optionContract(symbol)?.root.replace(/\d$/, '')));
    if (roots.size > 1) refuse('mleg', 'legs', `has more than one underlying: ${[...roots].join(', ')}`);
  },
};

const reducedRatios: Rule<MultiFields> = {
  text: 'The ratios of the legs have no common divisor; more units of the strategy are `qty`.',
  check({ legs }, { refuse }) {
    if (legs === undefined || legs.length === 0) return;
    const divisor = legs.map((each) => BigInt(each.ratio_qty)).reduce(greatestDivisor);
    if (divisor > 1n)
      refuse('mleg', 'legs', `has ratios that are all divisible by ${divisor}`, {
        hint: `divide them and multiply qty by ${divisor}`,
      });
  },
};

const greatestDivisor = (a: bigint, b: bigint): bigint => (b === 0n ? a : greatestDivisor(b, a % b));

const legIntents: Rule<MultiFields> = {
  text: 'The `position_intent` of a leg begins with its `side`.',
  check({ legs }, { refuse }) {
    for (const [index, each] of (legs ?? []).entries()) {
      if (contradictsSide(each)) refuse('intent', `legs[${index}].position_intent`, `contradicts side ${each.side}`);
    }
  },
};

export const optionmulti = form(multiShape, [pricesFor('type'), legCount, distinctLegs, reducedRatios, legIntents]);

export function multiLegTrade(fields: FieldsOf<typeof optionmulti>, envelope: Envelope): MultiLegTrade {
  const legs: readonly OptionLeg[] = fields.legs.map((each) => ({
    symbol: each.symbol,
    side: each.side,
    ratioQty: each.ratio_qty,
    positionIntent: each.position_intent ?? null,
  }));
  return {
    ...envelope,
    type: 'optionmulti',
    qty: fields.qty ?? ('1' as Decimal),
    limitPrice: fields.limit_price ?? null,
    timeInForce: fields.time_in_force,
    legs,
    strategy: strategyOf(legs),
  };
}

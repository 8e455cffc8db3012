/** Payload of `cryptobuy` and `cryptosell`. Source of the rules: Alpaca docs, crypto orders. */
import type * as z from 'zod';
import { assert } from '../../lib/assert.ts';
import { choice, cryptoPrice, cryptoSymbol, notional, quantity } from '../fields.ts';
import { type FieldsOf, form, type Rule } from '../form.ts';
import type { CryptoTrade, Envelope } from '../request.ts';
import { oneSize, pricesFor, sizeOf, termsOf } from './terms.ts';

const shape = {
  symbol: cryptoSymbol,
  qty: quantity.optional(),
  notional: notional.optional(),
  order_class: choice('order_class', ['market', 'limit', 'stop_limit']),
  limit_price: cryptoPrice.optional(),
  stop_price: cryptoPrice.optional(),
  time_in_force: choice('tif', ['gtc', 'ioc'], ['day', 'fok', 'opg', 'cls']),
};
type Fields = z.output<z.ZodObject<typeof shape, z.core.$strict>>;

const aroundTheClock: Rule<Fields> = {
  text: 'Coins trade around the clock: `time_in_force` is `gtc` or `ioc`; the other words are refused with this reason.',
  check({ time_in_force: tif }, { refuse }) {
    if (tif === undefined || tif === 'gtc' || tif === 'ioc') return;
    const says = `${tif} is not possible for crypto: coins trade around the clock, and Alpaca takes gtc or ioc only`;
    refuse('tif_combination', 'time_in_force', says, { allowed: 'gtc or ioc' });
  },
};

export const crypto = form(shape, [oneSize, pricesFor('order_class'), aroundTheClock]);

export function cryptoTrade(
  type: 'cryptobuy' | 'cryptosell',
  fields: FieldsOf<typeof crypto>,
  envelope: Envelope,
): CryptoTrade {
  const { time_in_force: timeInForce } = fields;
  assert(timeInForce === 'gtc' || timeInForce === 'ioc', 'the rules left gtc and ioc');
  return {
    ...envelope,
    type,
    symbol: fields.symbol,
    side: type === 'cryptobuy' ? 'buy' : 'sell',
    size: sizeOf(fields),
    terms: termsOf(fields.order_class, fields),
    timeInForce,
  };
}

/**
 * Does the body that goes to the broker ask for what the file asks for? Read field by field from both, without the
 * tower's own parser and encoder. Must never normalise more than the order format itself allows.
 */

type Json = Readonly<Record<string, unknown>>;

const SIDES: Readonly<Record<string, string>> = {
  stockbuy: 'buy',
  cryptobuy: 'buy',
  stocksell: 'sell',
  cryptosell: 'sell',
};
const SAME = ['symbol', 'qty', 'notional', 'limit_price', 'stop_price', 'time_in_force'] as const;

/** Digits that say nothing (`5.50`) may be left out on the wire. */
const text = (value: unknown): string | null => {
  if (value === undefined || value === null) return null;
  const plain = String(value);
  return /^\d+\.\d+$/.test(plain) ? plain.replace(/\.?0+$/, '') : plain;
};

/** Fields in which they differ, by their names on the wire. */
export function fieldsDiffer(file: Uint8Array, wire: string): readonly string[] {
  const asked = JSON.parse(Buffer.from(file).toString()) as Json;
  const payload = asked['payload'] as Json;
  const sent = JSON.parse(wire) as Json;
  const type = String(asked['order_type']);
  const differing: string[] = SAME.filter((name) => text(payload[name]) !== text(sent[name]));
  const note = (name: string, isSame: boolean): void => {
    if (!isSame) differing.push(name);
  };
  note('client_order_id', sent['client_order_id'] === asked['client_order_id']);
  if (type === 'optionmulti') {
    note('order_class', sent['order_class'] === 'mleg');
    note('type', sent['type'] === payload['type']);
    note('legs', JSON.stringify(legsOf(sent)) === JSON.stringify(legsOf(payload)));
    return differing;
  }
  note('type', sent['type'] === payload['order_class']);
  for (const exit of ['take_profit', 'stop_loss'] as const)
    note(exit, JSON.stringify(payload[exit] ?? null) === JSON.stringify(sent[exit] ?? null));
  note('side', sent['side'] === (SIDES[type] ?? payload['side']));
  return differing;
}

const legsOf = (order: Json): readonly string[] =>
  (order['legs'] as readonly Json[]).map((leg) =>
    ['symbol', 'side', 'ratio_qty', 'position_intent'].map((name) => text(leg[name])).join(' '),
  );

/**
 * Orders that stand in each other's way on one account: Alpaca refuses what could trade with an open order of the same
 * account, and what others have promised to sell. Pure. Must never say more of another agent's order than its id.
 */
import { exact } from '../order/decimal.ts';
import { type OrderError, orderError } from '../order/errors.ts';
import type { Measured } from './measure.ts';
import { ACCOUNT, type OpenPart, type Standings } from './standing.ts';

export interface Conflict {
  readonly kind: 'wash' | 'held';
  /** The client_order_id of the order in the way. */
  readonly other: string;
}

const ZERO = exact('0');

/**
 * The first open order in the way; of those before `seq`, when it is given. Source: Alpaca docs, user protection: an open
 * order on the opposite side forbids a new one, except limit against limit at prices that cannot meet; bracket, oco, oto and
 * trailing-stop orders are exempt. And positions: `qty_available` is what is held less what open sells promise.
 */
export function conflictOf(
  order: Pick<Measured, 'mode' | 'parts' | 'meeting'>,
  standings: Standings,
  seq = Number.POSITIVE_INFINITY,
): Conflict | null {
  const { meeting } = order;
  if (meeting === null) return null;
  for (const part of standings.meeting(order.mode, meeting.symbol, meeting.side === 'buy' ? 'sell' : 'buy')) {
    const isMain = !part.isExit && !part.hasEnded && part.meeting !== null;
    if (part.seq < seq && isMain && meets(meeting, part)) return { kind: 'wash', other: part.clientOrderId };
  }
  // Only sells are promised what is held.
  if (meeting.side === 'buy') return null;
  let promised = ZERO;
  let seller: OpenPart | null = null;
  for (const part of standings.meeting(order.mode, meeting.symbol, 'sell')) {
    if (part.seq >= seq || (part.isExit && isWaiting(standings.parts(part.seq)))) continue;
    promised = promised.plus(part.left);
    seller ??= part;
  }
  if (seller === null) return null;
  const asked = exact(order.parts[0]?.qty ?? '0');
  const { held } = standings.symbol(order.mode, ACCOUNT, meeting.symbol);
  return asked.lte(held) && asked.plus(promised).gt(held) ? { kind: 'held', other: seller.clientOrderId } : null;
}

/** Exits promise nothing before what they belong to is filled. */
const isWaiting = (parts: readonly OpenPart[]): boolean => parts.some((part) => !part.isExit && part.left.gt(ZERO));

function meets(mine: NonNullable<Measured['meeting']>, part: OpenPart): boolean {
  const theirs = part.meeting;
  if (theirs === null || mine.isExempt || theirs.isExempt) return false;
  if (mine.limit === null || theirs.limit === null) return true;
  const [buy, sell] = mine.side === 'buy' ? [mine.limit, theirs.limit] : [theirs.limit, mine.limit];
  return exact(buy).gte(sell);
}

/** `isHeld`: it has waited for the other to end, and its time has come. */
export function conflictError({ kind, other }: Conflict, isHeld: boolean): OrderError {
  const waited = isHeld ? '; it was held until send_by, and nothing was sent' : '';
  const more = { other };
  return kind === 'wash'
    ? orderError('risk_wash', `the open order ${other} on the opposite side could trade with this one${waited}`, {
        more,
      })
    : orderError('risk_held', `the open order ${other} holds the quantity that this one would sell${waited}`, { more });
}

/** The common names of option combinations, told from their legs alone. A name for people; nothing is decided by it. */
import type { OptionLeg } from './request.ts';
import { type OptionContract, optionContract } from './symbol.ts';

interface Leg extends OptionContract {
  readonly bought: boolean;
  readonly ratio: number;
}

/** `vertical`, `iron_condor`, … or null when the legs make none of the known combinations. */
export function strategyOf(legs: readonly OptionLeg[]): string | null {
  const known: Leg[] = [];
  for (const leg of legs) {
    const contract = optionContract(leg.symbol);
    if (contract === null) return null;
    known.push({ ...contract, bought: leg.side === 'buy', ratio: Number(leg.ratioQty) });
  }
  known.sort((a, b) => a.strikeMills - b.strikeMills || (a.type === b.type ? 0 : a.type === 'put' ? -1 : 1));
  const [a, b, c, d] = known;
  if (a !== undefined && b !== undefined && c === undefined) return ofTwo(a, b);
  if (a !== undefined && b !== undefined && c !== undefined && d === undefined) return ofThree(a, b, c);
  return a !== undefined && b !== undefined && c !== undefined && d !== undefined ? ofFour(a, b, c, d) : null;
}

function ofTwo(a: Leg, b: Leg): string | null {
  const sameStrike = a.strikeMills === b.strikeMills;
  const sameExpiry = a.expiry === b.expiry;
  const opposite = a.bought !== b.bought;
  if (a.type === b.type) {
    if (!opposite) return null;
    if (a.ratio !== b.ratio) return sameExpiry ? 'ratio_spread' : null;
    if (sameExpiry) return 'vertical';
    return sameStrike ? 'calendar' : 'diagonal';
  }
  if (!sameExpiry || a.ratio !== b.ratio) return null;
  if (opposite) return sameStrike ? 'synthetic' : 'risk_reversal';
  return sameStrike ? 'straddle' : 'strangle';
}

function ofThree(a: Leg, b: Leg, c: Leg): string | null {
  if (!alike([a, b, c], 'type') || !alike([a, b, c], 'expiry')) return null;
  const winged = a.bought === c.bought && a.bought !== b.bought;
  if (!winged || a.ratio !== c.ratio || b.ratio !== 2 * a.ratio) return null;
  return b.strikeMills - a.strikeMills === c.strikeMills - b.strikeMills ? 'butterfly' : 'broken_wing_butterfly';
}

function ofFour(a: Leg, b: Leg, c: Leg, d: Leg): string | null {
  const legs = [a, b, c, d];
  if (!alike(legs, 'expiry') || !alike(legs, 'ratio')) return null;
  const winged = a.bought === d.bought && b.bought === c.bought && a.bought !== b.bought;
  if (alike(legs, 'type')) return winged ? 'condor' : null;
  const putsBelow = a.type === 'put' && b.type === 'put' && c.type === 'call' && d.type === 'call';
  // At one strike puts sort before calls, so the body of an iron butterfly stands in this order, too.
  if (putsBelow && winged) return b.strikeMills === c.strikeMills ? 'iron_butterfly' : 'iron_condor';
  const box = a.strikeMills === b.strikeMills && c.strikeMills === d.strikeMills;
  return box && a.bought !== b.bought && c.bought !== d.bought && a.bought === d.bought ? 'box' : null;
}

const alike = (legs: readonly Leg[], key: 'type' | 'expiry' | 'ratio'): boolean =>
  legs.every((leg) => leg[key] === legs[0]?.[key]);

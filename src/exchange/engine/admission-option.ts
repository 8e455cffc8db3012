/**
 * May this account place this option order now: levels, intents, cover and options buying power, for single-leg and
 * multi-leg orders (Alpaca docs: options trading, options level 3). Must never change anything.
 */
import { NO_TERMS, type Terms, tooMuch, washes } from './admission.ts';
import {
  forbidden,
  insufficientForCall,
  insufficientForPut,
  insufficientOptionsPower,
  intentMismatch,
  noQuote,
  ok,
  refuse,
  uncovered,
  unprocessable,
} from './errors.ts';
import { abs, max, min, mul } from './fixed.ts';
import { availableQty, optionLegs, power, strategyMargin } from './margin.ts';
import type { Draft } from './request.ts';
import { type BoundLeg, contractState, mlegForm, mlegTogether, optionRules } from './rules-option.ts';
import { type Account, positionQty } from './state.ts';
import type { Contract, Fixed, Instant, PositionIntent, Refusal, Result, Side } from './types.ts';
import type { World } from './world.ts';

const levelOf = (account: Account): number => Math.min(account.optionsLevel, account.config.maxOptionsLevel ?? 3);

/** An order closes what is held on the other side, otherwise it opens. */
function inferIntent(account: Account, symbol: string, side: Side): PositionIntent {
  const held = positionQty(account, symbol);
  if (side === 'buy') return held < 0n ? 'buy_to_close' : 'buy_to_open';
  return held > 0n ? 'sell_to_close' : 'sell_to_open';
}

/** What options may cost now. */
function optionsPower(world: World, account: Account, at: Instant): Fixed {
  const { buyingPower, nonMarginable } = power(world, account, at);
  return min(buyingPower, nonMarginable);
}

function sellToOpen(world: World, account: Account, contract: Contract, qty: Fixed, at: Instant): Result<Terms> {
  if (contract.type === 'put') {
    const required = mul(qty * 100n, contract.strike);
    const free = optionsPower(world, account, at);
    if (required > free) return refuse(insufficientForPut(required, free));
    return ok({ ...NO_TERMS, reserve: required, margin: required });
  }
  const shares = qty * 100n;
  const free = positionQty(account, contract.underlying) > 0n ? availableQty(account, contract.underlying) : 0n;
  if (free === 0n) return refuse(uncovered());
  if (shares > free) {
    return refuse(insufficientForCall(contract.underlying, contract.underlyingId, shares, free));
  }
  return ok({ ...NO_TERMS, holdSymbol: contract.underlying, hold: shares });
}

/** What these legs add to the margin of the account's options, USD; a refusal if they leave a short call naked. */
function addedMargin(account: Account, underlying: string, legs: readonly BoundLeg[]): Result<Fixed> {
  const before = strategyMargin(optionLegs(account, underlying));
  const after = strategyMargin(optionLegs(account, underlying, legs));
  const naked = after.nakedCalls - before.nakedCalls;
  if (naked > 0n && naked * 100n > availableQty(account, underlying)) return refuse(uncovered());
  return ok(after.margin - before.margin);
}

export function admitOption(
  world: World,
  account: Account,
  draft: Draft,
  contract: Contract,
  at: Instant,
): Result<Terms> {
  const level = levelOf(account);
  if (level === 0) return refuse(forbidden('account not authorized to trade options'));
  const { symbol } = contract;
  if (world.market.asset(contract.underlying) === undefined) {
    return refuse(unprocessable(`underlying asset "${contract.underlying}" not found`));
  }
  const intent = inferIntent(account, symbol, draft.side);
  const opening = intent.endsWith('open');
  const broken = contractState(contract, opening, world.market, at) ?? optionRules(draft, world.market, at);
  if (broken) return refuse(broken);
  if (draft.intent !== null && draft.intent !== intent) return refuse(intentMismatch(intent, draft.intent));
  if (intent === 'buy_to_open' && level < 2) {
    return refuse(forbidden('account not eligible to trade long option contracts'));
  }
  const qty = draft.qty ?? 0n;
  if (!opening && qty > availableQty(account, symbol)) return refuse(tooMuch(account, symbol, qty));
  const wash = washes(account, symbol, draft);
  if (wash) return refuse(wash);

  const quote = world.market.quote(symbol, at);
  const buy = draft.side === 'buy';
  const price = draft.limit ?? draft.stop ?? ((buy ? quote?.ask : quote?.bid) || null);
  if (price === null) return refuse(noQuote());
  const held: Terms = { ...NO_TERMS, intent, holdSymbol: symbol, hold: qty };
  switch (intent) {
    case 'buy_to_open': {
      const cost = mul(qty * 100n, price);
      const free = optionsPower(world, account, at);
      if (cost > free) return refuse(insufficientOptionsPower(cost, free));
      return ok({ ...NO_TERMS, intent, reserve: cost, margin: cost });
    }
    case 'sell_to_open': {
      const terms = sellToOpen(world, account, contract, qty, at);
      return terms.ok ? ok({ ...terms.value, intent }) : terms;
    }
    case 'buy_to_close':
      return ok(held);
    case 'sell_to_close': {
      // A long contract may stand behind a short one.
      const added = addedMargin(account, contract.underlying, [{ contract, qty: -qty, opening: false }]);
      if (!added.ok) return added;
      if (added.value <= 0n) return ok(held);
      const free = optionsPower(world, account, at);
      if (added.value > free) return refuse(insufficientOptionsPower(added.value, free));
      return ok({ ...held, reserve: added.value, margin: added.value });
    }
  }
}

export interface StrategyTerms {
  readonly parent: Terms;
  readonly legs: readonly { readonly contract: Contract; readonly terms: Terms }[];
}

/** The price of one unit at the market: what is paid (positive) or received (negative); null: a leg has no quote. */
export function naturalPrice(
  world: World,
  legs: readonly { readonly contract: Contract; readonly side: Side; readonly ratio: Fixed }[],
  at: Instant,
): Fixed | null {
  let net = 0n;
  for (const { contract, side, ratio } of legs) {
    const quote = world.market.quote(contract.symbol, at);
    const price = (side === 'buy' ? quote?.ask : quote?.bid) ?? 0n;
    if (price === 0n) return null;
    net += (side === 'buy' ? 1n : -1n) * mul(price, ratio);
  }
  return net;
}

function legIntent(account: Account, contract: Contract, intent: PositionIntent, qty: Fixed): Refusal | undefined {
  const side: Side = intent.startsWith('buy') ? 'buy' : 'sell';
  const inferred = inferIntent(account, contract.symbol, side);
  if (inferred !== intent) return intentMismatch(inferred, intent);
  if (intent.endsWith('close') && qty > availableQty(account, contract.symbol)) {
    return tooMuch(account, contract.symbol, qty);
  }
  return undefined;
}

export function admitStrategy(world: World, account: Account, draft: Draft, at: Instant): Result<StrategyTerms> {
  const level = levelOf(account);
  if (level === 0) return refuse(forbidden('account not authorized to trade options'));
  const form = mlegForm(draft);
  if (form) return refuse(form);
  if (level < 3) return refuse(forbidden('account not eligible to trade spreads or uncovered contracts'));
  if (draft.type === 'market' && world.market.session(at) !== 'core') {
    return refuse(unprocessable('options market orders are only allowed during market hours'));
  }
  const units = draft.qty ?? 0n;
  const bound: (BoundLeg & { readonly side: Side; readonly ratio: Fixed; readonly intent: PositionIntent })[] = [];
  for (const leg of draft.legs) {
    const contract = world.market.contract(leg.symbol);
    if (contract === undefined) {
      const equity = world.market.asset(leg.symbol) !== undefined;
      const message = 'equity legs are allowed only with a corresponding amount of call contracts';
      return refuse(unprocessable(equity ? message : `asset not found for ${leg.symbol}`));
    }
    const intent = leg.intent ?? inferIntent(account, contract.symbol, leg.side ?? 'buy');
    const opening = intent.endsWith('open');
    const state = contractState(contract, opening, world.market, at);
    if (state) return refuse(state);
    const side: Side = intent.startsWith('buy') ? 'buy' : 'sell';
    const qty = mul(leg.ratio, units);
    bound.push({ contract, opening, side, ratio: leg.ratio, intent, qty: side === 'buy' ? qty : -qty });
  }
  const together = mlegTogether(bound);
  if (together) return refuse(together);
  for (const leg of bound) {
    const wrong = legIntent(account, leg.contract, leg.intent, abs(leg.qty));
    if (wrong) return refuse(wrong);
  }
  const net = draft.limit ?? naturalPrice(world, bound, at);
  if (net === null) return refuse(noQuote());
  const underlying = bound[0]?.contract.underlying ?? '';
  const added = addedMargin(account, underlying, bound);
  if (!added.ok) return added;
  // Cost basis: the margin of the whole strategy plus what one pays (or minus what one receives) for it.
  const required = max(0n, added.value + mul(units * 100n, net));
  const free = optionsPower(world, account, at);
  if (required > free) return refuse(insufficientOptionsPower(required, free));
  return ok({
    parent: { ...NO_TERMS, reserve: required, margin: required },
    legs: bound.map(({ contract, opening, intent, qty }) => ({
      contract,
      terms: { ...NO_TERMS, intent, holdSymbol: opening ? null : contract.symbol, hold: opening ? 0n : abs(qty) },
    })),
  });
}

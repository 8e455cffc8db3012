/** One amount shared out by weights, to the last digit: what rounding leaves goes to the heaviest. Pure. */
import { type Decimal, decimal, exact } from '../order/decimal.ts';

/** Shares of `total`, each with at most `digits` decimals, whose sum is `total`. The weights must not add up to zero. */
export function shareOut(total: Decimal, weights: readonly Decimal[], digits: number): readonly Decimal[] {
  const sum = weights.reduce((all, weight) => all.plus(weight), exact('0'));
  const whole = exact(total);
  // Rounded towards zero.
  const shares = weights.map((weight) => whole.times(weight).div(sum).round(digits, 0));
  const rest = shares.reduce((left, share) => left.minus(share), whole);
  const heaviest = weights.reduce(
    (best, weight, index) =>
      exact(weight)
        .abs()
        .gt(exact(weights[best] ?? '0').abs())
        ? index
        : best,
    0,
  );
  return shares.map((share, index) => decimal(index === heaviest ? share.plus(rest) : share));
}

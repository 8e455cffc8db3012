/**
 * What the account and each agent may come to at the broker, held against the limits that the seed has set: what orders
 * have bought and sold, what is open, and what has left and may still arrive, every one of them in full. Reckoned from the
 * broker's book and the bytes on the wire alone; of the journal it takes only which orders are final. Must never count
 * more than can happen: then it would blame the tower for what it did right.
 *
 * Assumptions: a journal that was lost takes with it what its orders held and had open, so nothing is judged after it. Money
 * is judged by the ledger broker only, where every unit costs what is written here or more; strategies are left out of
 * it. The exchange's exits are orders of its own, so a symbol that an agent has traded with exits is not judged there.
 */
import type { LimitRules } from '../../src/risk/limits.ts';
import type { Book, BookOrder } from './book.ts';
import { isEnded } from './book.ts';

type Json = Readonly<Record<string, unknown>>;

export interface ExposureWorld {
  readonly book: Book;
  readonly rules: LimitRules;
  /** The broker makes exits of brackets orders of their own, and fills at prices of a market. */
  readonly isExchange: boolean;
  /** Whether no copy of this order can arrive any more, for all that the tower knows. */
  isOver(clientOrderId: string): boolean;
  /** A share of a limit, in thousandths, is in use. */
  used(share: number): void;
  fail(invariant: string, text: string): void;
}

/** Quantities in billionths, signed as they add up. */
interface Sum {
  held: bigint;
  buys: bigint;
  sells: bigint;
}

const BILLION = 10n ** 9n;

const billionths = (text: unknown): bigint => {
  const [, whole = '0', part = ''] = /^(\d+)(?:\.(\d+))?$/.exec(String(text)) ?? [];
  return BigInt(whole) * BILLION + BigInt(part.padEnd(9, '0').slice(0, 9));
};

/** USD that a unit costs at least, at the ledger's prices and at the limits of all order files. */
const leastOf = (symbol: string): bigint => (/\d{6}[CP]\d{8}$/.test(symbol) ? 550n : 100n);

const ACCOUNT = 'the account';

export class Exposure {
  readonly #world: ExposureWorld;
  /** Bodies that have left, by id. */
  readonly #sent = new Map<string, Json>();
  readonly #isLimited: boolean;

  constructor(world: ExposureWorld) {
    this.#world = world;
    const { rules } = world;
    this.#isLimited = [rules.account, rules.agent('')].some(
      (one) => one.open_orders !== null || one.position_qty !== null || one.gross_value !== null,
    );
  }

  left(clientOrderId: string, body: Json): void {
    if (!this.#isLimited) return;
    this.#sent.set(clientOrderId, body);
    this.judge();
  }

  /** After anything at the broker has moved. */
  judge(): void {
    if (!this.#isLimited) return;
    const { rules, isExchange } = this.#world;
    const [open, sums] = this.#reckon();
    for (const [scope, count] of open) {
      const { open_orders: most } = scope === ACCOUNT ? rules.account : rules.agent(scope);
      if (most !== null) this.#hold(`open orders of ${scope}`, BigInt(count), BigInt(most));
    }
    for (const [scope, symbols] of sums) {
      const limits = scope === ACCOUNT ? rules.account : rules.agent(scope);
      let gross = 0n;
      for (const [symbol, sum] of symbols) {
        const worst = worstOf(sum);
        if (limits.position_qty !== null)
          this.#hold(`${symbol} of ${scope}, in billionths`, worst, billionths(limits.position_qty));
        gross += worst * leastOf(symbol);
      }
      if (limits.gross_value !== null && !isExchange)
        this.#hold(`gross value of ${scope}, in billionths of a dollar`, gross, billionths(limits.gross_value));
    }
  }

  #hold(what: string, used: bigint, most: bigint): void {
    if (most > 0n) this.#world.used(Number((used * 1000n) / most));
    if (used > most) this.#world.fail('I6', `${what}: ${used}, and at most ${most} are allowed`);
  }

  /** Open orders, and quantities by symbol, of each agent and of the account. */
  #reckon(): readonly [ReadonlyMap<string, number>, ReadonlyMap<string, ReadonlyMap<string, Sum>>] {
    const open = new Map<string, number>();
    const sums = new Map<string, Map<string, Sum>>();
    const unsure = new Set<string>();
    for (const [id, body] of this.#sent) {
      const orders: readonly (BookOrder | null)[] = this.#world.book.byClientId.get(id) ?? [];
      const agent = id.split('_')[0] ?? '';
      const symbol = String(body['symbol'] ?? '').replace('/', '');
      const hasExits = body['take_profit'] !== undefined || body['stop_loss'] !== undefined;
      if (symbol === '' || (hasExits && this.#world.isExchange)) unsure.add(`${agent} ${symbol}`);
      for (const order of orders.length > 0 ? orders : [null]) {
        const state = order?.states.at(-1);
        const filled = billionths(state?.filledQty ?? '0');
        const isOpen = state === undefined ? !this.#world.isOver(id) : !isEnded(state);
        const left = isOpen ? billionths(body['qty']) - filled : 0n;
        for (const scope of [agent, ACCOUNT]) {
          if (isOpen) open.set(scope, (open.get(scope) ?? 0) + 1);
          const of = sums.get(scope) ?? new Map<string, Sum>();
          sums.set(scope, of);
          const sum = of.get(symbol) ?? { held: 0n, buys: 0n, sells: 0n };
          of.set(symbol, sum);
          if (body['side'] === 'buy') {
            sum.held += filled;
            sum.buys += left;
          } else {
            sum.held -= filled;
            sum.sells += left;
          }
        }
      }
    }
    for (const one of unsure) {
      const [agent = '', symbol = ''] = one.split(' ');
      sums.get(agent)?.delete(symbol);
      sums.get(ACCOUNT)?.delete(symbol);
    }
    return [open, sums];
  }
}

/** The most that it can come to, long or short. */
function worstOf({ held, buys, sells }: Sum): bigint {
  const long = held + buys;
  const short = sells - held;
  const worst = long > short ? long : short;
  return worst > 0n ? worst : 0n;
}

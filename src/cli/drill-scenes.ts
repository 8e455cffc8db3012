/**
 * The scenes of `tower drill`: a halt under one condition each, judged by the ledger of the exchange and by the answers that
 * agents get. Must never take the tower's word for what has left.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Answer, Dropped, Stand } from './drill-stand.ts';

export interface Shown {
  readonly scene: string;
  readonly ok: boolean;
  /** Milliseconds until `tower halt` had returned; null where none was run. */
  readonly halt_ms: number | null;
  /** Orders that had reached the exchange before, and that reached it though they were halted. */
  readonly before: number;
  readonly after: number;
  /** What was seen, or what was wrong. */
  readonly seen: string;
}

type Result = Omit<Shown, 'scene' | 'ok'> & { readonly wrong: string | null };

interface Scene {
  readonly name: string;
  run(stand: Stand): Promise<Result>;
}

const RESTING = { symbol: 'AAPL', qty: '1', order_class: 'limit', limit_price: '1.00', time_in_force: 'day' };
const MARKET = { symbol: 'AAPL', qty: '2', order_class: 'market', time_in_force: 'day' };
/** How long the ledger is watched after a halt has returned. */
const WATCHED_MS = 700;

const isSent = ({ sent }: Answer): boolean => sent === 'yes';
const told = (answer: Answer | null): string => (answer === null ? 'nothing' : (answer.error?.code ?? answer.sent));

/** Orders keep coming while it is halted; `between` happens after the halt has returned. */
async function flood(
  stand: Stand,
  options: { readonly burst?: number; readonly between?: () => Promise<void> } = {},
): Promise<Result> {
  const dropped: Dropped[] = [];
  let isOver = false;
  const dropping = (async () => {
    for (let n = 0; n < (options.burst ?? 0); n++) dropped.push(stand.drop('flood', 'stockbuy', RESTING));
    while (!isOver) {
      dropped.push(stand.drop('flood', 'stockbuy', RESTING));
      await stand.pause(15);
    }
  })();
  await stand.pause(600);
  const halted = await stand.run('halt');
  const before = await stand.reached();
  await options.between?.();
  await stand.pause(WATCHED_MS);
  isOver = true;
  await dropping;
  const after = (await stand.reached()).length - before.length;
  const answers = await Promise.all(dropped.map((one) => stand.answer(one, ({ sent }) => sent !== 'unknown')));
  const refused = answers.filter((answer) => told(answer) === 'halted').length;
  const sent = answers.filter((answer) => answer !== null && isSent(answer)).length;
  const mine = before.filter((id) => dropped.some((one) => one.id === id)).length;
  const resumed = await stand.run('resume', '--confirm', 'all');
  await stand.pause(300);
  const late = (await stand.reached()).length - before.length - after;
  const wrong =
    halted.code !== 0
      ? `tower halt ended with ${halted.code}`
      : after > 0
        ? `${after} orders left after tower halt had returned`
        : resumed.code !== 0
          ? `tower resume ended with ${resumed.code}`
          : late > 0
            ? `${late} orders that the halt had met left after the resume`
            : mine === 0 || refused === 0
              ? `nothing was shown: ${mine} had left before, ${refused} were refused`
              : sent !== mine || sent + refused !== dropped.length
                ? `of ${dropped.length} orders ${sent} are told as sent and ${refused} as halted, and ${mine} have left`
                : null;
  const way = halted.onTheirWay === 0 ? '' : `, ${halted.onTheirWay} without an answer when it returned`;
  return { halt_ms: halted.ms, before: mine, after, seen: `${refused} refused${way}`, wrong };
}

/** A halt of `flags`; then each order is told, and each that may not pass stays away from the exchange. */
async function judge(
  stand: Stand,
  flags: readonly string[],
  orders: readonly (readonly [agent: string, type: string, payload: typeof MARKET, code: string])[],
): Promise<Result> {
  const halted = await stand.run('halt', ...flags);
  const before = await stand.reached();
  const wrongs: string[] = halted.code === 0 ? [] : [`tower halt ended with ${halted.code}`];
  let after = 0;
  const seen: string[] = [];
  for (const [agent, type, payload, code] of orders) {
    const order = stand.drop(agent, type, payload);
    const answer = told(await stand.answer(order, ({ sent }) => sent !== 'unknown'));
    const what = `${agent} ${type.slice(5)} ${payload.qty} ${payload.symbol}`;
    seen.push(`${what}: ${answer}`);
    if (answer !== code) wrongs.push(`${what} is told ${answer} instead of ${code}`);
    if (code !== 'yes' && (await stand.reached()).includes(order.id)) after++;
  }
  if (after > 0) wrongs.push(`${after} orders left that were halted`);
  const word = flags[1] ?? 'all';
  const scope = flags[0] === '--reduce-only' ? [] : flags.slice(0, 2);
  const resumed = await stand.run('resume', ...scope, '--confirm', scope.length === 0 ? 'all' : word);
  if (resumed.code !== 0) wrongs.push(`tower resume ended with ${resumed.code}`);
  const [agent = '', type = '', payload = MARKET] = orders[0] ?? [];
  const next = told(await stand.answer(stand.drop(agent, type, payload), ({ sent }) => sent !== 'unknown'));
  if (next !== 'yes') wrongs.push(`after the resume the first order is told ${next}`);
  return { halt_ms: halted.ms, before: before.length, after, seen: seen.join('; '), wrong: wrongs[0] ?? null };
}

async function cancels(stand: Stand): Promise<Result> {
  const [mine, other] = [stand.drop('alpha', 'stockbuy', RESTING), stand.drop('beta', 'stockbuy', RESTING)];
  for (const order of [mine, other]) await stand.answer(order, isSent);
  const before = (await stand.reached()).length;
  const halted = await stand.run('halt', '--agent', 'alpha', '--cancel');
  const status = (await stand.answer(mine, ({ data }) => data?.status === 'canceled'))?.data?.status ?? 'open';
  const cancel = told(await stand.answer(stand.drop('beta', 'cancelorder', { client_order_id: other.id })));
  await stand.answer(other, ({ data }) => data?.status === 'canceled');
  await stand.run('resume', '--agent', 'alpha', '--confirm', 'alpha');
  const after = (await stand.reached()).length - before;
  const wrong =
    halted.code !== 0
      ? `tower halt ended with ${halted.code}`
      : status === 'canceled'
        ? cancel === 'yes'
          ? null
          : `a cancel is told ${cancel}`
        : 'the open order was not cancelled';
  return { halt_ms: halted.ms, before, after, seen: `open order ${status}, another's cancel ${cancel}`, wrong };
}

async function byHand(stand: Stand): Promise<Result> {
  const file = join(stand.home, 'HALT');
  writeFileSync(file, '');
  const before = (await stand.reached()).length;
  const answer = told(await stand.answer(stand.drop('alpha', 'stockbuy', MARKET)));
  const after = (await stand.reached()).length - before;
  rmSync(file);
  const next = told(await stand.answer(stand.drop('alpha', 'stockbuy', MARKET), ({ sent }) => sent !== 'unknown'));
  const wrong =
    answer !== 'halted' || after > 0
      ? `an order is told ${answer}, and ${after} left`
      : next === 'yes'
        ? null
        : `after the file is gone an order is told ${next}`;
  return { halt_ms: null, before, after, seen: `with the file ${answer}, without it ${next}`, wrong };
}

const SCENES: readonly Scene[] = [
  { name: 'orders keep coming', run: (stand) => flood(stand) },
  { name: 'hundreds of orders wait', run: (stand) => flood(stand, { burst: 150 }) },
  {
    name: 'sendings are in flight',
    async run(stand) {
      await stand.answersAfter(400);
      const result = await flood(stand);
      await stand.answersAfter(0);
      return result;
    },
  },
  {
    name: 'stopped and started in between',
    run: (stand) =>
      flood(stand, {
        between: async () => {
          await stand.endTower('SIGTERM');
          await stand.startTower();
        },
      }),
  },
  {
    name: 'killed and started in between',
    run: (stand) =>
      flood(stand, {
        between: async () => {
          await stand.endTower('SIGKILL');
          await stand.startTower();
        },
      }),
  },
  {
    name: 'one agent',
    run: (stand) =>
      judge(
        stand,
        ['--agent', 'alpha'],
        [
          ['alpha', 'stockbuy', MARKET, 'halted'],
          ['beta', 'stockbuy', MARKET, 'yes'],
        ],
      ),
  },
  {
    name: 'one symbol',
    run: (stand) =>
      judge(
        stand,
        ['--symbol', 'AAPL'],
        [
          ['alpha', 'stockbuy', MARKET, 'halted'],
          ['alpha', 'stockbuy', { ...MARKET, symbol: 'MSFT' }, 'yes'],
        ],
      ),
  },
  {
    name: 'reductions pass',
    async run(stand) {
      const bought = stand.drop('alpha', 'stockbuy', { ...MARKET, symbol: 'MSFT' });
      await stand.answer(bought, ({ data }) => data?.status === 'filled');
      // What was bought has to come into the books: by them it is told what a reduction is.
      await stand.pause(500);
      return judge(
        stand,
        ['--reduce-only'],
        [
          ['alpha', 'stockbuy', { ...MARKET, symbol: 'MSFT' }, 'reduce_only'],
          ['alpha', 'stocksell', { ...MARKET, symbol: 'MSFT', qty: '9' }, 'reduce_only'],
          ['alpha', 'stocksell', { ...MARKET, symbol: 'MSFT', qty: '1' }, 'yes'],
        ],
      );
    },
  },
  { name: 'open orders are cancelled', run: cancels },
  { name: 'a file HALT by hand', run: byHand },
];

/**
 * Plays scenes on a stand, every one unless `isWanted` says otherwise; `shown` is called after each. Throws when the stand
 * itself breaks.
 */
export async function play(
  stand: Stand,
  shown: (one: Shown) => void,
  isWanted: (name: string) => boolean = () => true,
): Promise<readonly Shown[]> {
  const all: Shown[] = [];
  for (const { name, run } of SCENES.filter((scene) => isWanted(scene.name))) {
    const { wrong, seen, ...figures } = await run(stand);
    const one: Shown = { scene: name, ok: wrong === null, ...figures, seen: wrong ?? seen };
    all.push(one);
    shown(one);
    // What a failed scene has left behind is not the next one's.
    if (wrong !== null && existsSync(join(stand.home, 'data/halt')))
      for (const file of ['data/halt/all', 'data/halt/agent.alpha', 'data/halt/symbol.AAPL', 'data/halt/all.reduce'])
        rmSync(join(stand.home, file), { force: true });
  }
  return all;
}

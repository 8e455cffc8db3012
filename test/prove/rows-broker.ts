/**
 * E01 to E16: what becomes of an order when the line or the exchange fails. Must never fake what the exchange did: only
 * what the tower hears of it.
 */
import { sleep, until } from './process.ts';
import { MARKET, type Rig } from './rig.ts';
import { type Figures, must, type Row } from './row.ts';
import type { Passing, Reply } from './wire.ts';

export const isOrder = ({ method, url }: Passing): boolean => method === 'POST' && url === '/v2/orders';
const DUPLICATE = { status: 422, body: '{"code":40010001,"message":"client_order_id must be unique"}' };

/** Deals with the first `count` orders that come by `act`; the others pass. */
export function onOrders(rig: Rig, count: number, act: (passing: Passing, nth: number) => Promise<void> | void): void {
  let seen = 0;
  rig.wire.hook = async (passing) => {
    if (!isOrder(passing) || seen >= count) return false;
    seen++;
    await act(passing, seen);
    return true;
  };
}

/** As `row`, on a line that refuses streams: only answers, look-ups and lists can tell what happened. */
const deaf = (id: string, title: string, run: Row['run']): Row =>
  row(id, title, (rig) => {
    rig.wire.takesStreams = false;
    return run(rig);
  });

export const row = (id: string, title: string, run: Row['run'], minutes?: number): Row => ({
  id,
  title,
  promises: ['p1', 'p3'],
  ...(minutes === undefined ? {} : { minutes }),
  run,
});

/** One order with a fault on its first POST; it must come out right with so many POSTs and one order at the exchange. */
async function oneOrder(rig: Rig, posts: number | null, env: Readonly<Record<string, string>> = {}): Promise<Figures> {
  await rig.start(env);
  const startedAt = performance.now();
  const dropped = rig.drop();
  await rig.answered(dropped, (answer) => answer.status === 'success', 60_000);
  const made = rig.posts(dropped);
  const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
  must(posts === null || rig.posted === posts, `${rig.posted} POSTs, expected ${posts}`);
  must(made.filter(({ accepted }) => accepted).length === 1, 'there must be one order');
  return { posts: rig.posted, orders: 1, seconds };
}

const forwardThen = (act: (passing: Passing, reply: Reply) => void) => async (passing: Passing) => {
  act(passing, await passing.forward());
};

const firstPost = (fault: Readonly<Record<string, unknown>>) => ({
  requests: [{ method: 'POST', path: '/v2/orders', on: [1], fault }],
});

/** A timestamp by which the exchange's fault finds its order. */
const stamp = (status: number): string => `20260101000000000${status}`;

async function statuses(rig: Rig, accept: boolean, codes: readonly number[], posts: number): Promise<Figures> {
  const requests = codes.map((status) => ({
    method: 'POST',
    path: '/v2/orders',
    body_includes: `_${stamp(status)}_`,
    on: [1],
    fault: { kind: 'status', status, accept, body: '{"message":"upstream trouble"}' },
  }));
  await rig.faults({ requests });
  await rig.start();
  const dropped = codes.map((status) => rig.drop({ timestamp: stamp(status) }));
  for (const each of dropped) {
    await rig.answered(each, (answer) => answer.status === 'success', 30_000);
    const made = rig.posts(each);
    must(made.length === posts, `${each.clientOrderId}: ${made.length} POSTs, expected ${posts}`);
  }
  return { answers: codes.join(' '), posts_each: posts, orders: codes.length };
}

/** From a 429 with these headers to the next POST, in milliseconds. */
async function waitAfter429(rig: Rig, headers: Readonly<Record<string, string>>): Promise<number> {
  let limitedAt = 0;
  onOrders(rig, 1, (passing) => {
    limitedAt = performance.now();
    passing.reply({ status: 429, headers, body: '{"code":42910000,"message":"rate limit exceeded"}' });
  });
  const before = rig.wire.seen.length;
  await rig.answered(rig.drop(), (answer) => answer.status === 'success', 90_000);
  const again = rig.wire.seen.slice(before).findLast(({ method }) => method === 'POST');
  must(again !== undefined && again.at > limitedAt, 'the order was not sent again');
  return Math.round(again.at - limitedAt);
}

async function retryAfter(rig: Rig): Promise<Figures> {
  await rig.start();
  const figures: Record<string, number> = {};
  const cases: readonly (readonly [string, () => Readonly<Record<string, string>>, number, number])[] = [
    ['seconds', () => ({ 'retry-after': '2' }), 1950, 4000],
    ['date', () => ({ 'retry-after': new Date(Date.now() + 3000).toUTCString() }), 1500, 5000],
    ['negative', () => ({ 'retry-after': '-1' }), 0, 2500],
    ['text', () => ({ 'retry-after': 'soon' }), 900, 3000],
    ['absent', () => ({}), 900, 3000],
    ['reset', () => ({ 'x-ratelimit-reset': String(Math.ceil(Date.now() / 1000) + 2) }), 900, 5000],
  ];
  for (const [name, headers, least, most] of cases) {
    const waited = await waitAfter429(rig, headers());
    must(waited >= least && waited <= most, `${name}: sent again after ${waited} ms, not ${least} to ${most}`);
    figures[`${name}_ms`] = waited;
  }
  return figures;
}

async function limitedForLong(rig: Rig): Promise<Figures> {
  await rig.start();
  rig.wire.hook = (passing) => {
    if (!isOrder(passing)) return false;
    passing.reply({ status: 429, body: '{"message":"rate limit exceeded"}' });
    return true;
  };
  const dropped = rig.drop({ sendBy: 6 });
  const answer = await rig.answered(dropped, ({ final }) => final, 30_000);
  must(answer.sent === 'no' && answer.error?.type === 'rate_limit_error', `answered ${JSON.stringify(answer.error)}`);
  must(rig.ledger().length === 0, 'an order was made');
  return { posts: rig.posted, orders: 0, answer: answer.error?.code ?? '' };
}

async function refusedAfterAcceptance(rig: Rig): Promise<Figures> {
  await rig.faults({ lookup_lag_ms: 8000 });
  let refusals = 0;
  onOrders(rig, 9, async (passing, nth) => {
    if (nth === 1) {
      await passing.forward();
      passing.end('reset');
      return;
    }
    refusals++;
    passing.reply({ status: 403, body: '{"code":40310000,"message":"insufficient buying power"}' });
  });
  await rig.start();
  const dropped = rig.drop();
  const answer = await rig.answered(dropped, ({ sent }) => sent !== 'unknown', 60_000);
  must(answer.status === 'success', `answered ${JSON.stringify(answer.error)}`);
  must(refusals > 0, 'the order was never sent again');
  return { refusals, false_rejections: 0 };
}

/** 422 "must be unique", and the order cannot be seen for a while. */
export async function duplicateUnseen(rig: Rig, lagMs: number): Promise<Figures> {
  await rig.faults({ lookup_lag_ms: lagMs });
  onOrders(
    rig,
    1,
    forwardThen((passing) => passing.reply(DUPLICATE)),
  );
  return oneOrder(rig, null);
}

async function duplicateOfAnother(rig: Rig): Promise<Figures> {
  const timestamp = '20260101000000000012';
  await rig.foreignOrder({ ...MARKET, type: 'market', client_order_id: `prover_${timestamp}_stockbuy`, qty: '7' });
  await rig.start();
  const dropped = rig.drop({ timestamp });
  rig.mayDoubt.add(dropped.clientOrderId);
  const answer = await rig.answered(dropped, ({ final }) => final, 30_000);
  must(answer.status === 'error' && answer.sent === 'unknown', `answered ${JSON.stringify(answer)}`);
  return { answer: answer.error?.code ?? '' };
}

async function otherTextSameCode(rig: Rig): Promise<Figures> {
  onOrders(rig, 1, (passing) =>
    passing.reply({ status: 422, body: '{"code":40010001,"message":"failed to parse after: 13 is not a date"}' }),
  );
  await rig.start();
  const answer = await rig.answered(rig.drop(), ({ final }) => final);
  must(answer.error?.type === 'api_error' && rig.posted === 1, `answered ${JSON.stringify(answer.error)}`);
  return { posts: 1, misread_as_duplicate: 0 };
}

async function otherWording(rig: Rig): Promise<Figures> {
  await rig.faults({ lookup_lag_ms: 4000 });
  onOrders(rig, 3, async (passing, nth) => {
    if (nth === 1) {
      await passing.forward();
      passing.end('reset');
    } else passing.reply({ status: 422, body: '{"code":42210000,"message":"this order id was seen before"}' });
  });
  return oneOrder(rig, null);
}

export const brokerRows: readonly Row[] = [
  row('E01', 'connection refused: not sent, tried again', async (rig) => {
    await rig.start();
    await rig.wire.close();
    const dropped = rig.drop();
    await sleep(1500);
    must(rig.posted === 0, 'a POST came through a closed port');
    await rig.wire.open();
    await rig.answered(dropped, (answer) => answer.status === 'success', 30_000);
    return { posts: rig.posted, orders: 1 };
  }),
  row('E02', 'connected, and nothing comes back', async (rig) => {
    onOrders(rig, 1, () => {});
    return oneOrder(rig, 2);
  }),
  row('E03', 'lost before the exchange has it', async (rig) => {
    await rig.faults(firstPost({ kind: 'refuse', how: 'reset' }));
    return oneOrder(rig, 2);
  }),
  deaf('E04', 'lost after the exchange has it', async (rig) => {
    await rig.faults(firstPost({ kind: 'lose', how: 'reset' }));
    return oneOrder(rig, 1);
  }),
  deaf('E05', 'lost, and invisible to look-ups for 5 s', async (rig) => {
    await rig.faults({ ...firstPost({ kind: 'lose' }), lookup_lag_ms: 5000 });
    const figures = await oneOrder(rig, null);
    must(Number(figures['posts']) > 1, 'it was not sent again while it was invisible');
    return figures;
  }),
  deaf('E06', '5xx after acceptance', (rig) => statuses(rig, true, [500, 502, 503, 504], 1)),
  row('E07', '5xx and 408 before acceptance', (rig) => statuses(rig, false, [408, 500, 502, 503, 504], 2)),
  row('E08', '429 with every kind of wish', retryAfter, 0.5),
  row(
    'E08.clamped',
    '429 that asks for a thousand million seconds',
    async (rig) => {
      await rig.start();
      const waited = await waitAfter429(rig, { 'retry-after': '1000000000' });
      must(waited >= 59_000 && waited <= 66_000, `sent again after ${waited} ms`);
      return { waited_ms: waited };
    },
    1.2,
  ),
  row('E09', '429 until its time has passed', limitedForLong),
  deaf('E10', '403 after an accepted first copy', refusedAfterAcceptance),
  deaf('E11', '422 duplicate, not to be seen for 20 s', (rig) => duplicateUnseen(rig, 20_000)),
  row('E12', '422 duplicate, and it is another order', duplicateOfAnother),
  row('E13', "the duplicate's code with other words", otherTextSameCode),
  deaf('E14', 'a duplicate in new words, after doubt', otherWording),
  deaf('E15', '200 with half a body', async (rig) => {
    await rig.faults(firstPost({ kind: 'cut', bytes: 10 }));
    return oneOrder(rig, 1);
  }),
  deaf('E16', '200 at a byte a second', async (rig) => {
    await rig.faults(firstPost({ kind: 'slow', bytes_per_second: 1 }));
    return oneOrder(rig, 1);
  }),
  deaf('E17', '200 with a page, nothing, null, a list', async (rig) => {
    const bodies = ['<html>welcome</html>', '', 'null', '[]'];
    onOrders(rig, bodies.length, async (passing, nth) => {
      await passing.forward();
      const type = nth === 1 ? 'text/html' : 'application/json';
      passing.reply({ status: 200, headers: { 'content-type': type }, body: bodies[nth - 1] ?? '' });
    });
    await rig.start();
    for (const dropped of rig.dropMany(bodies.length)) {
      await rig.answered(dropped, (answer) => answer.status === 'success');
      must(rig.posts(dropped).length === 1, 'sent again although the exchange had it');
    }
    return { bodies: bodies.length, posts: rig.posted };
  }),
  deaf('E18', "200 with another's id, and with another quantity", async (rig) => {
    onOrders(
      rig,
      1,
      forwardThen((passing, reply) =>
        passing.reply({
          ...reply,
          body: reply.body.replace('"client_order_id":"prover', '"client_order_id":"another'),
        }),
      ),
    );
    await rig.start();
    const dropped = rig.drop();
    await rig.answered(dropped, (answer) => answer.status === 'success');
    onOrders(
      rig,
      1,
      forwardThen((passing, reply) => passing.reply({ ...reply, body: reply.body.replace('"qty":"1"', '"qty":"9"') })),
    );
    const changed = rig.drop();
    rig.mayDoubt.add(changed.clientOrderId);
    const answer = await rig.answered(changed);
    must(answer.data?.['qty'] !== '9', 'another quantity was passed on');
    await until(
      () => rig.posted >= 2,
      5000,
      () => 'two orders',
    );
    return { posts: rig.posted, answer: answer.error?.code ?? answer.status };
  }),
];

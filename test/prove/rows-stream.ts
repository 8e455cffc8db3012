/**
 * F01 to F10: what the trade_updates stream loses, doubles, mixes up or makes up. Must end with the exchange's own book,
 * which the auditor compares.
 */
import { sleep, until } from './process.ts';
import { MARKET, type Rig } from './rig.ts';
import { type Figures, must, type Row } from './row.ts';

const row = (id: string, title: string, run: Row['run'], minutes?: number): Row => ({
  id,
  title,
  promises: ['p9', 'p1'],
  ...(minutes === undefined ? {} : { minutes }),
  run,
});

interface Frame {
  readonly stream: string;
  readonly data: { readonly event?: string; readonly order?: Readonly<Record<string, unknown>> };
}
const isUpdate = (text: string): boolean => text.includes('"trade_updates"') && text.includes('"event"');

/** Orders that rest first and fill when the price comes to them, so that each has events of its own. */
async function fillLater(rig: Rig, count: number, ms = 35_000): Promise<number> {
  await rig.control('POST', 'prices', { symbol: 'MSFT', bid: '99.99', ask: '100.01' });
  const payload = { symbol: 'MSFT', qty: '1', order_class: 'limit', limit_price: '90.00', time_in_force: 'day' };
  const dropped = rig.dropMany(count, { payload });
  for (const each of dropped) await rig.answered(each, ({ status }) => status === 'success');
  const startedAt = performance.now();
  await rig.control('POST', 'prices', { symbol: 'MSFT', bid: '79.99', ask: '80.01' });
  for (const each of dropped) await rig.answered(each, ({ final }) => final, ms);
  return Math.round(performance.now() - startedAt);
}

/** A fill is lost, heartbeats go on: the list must tell, within `sweepMs` and a little. */
export async function lostFill(rig: Rig, sweepMs: number): Promise<Figures> {
  await rig.faults({ stream: [{ event: 'fill', fault: { kind: 'drop' } }] });
  await rig.start({ TOWER_SWEEP_INTERVAL_MS: String(sweepMs) });
  const truth = await fillLater(rig, 3);
  must(truth <= sweepMs + 5000, `the truth came after ${truth} ms`);
  return { fills: 3, lost_on_the_stream: 3, ms_to_truth: truth };
}

async function mixedUp(rig: Rig): Promise<Figures> {
  const old: string[] = [];
  rig.wire.frames = (text, send) => {
    if (!isUpdate(text)) return send(text);
    old.push(text);
    // The newest ten times, and after it everything that there ever was, backwards.
    for (let n = 0; n < 10; n++) send(text);
    for (const frame of old.toReversed()) send(frame);
  };
  await rig.start();
  await fillLater(rig, 4);
  rig.dropMany(4);
  await sleep(500);
  return { frames: old.length };
}

async function reordered(rig: Rig): Promise<Figures> {
  await rig.faults({
    stream: [
      { every: 3, fault: { kind: 'reorder', behind: 2 } },
      { every: 5, fault: { kind: 'repeat', times: 3 } },
      { every: 7, fault: { kind: 'garbage' } },
    ],
  });
  await rig.start();
  return { ms_to_truth: await fillLater(rig, 8), fills: 8 };
}

async function onAndOff(rig: Rig): Promise<Figures> {
  await rig.start();
  for (let n = 0; n < 4; n++) {
    rig.dropMany(2);
    rig.wire.dropStreams(n % 2 === 0 ? 'close' : 'reset');
    await sleep(700);
  }
  rig.wire.takesStreams = false;
  rig.wire.dropStreams('reset');
  const deaf = await fillLater(rig, 2);
  rig.wire.takesStreams = true;
  await until(
    () => rig.wire.openStreams > 0,
    40_000,
    () => 'the stream was not opened again',
  );
  return { openings: rig.wire.openings, ms_to_truth_without_stream: deaf };
}

async function halfOpen(rig: Rig): Promise<Figures> {
  await rig.start();
  await until(
    () => rig.wire.openStreams > 0,
    10_000,
    () => 'no stream',
  );
  const openings = rig.wire.openings;
  const startedAt = performance.now();
  rig.wire.freezeStreams();
  const truth = await fillLater(rig, 2);
  await until(
    () => rig.wire.openings > openings,
    60_000,
    () => 'a stream that says nothing was not given up',
  );
  return { ms_to_truth: truth, seconds_to_reopen: Math.round((performance.now() - startedAt) / 1000) };
}

async function strangeFrames(rig: Rig): Promise<Figures> {
  let nth = 0;
  rig.wire.frames = (text, send) => {
    send(text, isUpdate(text) ? nth % 2 === 0 : undefined);
    if (!isUpdate(text)) return;
    nth++;
    if (nth === 1) send('{"stream":"trade_updates","data":{"event":"fill","order":{"id"', true);
    if (nth === 2) send(Buffer.from([0xff, 0xfe, 0x7b]), true);
    if (nth === 3) send('[1,2,3]', true);
    if (nth === 4) send('null', true);
    if (nth === 5) send(`{"stream":"trade_updates","data":"${'x'.repeat(16_000_000)}"}`, true);
    if (nth === 6) send(Buffer.from([0xff, 0xfe]), false);
  };
  await rig.start();
  // Each unreadable frame ends the connection: the next kind comes on the next one.
  for (let round = 0; nth < 6 && round < 30; round++) {
    const before: number = nth;
    await until(
      () => rig.wire.openStreams > 0,
      40_000,
      () => 'the stream was not opened again',
    );
    await sleep(200);
    rig.drop();
    // On a stream that does not listen yet, an order passes unheard: the next will do.
    for (let n = 0; n < 50 && nth === before && rig.wire.openStreams > 0; n++) await sleep(40);
    await sleep(200);
  }
  must(nth >= 6, `only ${nth} frames came`);
  return { kinds: 6, openings: rig.wire.openings };
}

async function unknownOrders(rig: Rig): Promise<Figures> {
  await rig.start();
  await rig.answered(rig.drop());
  await rig.foreignOrder({ ...MARKET, type: 'market', client_order_id: 'manual-1' });
  await rig.foreignOrder({ ...MARKET, type: 'market', client_order_id: 'ghost_20260101000000000001_stockbuy' });
  const dropped = rig.drop();
  await rig.answered(dropped, ({ status }) => status === 'success', 30_000);
  must(rig.posts(dropped).length === 1, 'sent more than once');
  await sleep(2500);
  const after = rig.drop();
  await rig.answered(after, ({ status }) => status === 'success', 30_000);
  const looks = rig.wire.seen.filter(({ method, url }) => method === 'GET' && url.includes(after.clientOrderId)).length;
  must(looks > 0, 'an order of its own form is unknown to the journal, and the next was sent without a look');
  return { foreign: 2, looked_up_before_sending: looks };
}

/** The fill is told before the POST is answered. */
async function fillFirst(rig: Rig): Promise<Figures> {
  rig.wire.hook = async (passing) => {
    if (passing.method !== 'POST') return false;
    const reply = await passing.forward();
    await sleep(700);
    passing.reply(reply);
    return true;
  };
  await rig.start();
  await until(
    () => rig.wire.openStreams > 0,
    10_000,
    () => 'no stream',
  );
  await sleep(200);
  const startedAt = performance.now();
  const dropped = rig.drop();
  await rig.answered(dropped, ({ final, status }) => final && status === 'success');
  const told = Math.round(performance.now() - startedAt);
  await sleep(900);
  must(rig.posts(dropped).length === 1, 'sent more than once');
  return { ms_to_final: told, posts: 1 };
}

async function wrongSums(rig: Rig): Promise<Figures> {
  let changed = 0;
  rig.wire.frames = (text, send) => {
    if (!isUpdate(text)) return send(text);
    const frame = JSON.parse(text) as Frame;
    if (frame.data.event !== 'fill') return send(text);
    changed++;
    send(JSON.stringify({ ...frame, data: { ...frame.data, qty: '0.000000001' } }));
  };
  await rig.start();
  await fillLater(rig, 3);
  return { fills: 3, changed };
}

async function listUnreadable(rig: Rig): Promise<Figures> {
  await rig.start({ TOWER_SWEEP_INTERVAL_MS: '1000' });
  await rig.answered(rig.drop());
  rig.wire.hook = (passing) => {
    if (passing.method !== 'GET') return false;
    passing.end('reset');
    return true;
  };
  await sleep(66_000);
  const before = rig.posted;
  const dropped = rig.drop();
  await sleep(3000);
  const sent = rig.posted - before;
  must(sent === 0, 'an order was sent although the list could not be read for a minute');
  rig.wire.calm();
  await rig.answered(dropped, ({ status }) => status === 'success', 30_000);
  return { sent_while_stale: sent };
}

async function ackWithout(rig: Rig): Promise<Figures> {
  rig.wire.frames = (text, send) => send(text.includes('"listening"') ? text.replace('["trade_updates"]', '[]') : text);
  await rig.start();
  const truth = await fillLater(rig, 2);
  await until(
    () => rig.wire.openings > 1,
    30_000,
    () => 'a stream without trade_updates was taken for one',
  );
  return { openings: rig.wire.openings, ms_to_truth: truth };
}

export const streamRows: readonly Row[] = [
  row('F01', 'fills lost, heartbeats go on', (rig) => lostFill(rig, 30_000), 0.6),
  row('F02', 'every frame ten times, then all of the past backwards', mixedUp),
  row('F02.reorder', 'frames out of order, repeated, garbled', reordered),
  row('F03', 'closed, reset, refused', onAndOff),
  row('F04', 'open, and silent', halfOpen),
  row('F05', 'text frames, half frames, 16 MB, no UTF-8, no JSON', strangeFrames),
  row('F06', 'orders that the journal does not know', unknownOrders),
  row('F07', "the fill comes before the POST's answer", fillFirst),
  row('F08', 'fills that do not add up', wrongSums),
  row('F09', 'stream up, list unreadable for more than a minute', listUnreadable, 1.3),
  row('F10', 'subscription not confirmed', ackWithout),
];

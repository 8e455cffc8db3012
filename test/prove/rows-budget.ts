/**
 * G05: the budget in real time, before an exchange that refuses the first request too many. Must never count where the
 * tower counts: only at the socket. Hours of virtual time, with kills and surprises: `npm run budget`.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Child, sleep } from './process.ts';
import { RESTING, type Rig, Site } from './rig.ts';
import { type Figures, must, type Row } from './row.ts';
import { mostIn } from './rows-process.ts';
import { Tap } from './tap.ts';

const WAITING = 5000;
const CANCELS = 16;
const LEAST_USED = 97;
const WARM_MS = 62_000;
/** Twice the span over which the tower counts: whatever the pattern in it, it comes twice. */
const MEASURED_MS = 121_600;

/** Five thousand orders wait, and now and then one is cancelled; for two minutes. */
async function overrun(rig: Rig): Promise<Figures> {
  const folder = join(rig.folder, 'overrun');
  mkdirSync(folder, { recursive: true });
  const exchange = new Child(
    ['exchange', '--home', join(folder, 'exchange'), '--port', '0', '--rate-limit', '200'],
    {},
  );
  const url = /http:\/\/\S+/.exec(await exchange.ready())?.[0];
  must(url !== undefined, 'the exchange does not say where it is');
  const tap = await Tap.open(url);
  // Not the row's own site: most of its orders never leave, and nothing is to be audited.
  const site = new Site(join(folder, 'home'));
  const resting = Array.from({ length: CANCELS }, () => site.drop({ agent: 'risk', payload: RESTING }));
  // Written before the tower starts: writing them would hold up the wire, and so the moments that are measured.
  const crowd = new Site(site.home);
  const flood = crowd.prepare(Array.from({ length: WAITING }, (_, n) => ({ agent: `agent${n % 8}` })));
  crowd.watcher.close();
  const at = { ALPACA_PAPER_BASE_URL: tap.url, ALPACA_DATA_BASE_URL: tap.url };
  const limits = { TOWER_BUDGET_PER_MINUTE: '200', TOWER_BUDGET_PER_SECOND: '10', TOWER_SWEEP_INTERVAL_MS: '30000' };
  const tower = new Child(['start', '--home', site.home], { env: rig.env({ ...at, ...limits }) });
  const asked: number[] = [];
  try {
    await tower.ready();
    for (const order of resting) await site.answered(order, ({ status }) => status === 'success');
    flood();
    // In its first minute the budget is what is left of what the start has used.
    await sleep(WARM_MS);
    const startedAt = performance.now();
    for (const order of resting) {
      await sleep(startedAt + (MEASURED_MS * (asked.length + 0.5)) / CANCELS - performance.now());
      asked.push(performance.now());
      site.drop({ agent: 'risk', type: 'cancelorder', payload: { client_order_id: order.clientOrderId } });
    }
    await sleep(startedAt + MEASURED_MS - performance.now());
    const { seen: all, refused } = await tap.count();
    const used = all.filter((one) => one.at >= startedAt && one.at < startedAt + MEASURED_MS).length;
    const cancels = all.filter(({ method }) => method === 'DELETE');
    must(cancels.length >= asked.length, `${cancels.length} of ${asked.length} cancels have left`);
    const waits = asked.map((from) => Math.round((cancels.find((one) => one.at >= from)?.at ?? from + 60_000) - from));
    const sorted = waits.toSorted((a, b) => a - b);
    const figures = {
      most_in_60_s: mostIn(all, 60_000),
      most_in_1_s: mostIn(all, 1000),
      requests_seen: all.length,
      used_percent: Math.round((1000 * used) / (200 * (MEASURED_MS / 60_000))) / 10,
      refused_429: refused,
      cancels: waits.length,
      cancel_p50_ms: sorted[Math.floor(sorted.length / 2)] ?? 0,
      cancel_longest_ms: sorted.at(-1) ?? 0,
    };
    const told = JSON.stringify(figures);
    must(figures.most_in_60_s <= 200 && figures.most_in_1_s <= 10, `the budget did not hold: ${told}`);
    must(refused === 0, `the exchange refused: ${told}`);
    // In virtual time it is 97 at least; here the machine may have other things to do.
    must(figures.used_percent >= LEAST_USED, `too little of the budget was used: ${told}`);
    must(figures.cancel_longest_ms < 1000, `a cancel waited: ${told}`);
    return figures;
  } finally {
    await tower.end('SIGKILL');
    await tap.end();
    await exchange.end();
    site.watcher.close();
  }
}

export const budgetRows: readonly Row[] = [
  {
    id: 'G05',
    title: '5,000 orders wait for two minutes before an exchange that enforces its limit',
    promises: ['p7'],
    minutes: 3.5,
    run: overrun,
  },
];

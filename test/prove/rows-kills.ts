/**
 * A02: kill -9 at random moments under load, again and again on one home. Must never wait for a quiet moment to kill.
 */
import { chanceOf } from './chance.ts';
import { sleep } from './process.ts';
import { MARKET, RESTING, type Rig } from './rig.ts';
import type { Figures, Row } from './row.ts';

const AGENTS = ['alpha', 'beta', 'gamma', 'delta'] as const;
/** Kills on one home before it is settled, stopped in order, and audited. */
const PER_HOME = 250;

/** Drops on while a tower lives, kills it, starts the next; `count` times. */
async function randomKills(rig: Rig, count: number, seed: number, refusals: boolean): Promise<Figures> {
  const chance = chanceOf(seed);
  let beforeReady = 0;
  let slowest = 0;
  for (let n = 0; n < count; n++) {
    const startedAt = performance.now();
    const tower = rig.launch({}, { direct: true });
    // One in five dies while it starts and recovers.
    const early = chance.fraction() < 0.2;
    if (early) beforeReady++;
    else {
      await tower.ready(60_000);
      slowest = Math.max(slowest, performance.now() - startedAt);
    }
    const end = performance.now() + chance.whole(20, early ? 600 : 800);
    while (performance.now() < end) {
      dropOne(
        rig,
        refusals ? chance.fraction() : chance.fraction() * 0.7,
        AGENTS[chance.whole(0, AGENTS.length - 1)] ?? 'alpha',
      );
      await sleep(Math.min(chance.whole(5, 120), Math.max(0, end - performance.now())));
    }
    await tower.end('SIGKILL');
  }
  return { kills: count, before_ready: beforeReady, slowest_start_ms: Math.round(slowest) };
}

function dropOne(rig: Rig, choice: number, agent: string): void {
  if (choice < 0.6) rig.drop({ agent, payload: MARKET });
  else if (choice < 0.75) rig.drop({ agent, payload: RESTING });
  else if (choice < 0.85) rig.drop({ agent, payload: { ...MARKET, qty: '999999999' } });
  else if (choice < 0.95) {
    const target = rig.site.dropped.findLast((dropped) => dropped.agent === agent && dropped.type === 'stockbuy');
    if (target !== undefined)
      rig.drop({ agent, type: 'cancelorder', payload: { client_order_id: target.clientOrderId } });
  } else rig.drop({ agent, type: 'accountinfo', payload: {} });
}

interface KillOptions {
  /** In all; shared by rows of at most so many each, so that two stands share the work. */
  readonly kills: number;
  readonly seed: number;
  /** Whether orders are among them that the exchange refuses: such doubt ends only by absence, minutes later. */
  readonly refusals?: boolean;
}

export function killRows({ kills, seed, refusals = true }: KillOptions): readonly Row[] {
  const rows = Math.max(2, Math.ceil(kills / PER_HOME));
  return Array.from({ length: rows }, (_, index) => {
    const count = Math.floor(kills / rows) + (index < kills % rows ? 1 : 0);
    return {
      id: `A02.${index + 1}`,
      title: `${count} random kills under load`,
      promises: ['p1', 'p2', 'p3'],
      minutes: count / 50,
      async run(rig) {
        const figures = await randomKills(rig, count, seed + index, refusals);
        await rig.conclude(240_000);
        return figures;
      },
    } satisfies Row;
  });
}

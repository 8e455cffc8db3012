/**
 * I06 in twelve broken conditions: `tower halt` returns, and after that no new order leaves. Measured at the wire, outside of
 * the tower. Must never count an order that had left before, nor forgive one that came after.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Sqlite from 'better-sqlite3';
import { type Child, sleep } from './process.ts';
import { MARKET, RESTING, type Rig, type Site } from './rig.ts';
import { type Figures, leave, machine, must, need, type Row } from './row.ts';

const ENTRY = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const WATCHED_MS = 1500;

interface Outcome {
  readonly code: number | null;
  readonly ms: number;
  /** When it returned, Unix milliseconds, by a process that does nothing but look at the clock then. */
  readonly at: number;
  readonly onTheirWay: number | null;
  readonly tower: string;
}

/** Runs `tower halt` as a person would. */
async function halt(home: string, ...more: readonly string[]): Promise<Outcome> {
  const startedAt = performance.now();
  const args = [
    '--disable-warning=ExperimentalWarning',
    ENTRY,
    'halt',
    '--home',
    home,
    '--reason',
    'proof',
    '--json',
    ...more,
  ];
  const returned = `"$@"; code=$?; date +%s%N >&2; exit $code`;
  const child = spawn('sh', ['-c', returned, 'sh', process.execPath, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString('utf8');
  });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString('utf8');
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const at = Number(/^\d{19}$/m.exec(err)?.[0]) / 1e6;
  const told = /^\{.*\}$/m.exec(out)?.[0];
  const { on_their_way: onTheirWay = null, tower = '' } = told === undefined ? {} : JSON.parse(told);
  return { code, ms: Math.round(performance.now() - startedAt), at, onTheirWay, tower };
}

/** A moment of the wire's clock as Unix milliseconds. */
const unix = (at: number): number => at + Date.now() - performance.now();

const isOrder = ({ method, url }: Rig['wire']['seen'][number]): boolean => method === 'POST' && url === '/v2/orders';

interface Scene {
  readonly rig: Rig;
  readonly site: Site;
  readonly tower: Child;
}

interface Condition {
  readonly id: string;
  readonly title: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Where the home lies; by default in a folder. */
  readonly disk?: true;
  /** Makes things go wrong; what it returns puts them right again. */
  readonly breaks?: (scene: Scene) => Promise<(() => void | Promise<void>) | undefined>;
  readonly args?: readonly string[];
  /** What must happen between the halt and the count. */
  readonly afterwards?: (scene: Scene) => Promise<void>;
  /** No file can be made: it says so, and has ended the tower. */
  readonly code?: number;
  /** Orders that may have left without an answer. */
  readonly most?: number;
  readonly minutes?: number;
}

const CONDITIONS: readonly Condition[] = [
  {
    id: 'disk-full',
    title: 'the disk is full',
    disk: true,
    breaks: async ({ site }) => {
      // Ever smaller files take the last blocks.
      const folder = join(site.home, 'fill');
      mkdirSync(folder);
      for (let n = 0, size = 1 << 20; size >= 512; n++) {
        try {
          writeFileSync(join(folder, String(n)), Buffer.alloc(size));
        } catch {
          size >>= 1;
        }
      }
      return () => rmSync(folder, { recursive: true });
    },
    args: ['--hard'],
  },
  {
    id: 'broker-hangs',
    title: 'the broker takes orders and does not answer',
    env: { TOWER_BUDGET_PER_MINUTE: '200', TOWER_BUDGET_PER_SECOND: '10' },
    most: 4,
    breaks: async ({ rig }) => {
      rig.wire.hook = ({ method }) => method === 'POST';
      return undefined;
    },
  },
  {
    id: 'journal-locked',
    title: 'another process holds the journal',
    breaks: async ({ site }) => {
      const db = new Sqlite(join(site.home, 'data/tower.db'), { timeout: 3000 });
      db.exec('BEGIN IMMEDIATE');
      return () => db.close();
    },
    args: ['--timeout', '1', '--hard'],
  },
  {
    id: 'busy',
    title: 'the process stands still',
    breaks: async ({ tower }) => {
      tower.signal('SIGSTOP');
      return () => tower.signal('SIGCONT');
    },
    args: ['--timeout', '0.5', '--hard'],
  },
  {
    id: 'stream-down',
    title: 'there is no stream',
    breaks: async ({ rig }) => {
      rig.wire.takesStreams = false;
      rig.wire.dropStreams('reset');
      return undefined;
    },
  },
  {
    id: 'restart',
    title: 'the tower is stopped and started again',
    afterwards: async ({ rig, tower }) => {
      await tower.end();
      await rig.start();
    },
  },
  {
    id: 'kill',
    title: 'kill -9 just after, and a new start',
    afterwards: async ({ rig, tower }) => {
      await tower.end('SIGKILL');
      await rig.start();
    },
  },
  {
    id: 'many-waiting',
    title: 'hundreds of orders wait',
    env: { TOWER_BUDGET_PER_SECOND: '40' },
    breaks: async ({ site }) => {
      site.prepare(Array.from({ length: 300 }, () => ({ payload: RESTING })))();
      return undefined;
    },
  },
  {
    id: 'in-flight',
    title: 'sendings are in flight',
    breaks: async ({ rig }) => {
      rig.wire.hook = async ({ method }) => {
        if (method === 'POST') await sleep(400);
        return false;
      };
      return undefined;
    },
  },
  {
    id: 'budget-spent',
    title: 'the budget is spent',
    // The tower's own looks shall leave some of it to orders.
    env: { TOWER_BUDGET_PER_MINUTE: '20', TOWER_BUDGET_PER_SECOND: '20', TOWER_SWEEP_INTERVAL_MS: '30000' },
  },
  {
    id: 'in-doubt',
    title: 'orders are in doubt, and would be sent again',
    env: { TOWER_DOUBT_SETTLE_MS: '700' },
    breaks: async ({ rig }) => {
      rig.wire.hook = (passing) => {
        if (passing.method !== 'POST') return false;
        passing.end('reset');
        return true;
      };
      return undefined;
    },
    minutes: 4,
  },
  {
    id: 'read-only',
    title: 'no file can be made in the home',
    disk: true,
    breaks: async ({ site }) => {
      const folder = join(site.home, 'data/halt');
      machine('mount', '--bind', folder, folder);
      machine('mount', '-o', 'remount,ro,bind', folder);
      return () => leave('umount', folder);
    },
    args: ['--hard'],
    code: 1,
  },
];

async function prove(rig: Rig, condition: Condition, site: Site): Promise<Figures> {
  const { env = {}, args = [], breaks, afterwards } = condition;
  const tower = await rig.start(env, { site });
  rig.lastEnv = env;
  await site.answered(site.drop({ payload: MARKET }));
  const scene: Scene = { rig, site, tower };
  // Agents have written their files; the names appear one by one, also on a disk that takes nothing more.
  const releases = Array.from({ length: 240 }, () => site.prepare([{ payload: RESTING }]));
  let isOver = false;
  const dropping = (async () => {
    for (const release of releases) {
      release();
      if (!isOver) await sleep(15);
    }
  })();
  await sleep(300);
  const mend = await breaks?.(scene);
  await sleep(500);
  const outcome = await halt(site.home, ...args);
  await sleep(300);
  await mend?.();
  await afterwards?.(scene);
  await sleep(WATCHED_MS);
  isOver = true;
  await dropping;
  await sleep(300);
  const orders = rig.wire.seen.filter(isOrder);
  const after = orders.filter(({ at }) => unix(at) > outcome.at).length;
  // What was dropped during the halt is refused by it, also where a slow machine takes it late.
  const incoming = join(site.home, 'orders', 'incoming');
  for (let n = 0; n < 100 && rig.isAnyRunning && readdirSync(incoming).length > 0; n++) await sleep(100);
  rmSync(join(site.home, 'data/halt/all'), { force: true });
  must(outcome.code === (condition.code ?? 0), `tower halt ended with ${outcome.code}`);
  must(orders.length > after, 'nothing had left before the halt');
  must(after === 0, `${after} orders left after tower halt had returned`);
  const onTheirWay = outcome.onTheirWay ?? 0;
  must(onTheirWay <= (condition.most ?? 64), `${onTheirWay} orders had left without an answer`);
  await rig.conclude(200_000);
  return {
    orders_before: orders.length - after,
    orders_after: after,
    halt_ms: outcome.ms,
    on_their_way: outcome.onTheirWay ?? 'unknown',
    tower: outcome.tower,
  };
}

/** Orders keep coming, and it is halted and resumed again and again. */
async function provePlain(rig: Rig, rounds: number): Promise<Figures> {
  const { site } = rig;
  await rig.start();
  const figures = { halts: rounds, orders_before: 0, orders_after: 0, on_their_way_most: 0 };
  const took: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await site.answered(site.drop({ payload: MARKET }), ({ sent }) => sent === 'yes');
    const from = rig.wire.seen.length;
    let isOver = false;
    const dropping = (async () => {
      while (!isOver) {
        site.drop({ payload: RESTING });
        await sleep(5);
      }
    })();
    await sleep(150 + (round % 10) * 7);
    const outcome = await halt(site.home);
    await sleep(400);
    isOver = true;
    await dropping;
    const orders = rig.wire.seen.slice(from).filter(isOrder);
    const after = orders.filter(({ at }) => unix(at) > outcome.at).length;
    figures.orders_before += orders.length - after;
    figures.orders_after += after;
    figures.on_their_way_most = Math.max(figures.on_their_way_most, outcome.onTheirWay ?? Number.POSITIVE_INFINITY);
    took.push(outcome.ms);
    must(outcome.code === 0, `tower halt ended with ${outcome.code}`);
    must(orders.length > after, 'nothing had left before the halt');
    const last = Math.max(...orders.map(({ at }) => unix(at) - outcome.at)).toFixed(1);
    const words = `in round ${round + 1}, the last ${last} ms after it; ${JSON.stringify(outcome)}`;
    must(after === 0, `${after} orders left after tower halt had returned, ${words}`);
    rmSync(join(site.home, 'data/halt/all'));
  }
  await rig.conclude(200_000);
  took.sort((a, b) => a - b);
  return { ...figures, halt_ms_p50: took[rounds >> 1] ?? 0, halt_ms_most: took.at(-1) ?? 0 };
}

/** On a small disk of its own, which is gone when the row has ended. */
async function onDisk(rig: Rig, work: (site: Site) => Promise<Figures>): Promise<Figures> {
  need('root');
  const mount = `${rig.site.home}-disk`;
  mkdirSync(mount);
  machine('mount', '-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', mount);
  try {
    return await work(rig.moveTo(join(mount, 'home')));
  } finally {
    await rig.killTowers();
    leave('umount', '-l', mount);
  }
}

const plainRow = (halts: number): Row => ({
  id: 'I06.plain',
  title: 'halt: orders keep coming',
  promises: ['p8', 'halt'],
  minutes: Math.ceil(halts / 30),
  run: (rig) => provePlain(rig, halts),
});

const brokenRows: readonly Row[] = CONDITIONS.map((condition) => ({
  id: `I06.${condition.id}`,
  title: `halt: ${condition.title}`,
  promises: ['p8', 'halt'],
  ...(condition.minutes === undefined ? {} : { minutes: condition.minutes }),
  run: (rig) =>
    condition.disk === true ? onDisk(rig, (site) => prove(rig, condition, site)) : prove(rig, condition, rig.site),
}));

/** `halts`: how often it is halted while orders keep coming. */
export const haltRows = ({ halts }: { readonly halts: number }): readonly Row[] => [plainRow(halts), ...brokenRows];

/**
 * What a seed draws: which faults exist at all, and how often each strikes (swarm testing: a fault that is always there
 * hides what happens without it). Must never depend on anything but the seed.
 */
import { below, chance, fraction, pick, type Random } from '../../src/lib/random.ts';
import type { LimitSettings } from '../../src/risk/rules.ts';
import { limitsSchema } from '../../src/settings.limits.ts';

export interface Plan {
  /** Order files that agents drop, and the virtual milliseconds over which they do. */
  readonly drops: number;
  readonly spanMs: number;
  readonly agents: number;
  readonly budget: { readonly perMinute: number; readonly perSecond: number };
  readonly pollMs: number;
  /** Halts that a person makes and ends. */
  readonly halts: number;
  /** Limits of the account and of its agents; none in most seeds. */
  readonly limits: LimitSettings;
  /** How far the tower's wall clock is off, at most, anew with every start and once in between. */
  readonly wallOffMs: number;
  /** The tower's settings for doubt; the faults below stay within what they promise to bear. */
  readonly settleMs: number;
  readonly maxDelayMs: number;
  readonly resend: boolean;
  readonly latePolicy: 'cancel' | 'keep';
  readonly shape: Shape;
  readonly crash: CrashPlan;
  readonly disk: DiskPlan;
  readonly journal: JournalPlan;
  readonly network: NetworkPlan;
  readonly stream: StreamPlan;
  readonly broker: BrokerPlan;
}

/** Chances with which an agent does something unusual with a file. */
interface Shape {
  readonly invalid: number;
  readonly repeat: number;
  /** The same name with other content. */
  readonly clash: number;
  /** Written in two pieces under its final name. */
  readonly slow: number;
  readonly synced: number;
  readonly badName: number;
  readonly shortLived: number;
  readonly cancel: number;
  readonly query: number;
  /** An answer is deleted by its reader. */
  readonly deleteAnswer: number;
}

export interface CrashPlan {
  readonly count: number;
  readonly power: number;
  /** Chance that a crash waits for a failpoint or a port call instead of a moment. */
  readonly atPoint: number;
  /** Chance that it strikes in the first calls of a start. */
  readonly atStart: number;
  /** Share of ends that are orderly stops. */
  readonly orderly: number;
  /** Longest pause before the next start, in milliseconds. */
  readonly pauseMs: number;
}

export interface DiskPlan {
  /** Chance that a write, sync, rename or removal fails. */
  readonly fail: number;
  readonly listFail: number;
  readonly readFail: number;
  /** Longest that one sync takes, in milliseconds. */
  readonly syncMs: number;
  /** Chance that a change rings the watch. */
  readonly rings: number;
}

interface JournalPlan {
  readonly ioError: number;
  /** Chance at a crash that the journal is gone, or is an older copy. */
  readonly lost: number;
  readonly rolledBack: number;
}

export interface NetworkPlan {
  readonly latencyMs: number;
  readonly refuse: number;
  /** Reset; the request never arrives. */
  readonly loseBefore: number;
  /** Arrives; the answer is lost. */
  readonly loseAfter: number;
  /** The tower's socket is reset, and the request arrives up to `lateMs` later, which is within the longest delay. */
  readonly late: number;
  readonly lateMs: number;
  /** 500, 502, 503, 504: unread, after acting, or with a copy that still arrives. */
  readonly gateway: number;
  readonly cut: number;
  readonly html: number;
  readonly limited: number;
  readonly limitedHeaders: boolean;
  readonly keys: number;
  /** Chance that a request under way at a crash still arrives. */
  readonly surviveCrash: number;
  /** Nobody can be reached for so long, once. 0 for never. */
  readonly outageMs: number;
}

export interface StreamPlan {
  readonly drop: number;
  readonly repeat: number;
  readonly reorder: number;
  readonly silence: number;
  readonly disconnect: number;
  readonly garbage: number;
  readonly refuse: number;
  readonly absent: boolean;
}

export interface BrokerPlan {
  readonly unique: boolean;
  readonly uniqueFirst: boolean;
  /** Chance that the buying power does not suffice at a moment. */
  readonly poor: number;
  readonly invalid: number;
  readonly lookupLagMs: number;
  readonly listLagMs: number;
  readonly rejectLater: number;
  readonly fills: number;
  readonly partial: number;
  readonly fillMs: number;
  readonly cancelMs: number;
  readonly fillWhileCancelling: number;
  readonly foreign: number;
  readonly perMinute: number;
}

/** `people` is a stream of its own: what is drawn from it changes nothing else. */
export function drawPlan(random: Random, people: Random): Plan {
  const one = (probability: number): boolean => chance(random, probability);
  /** A rate up to `most` in a share of the seeds, else none. Small rates are as likely as large ones. */
  const rate = (share: number, most: number): number => (one(share) ? most * fraction(random) ** 2 : 0);
  const upTo = (share: number, most: number): number => (one(share) ? below(random, most) + 1 : 0);
  const unique = one(0.85);
  const losesJournal = unique && one(0.2);
  const calm = one(0.08);
  const share = calm ? 0 : 0.4;
  const drops = 4 + below(random, one(0.1) ? 40 : 13);
  const small = one(0.2);
  // The default is a quarter of an hour; most seeds make it short, which changes nothing but how long they take.
  const maxDelayMs = pick(random, [900_000, 120_000, 120_000, 60_000]);
  const settleMs = maxDelayMs === 900_000 ? 20_000 : pick(random, [20_000, 5_000]);
  return {
    drops,
    spanMs: pick(random, [5_000, 30_000, 120_000, 120_000, 300_000, 900_000]),
    agents: 1 + below(random, 4),
    budget: small
      ? { perMinute: 20 + below(random, 60), perSecond: 2 + below(random, 6) }
      : { perMinute: 200, perSecond: 10 },
    halts: chance(people, 0.25) ? 1 + below(people, 3) : 0,
    limits: drawLimits(people),
    pollMs: pick(random, [500, 2_000, 5_000, 5_000, 10_000]),
    wallOffMs: one(0.15) ? pick(random, [2_000, 120_000, 7_200_000]) : 0,
    settleMs,
    maxDelayMs,
    resend: unique && one(0.8),
    latePolicy: one(0.5) ? 'cancel' : 'keep',
    shape: {
      invalid: rate(0.5, 0.3),
      repeat: rate(0.5, 0.3),
      clash: rate(0.4, 0.2),
      slow: rate(0.4, 0.5),
      synced: fraction(random),
      badName: rate(0.3, 0.2),
      shortLived: rate(0.4, 0.5),
      cancel: rate(0.7, 0.5),
      query: rate(0.6, 0.4),
      deleteAnswer: rate(0.2, 0.3),
    },
    crash: {
      count: calm ? 0 : upTo(0.75, 6),
      power: one(0.6) ? fraction(random) : 0,
      atPoint: 0.3 + 0.7 * fraction(random),
      atStart: rate(0.5, 0.6),
      orderly: rate(0.4, 0.5),
      pauseMs: pick(random, [200, 5_000, 30_000, 60_000, 600_000]),
    },
    disk: {
      fail: rate(share, 0.2),
      listFail: rate(share / 2, 0.3),
      readFail: rate(share / 3, 0.1),
      syncMs: pick(random, [0, 2, 2, 20, 500]),
      rings: one(0.6) ? 1 : fraction(random),
    },
    journal: {
      ioError: rate(share / 2, 0.03),
      lost: losesJournal && one(0.6) ? 0.5 : 0,
      rolledBack: losesJournal ? 0.5 : 0,
    },
    network: {
      latencyMs: pick(random, [5, 40, 40, 200, 1_500]),
      refuse: rate(share, 0.4),
      loseBefore: rate(share, 0.4),
      loseAfter: rate(share, 0.4),
      late: rate(0.5, 0.8),
      // Half a second below the longest: the sender's clock starts a little after its last byte.
      lateMs: Math.min(maxDelayMs - 500, pick(random, [2_000, 30_000, 120_000, 900_000])),
      gateway: rate(share, 0.4),
      cut: rate(share, 0.2),
      html: rate(share, 0.2),
      limited: rate(share, 0.3),
      limitedHeaders: one(0.5),
      keys: rate(share / 4, 0.03),
      surviveCrash: fraction(random),
      outageMs: calm || one(0.85) ? 0 : pick(random, [20_000, 120_000, 400_000]),
    },
    stream: {
      drop: rate(share, 0.6),
      repeat: rate(share, 0.4),
      reorder: rate(share, 0.6),
      silence: rate(share / 2, 0.1),
      disconnect: rate(share, 0.1),
      garbage: rate(share / 2, 0.1),
      refuse: rate(share / 2, 0.8),
      absent: one(0.05),
    },
    broker: {
      unique,
      uniqueFirst: one(0.5),
      // What an earlier journal has sent is best denied by a broker that refuses the second copy for want of money.
      poor: rate(losesJournal ? 0.9 : 0.5, 0.8),
      invalid: rate(0.3, 0.3),
      lookupLagMs: one(share) ? pick(random, [500, 5_000, 30_000]) : 0,
      listLagMs: one(share) ? pick(random, [500, 5_000, 30_000]) : 0,
      rejectLater: rate(share, 0.4),
      fills: fraction(random),
      partial: rate(0.6, 0.8),
      fillMs: pick(random, [10, 300, 5_000, 120_000]),
      cancelMs: pick(random, [1, 100, 5_000, 70_000]),
      fillWhileCancelling: rate(0.4, 0.8),
      foreign: rate(0.3, 0.3),
      perMinute: one(0.9) ? 100_000 : 200,
    },
  };
}

/** Limits that a few orders reach. */
function drawLimits(random: Random): LimitSettings {
  const none = limitsSchema.parse({ agent: {}, account: {} });
  if (!chance(random, 0.3)) return { limits: none, agents: new Map() };
  const some = (most: number): number | null => (chance(random, 0.4) ? 1 + below(random, most) : null);
  const money = (): string | null => (chance(random, 0.4) ? String(50 * (1 + below(random, 40))) : null);
  return {
    limits: {
      ...none,
      conflicts: pick(random, ['off', 'off', 'refuse', 'hold'] as const),
      agent: {
        ...none.agent,
        open_orders: some(6),
        position_qty: chance(random, 0.4) ? String(1 + below(random, 6)) : null,
      },
      account: { ...none.account, open_orders: some(12), gross_value: money() },
    },
    agents: new Map(),
  };
}

/**
 * The figures of the tower, each taken on a real process: latency, throughput, what an order costs, and what a long past
 * costs. Must never compare across runs: whatever is a ratio has both sides measured here, in turns.
 */
import { floor } from './tower-floor.ts';
import { fillJournal } from './tower-journal.ts';
import { type Counterpart, monotonicMs, Rig, startAnswerer, startExchangeProcess } from './tower-rig.ts';

export interface Plan {
  /** Orders of one paced round, and how many such rounds. */
  readonly paced: number;
  readonly rounds: number;
  /** Orders dropped at once, and how often. */
  readonly burst: number;
  readonly bursts: number;
  /** Finished orders of the long journal. */
  readonly rows: number;
  readonly profile: boolean;
  /** Told what is being measured. */
  say(text: string): void;
}

/** Milliseconds. */
export interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface Burst {
  /** Orders per second from the first drop to the last answer, and the same until all were on the wire. */
  readonly perSecond: number;
  readonly perSecondOnWire: number | null;
  /** Milliseconds from the first drop. */
  readonly firstWireMs: number | null;
  readonly lastWireMs: number | null;
  readonly lastAnswerMs: number;
  /** Orders per second until every answer was final: fills and what else the stream told are journaled and published. */
  readonly perSecondFinal: number;
  readonly cpuSecondsPer1000: number;
}

export interface Figures {
  readonly fileToWire: Spread;
  readonly answerToResponse: Spread;
  readonly fileToResponse: Spread;
  readonly floor: Spread;
  /** Median of the tower's file → answer, the exchange of HTTP included, over the floor's. */
  readonly toFloor: number;
  readonly burst: Burst;
  /** Orders per second of the burst over those of the floor, which has no group commit. */
  readonly burstToFloor: number;
  readonly burstAtExchange: Burst;
  readonly rssMb: number;
  readonly peakRssMb: number;
  readonly journalBytesPerOrder: number;
  readonly rows: number;
  readonly startMs: { readonly empty: number; readonly long: number };
  readonly startRssMb: { readonly empty: number; readonly long: number };
  /** Median of file → wire with the long journal over that with a short one, and the same for file → answer. */
  readonly longToShort: { readonly fileToWire: number; readonly fileToResponse: number };
}

const PACE_MS = 20;
const WARM_UP = 200;
/** Between rounds, so that what the last one left (deleted files, marks) is over. */
const REST_MS = 300;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const sorted = (values: readonly number[]): readonly number[] => values.toSorted((a, b) => a - b);
const at = (values: readonly number[], share: number): number =>
  sorted(values)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN;
const median = (values: readonly number[]): number => at(values, 0.5);
const spread = (values: readonly number[]): Spread => ({
  p50: median(values),
  p99: at(values, 0.99),
  max: Math.max(...values),
});

interface Paced {
  readonly fileToWire: readonly number[];
  readonly answerToResponse: readonly number[];
  readonly fileToResponse: readonly number[];
}

const joined = (rounds: readonly Paced[]): Paced => ({
  fileToWire: rounds.flatMap((round) => round.fileToWire),
  answerToResponse: rounds.flatMap((round) => round.answerToResponse),
  fileToResponse: rounds.flatMap((round) => round.fileToResponse),
});

/** One order every 20 ms, at a pace that neither this process nor the last order disturbs. */
async function paced(rig: Rig, counterpart: Counterpart, count: number): Promise<Paced> {
  await counterpart.take();
  const staged = rig.stage(count);
  await sleep(REST_MS);
  const dropped = new Map<string, number>();
  const done = rig.answers(count);
  const began = monotonicMs();
  for (const [index, { id, file }] of staged.entries()) {
    await sleep(Math.max(1, began + index * PACE_MS - monotonicMs()));
    dropped.set(id, rig.drop(file));
  }
  await done;
  const moments = new Map((await counterpart.take()).map((moment) => [moment.id, moment]));
  const result = { fileToWire: [] as number[], answerToResponse: [] as number[], fileToResponse: [] as number[] };
  for (const { id, file } of staged) {
    const moment = moments.get(id);
    const drop = dropped.get(id);
    if (moment === undefined || drop === undefined) throw new Error(`${id} never reached the answerer`);
    result.fileToWire.push(moment.arrived - drop);
    result.answerToResponse.push(rig.seenAt(file) - moment.answered);
    result.fileToResponse.push(rig.seenAt(file) - drop);
  }
  return result;
}

async function burst(rig: Rig, counterpart: Counterpart, count: number): Promise<Burst> {
  await counterpart.take();
  const staged = rig.stage(count);
  await sleep(REST_MS);
  const done = rig.answers(count);
  const cpu = rig.cpuSeconds();
  const began = monotonicMs();
  for (const { file } of staged) rig.drop(file);
  await done;
  const last = Math.max(...staged.map(({ file }) => rig.seenAt(file))) - began;
  await rig.final(staged.map(({ file }) => file));
  const final = monotonicMs() - began;
  await sleep(REST_MS);
  const cpuSecondsPer1000 = ((rig.cpuSeconds() - cpu) / count) * 1000;
  const arrived = sorted((await counterpart.take()).map((moment) => moment.arrived - began));
  const lastWireMs = arrived.at(-1) ?? null;
  return {
    perSecond: (count / last) * 1000,
    perSecondOnWire: lastWireMs === null ? null : (count / lastWireMs) * 1000,
    firstWireMs: arrived[0] ?? null,
    lastWireMs,
    lastAnswerMs: last,
    perSecondFinal: (count / final) * 1000,
    cpuSecondsPer1000,
  };
}

/** The burst with the median rate of several. */
async function bursts(rig: Rig, counterpart: Counterpart, plan: Plan): Promise<Burst> {
  const all: Burst[] = [];
  for (let n = 0; n < plan.bursts; n++) all.push(await burst(rig, counterpart, plan.burst));
  const ranked = all.toSorted((a, b) => a.perSecond - b.perSecond);
  const middle = ranked[Math.floor(ranked.length / 2)];
  if (middle === undefined) throw new Error('no burst was measured');
  return middle;
}

export async function measureTower(plan: Plan): Promise<Figures> {
  const answerer = await startAnswerer();
  const young = new Rig(4, plan.profile);
  const old = new Rig();
  try {
    plan.say('start with an empty journal');
    const startEmpty = await young.start(answerer);
    const rssEmpty = young.memory().now;
    await burst(young, answerer, WARM_UP);

    plan.say(`latency: ${plan.rounds} rounds of ${plan.paced} orders at 50/s, in turns with the floor`);
    const rounds: Paced[] = [];
    const floors: number[] = [];
    await floor(answerer.url, 50);
    for (let n = 0; n < plan.rounds; n++) {
      floors.push(...(await floor(answerer.url, plan.paced)));
      rounds.push(await paced(young, answerer, plan.paced));
    }
    const latency = joined(rounds);

    plan.say(`throughput: ${plan.bursts} bursts of ${plan.burst} orders`);
    const pure = await bursts(young, answerer, plan);
    const memory = young.memory();
    await young.stop();
    const orders = WARM_UP + plan.rounds * plan.paced + plan.bursts * plan.burst;
    const journalBytesPerOrder = young.journalBytes() / orders;

    await fillJournal(old.journalFile, plan.rows, (done) => plan.say(`a journal of ${done} finished orders`));
    plan.say('start with it, and latency in turns with a short journal');
    const startLong = await old.start(answerer);
    const rssLong = old.memory().now;
    await young.start(answerer);
    await burst(old, answerer, WARM_UP);
    await burst(young, answerer, WARM_UP);
    const turns: { readonly long: Paced; readonly short: Paced }[] = [];
    for (let n = 0; n < plan.rounds; n++) {
      turns.push({
        short: await paced(young, answerer, plan.paced),
        long: await paced(old, answerer, plan.paced),
      });
    }
    await old.stop();
    await young.stop();
    const long = joined(turns.map((turn) => turn.long));
    const short = joined(turns.map((turn) => turn.short));

    plan.say('throughput with the exchange as the other side');
    const burstAtExchange = await atExchange(plan);
    const floorSpread = spread(floors);
    return {
      fileToWire: spread(latency.fileToWire),
      answerToResponse: spread(latency.answerToResponse),
      fileToResponse: spread(latency.fileToResponse),
      floor: floorSpread,
      toFloor: median(latency.fileToResponse) / floorSpread.p50,
      burst: pure,
      burstToFloor: (pure.perSecond * floors.reduce((sum, ms) => sum + ms, 0)) / floors.length / 1000,
      burstAtExchange,
      rssMb: memory.now,
      peakRssMb: memory.peak,
      journalBytesPerOrder,
      rows: plan.rows,
      startMs: { empty: startEmpty, long: startLong },
      startRssMb: { empty: rssEmpty, long: rssLong },
      longToShort: {
        fileToWire: median(long.fileToWire) / median(short.fileToWire),
        fileToResponse: median(long.fileToResponse) / median(short.fileToResponse),
      },
    };
  } finally {
    await young.end();
    await old.end();
    await answerer.stop();
  }
}

async function atExchange(plan: Plan): Promise<Burst> {
  const exchange = await startExchangeProcess();
  const rig = new Rig();
  try {
    await rig.start(exchange);
    await burst(rig, exchange, WARM_UP);
    return await bursts(rig, exchange, plan);
  } finally {
    await rig.end();
    await exchange.stop();
  }
}

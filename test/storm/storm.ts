/**
 * One seed: the whole tower on virtual time, through a safety phase (every fault that the seed has drawn) and a liveness
 * phase (none, and everything must come to its end). Must give the same run for the same seed, step by step.
 */
import { alpacaBroker } from '../../src/broker/alpaca/client.ts';
import { INCOMING } from '../../src/ingress/folder.ts';
import { below, chance, fraction, pick, type Random, seededRandom } from '../../src/lib/random.ts';
import { CannotStart } from '../../src/observe/events.ts';
import { Pipeline } from '../../src/pipeline.ts';
import { limitRules } from '../../src/risk/rules.ts';
import { Agents, NAMES } from './agents.ts';
import { checkDurable, checkEnd, isSettled } from './audit.ts';
import type { BookOrder, Venue } from './book.ts';
import { drive, VirtualTime } from './clock.ts';
import { Disk } from './disk.ts';
import { ExchangeBroker } from './exchange-broker.ts';
import { simFiles } from './files.ts';
import { JournalBox } from './journal.ts';
import { LedgerBroker } from './ledger.ts';
import { Crash, drawDoom, Injected, Life } from './life.ts';
import { Wire } from './network.ts';
import { Oracle, type Violation } from './oracle.ts';
import { drawPlan, type Plan } from './plan.ts';
import { CALM, isAnswer, MIRROR, oneLine, optionsOf } from './setting.ts';
import { Trace } from './trace.ts';

interface SeedFigures {
  readonly virtualUs: number;
  readonly steps: number;
  readonly drops: number;
  readonly orders: number;
  readonly posts: number;
  readonly requests: number;
  readonly crashes: number;
  readonly powerCuts: number;
  readonly orderlyStops: number;
  readonly journalsLost: number;
  readonly duplicates: number;
  readonly inDoubt: number;
  readonly longestDoubtUs: number;
  readonly statements: number;
  readonly queries: number;
  readonly mirrored: number;
  readonly exposure: number;
}

export interface SeedResult {
  readonly seed: number;
  readonly hash: string;
  readonly violations: readonly Violation[];
  readonly figures: SeedFigures;
  readonly plan: Plan;
  readonly trace: readonly string[];
}

const BROKERS = ['ledger', 'exchange', 'mixed'] as const;
/** Which broker stands behind the network; `mixed` takes the exchange for every eighth seed. */
export type BrokerChoice = (typeof BROKERS)[number];
export const isBroker = (text: string): text is BrokerChoice => (BROKERS as readonly string[]).includes(text);

export interface SeedOptions {
  readonly broker?: BrokerChoice;
  /** Keep the lines of the trace. */
  readonly trace?: boolean;
}

const EXCHANGE_EVERY = 8;

/** Faults end, and this much later everything must have come to its end. */
const LIVENESS_US = 40 * 60_000_000;
const LOOK_EVERY_US = 5_000_000;
/** An orderly stop may wait for the answers that are under way, and for the budget. */
const STOP_WITHIN_US = 180_000_000;

export async function runSeed(seed: number, options: SeedOptions = {}): Promise<SeedResult> {
  const { broker = 'mixed', trace = false } = options;
  const usesExchange = broker === 'exchange' || (broker === 'mixed' && seed % EXCHANGE_EVERY === 0);
  const storm = new Storm(seed, usesExchange, trace);
  current = storm;
  await drive(() => storm.step());
  return storm.result();
}

/** The run that is under way: what its promises throw and nobody catches is told to it. */
let current: Storm | null = null;

/** In a real process such a rejection ends it. Call once. */
export function watchRejections(): void {
  process.on('unhandledRejection', (error) => current?.unhandled(error));
}

class Storm {
  readonly #seed: number;
  readonly #plan: Plan;
  readonly #time = new VirtualTime();
  readonly #trace: Trace;
  readonly #disk = new Disk();
  readonly #box = new JournalBox();
  readonly #venue: Venue;
  readonly #wire: Wire;
  readonly #oracle: Oracle;
  readonly #agents: Agents;
  readonly #random: { readonly life: Random; readonly disk: Random; readonly tower: Random; readonly journal: Random };
  readonly #violations: Violation[] = [];
  readonly #counts = { crashes: 0, powerCuts: 0, orderlyStops: 0, journalsLost: 0 };
  #life: Life | null = null;
  #pipeline: Pipeline | null = null;
  #lives = 0;
  #ring: () => void = () => {};
  #isCalm = false;
  #done = false;
  #losesJournal: 'lost' | 'rolled_back' | null = null;

  constructor(seed: number, usesExchange: boolean, keepsTrace: boolean) {
    const stream = (name: string): Random => seededRandom(`${seed}:${name}`);
    this.#seed = seed;
    const plan = drawPlan(stream('plan'), stream('people'));
    this.#plan = plan;
    this.#trace = new Trace(keepsTrace);
    this.#random = { life: stream('life'), disk: stream('disk'), tower: stream('tower'), journal: stream('journal') };
    const time = this.#time;
    const now = (): number => time.now;
    const moved = (order: BookOrder, event: string): void => {
      this.#tell('broker', `${event} ${order.clientOrderId} ${JSON.stringify(order.states.at(-1))}`);
      this.#oracle.booked(order);
    };
    this.#venue = usesExchange
      ? new ExchangeBroker(time, seed, plan.broker, moved)
      : new LedgerBroker(time, stream('broker'), plan.broker, moved);
    this.#oracle = new Oracle({
      now,
      book: this.#venue.book,
      db: () => this.#box.db,
      budget: plan.budget,
      exposure: { rules: limitRules(plan.limits), isExchange: usesExchange },
      answers: {
        isDated: plan.wallOffMs === 0,
        listsAll: plan.broker.listLagMs === 0 && plan.broker.lookupLagMs === 0,
        maxAgeMs: MIRROR.ordersMaxAgeMs,
        rereadMs: MIRROR.rereadMs,
      },
      cancelsLate: plan.latePolicy === 'cancel',
      violated: (violation) => this.#violated(violation),
    });
    this.#wire = new Wire({
      time,
      random: stream('network'),
      venue: this.#venue,
      network: () => (this.#isCalm ? CALM.network : plan.network),
      stream: () => (this.#isCalm ? CALM.stream : plan.stream),
      left: (request) => {
        this.#tell('tower', `${request.method} ${request.path} ${request.body}`);
        this.#oracle.left(request);
      },
      arrived: (request, answer) => {
        if (request.method !== 'GET')
          this.#tell('broker', `${request.method} → ${answer.status} ${answer.body.slice(0, 60)}`);
        this.#oracle.arrived(request, answer);
      },
      turnedAway: (request) => this.#oracle.turnedAway(request),
      told: (what) => this.#tell('network', what),
    });
    this.#agents = new Agents({
      time,
      random: stream('agents'),
      watchers: stream('watchers'),
      disk: this.#disk,
      plan,
      dropped: (drop) => this.#oracle.drop(drop),
      deleted: (path) => this.#oracle.deletedBy(path),
      ring: () => this.#rings(),
      told: (what) => this.#tell('agent', what),
    });
    this.#disk.makeFolder('orders/incoming');
    this.#begin();
  }

  #begin(): void {
    const plan = this.#plan;
    const { life } = this.#random;
    const span = plan.spanMs * 1000;
    this.#agents.start();
    if (plan.network.outageMs > 0) {
      const from = span * fraction(life);
      this.#wire.outage(from, from + plan.network.outageMs * 1000);
    }
    for (let i = 0; i < 5; i++) {
      if (chance(life, plan.broker.foreign)) this.#time.in(span * fraction(life), () => this.#venue.placeForeign());
    }
    if (plan.journal.rolledBack > 0) this.#time.in(span * fraction(life), () => this.#backUp());
    const people = seededRandom(`${this.#seed}:halts`);
    for (let i = 0; i < plan.halts; i++) this.#haltSometime(people, span);
    this.#time.in(span, () => this.#calm());
    this.#boot();
  }

  /** A person halts everything or one agent by a file, and ends it again. */
  #haltSometime(people: Random, span: number): void {
    const agent = chance(people, 0.5) ? null : pick(people, NAMES.slice(0, this.#plan.agents));
    const path = `data/halt/${agent === null ? 'all' : `agent.${agent}`}`;
    const from = span * fraction(people);
    this.#time.in(from, () => {
      this.#disk.makeFolder('data/halt');
      if (this.#disk.at(path) === undefined)
        this.#disk.sync(this.#disk.create(path, new Uint8Array(0), this.#time.now));
      this.#disk.syncFolder('data/halt', this.#disk.moves);
      this.#oracle.halted(path, agent);
      this.#tell('person', `halts ${agent ?? 'everything'}`);
    });
    this.#time.in(from + (span - from) * fraction(people), () => {
      this.#disk.remove(path, this.#time.now);
      this.#oracle.resumed(path);
      this.#tell('person', `resumes ${agent ?? 'everything'}`);
    });
  }

  step(): boolean {
    if (this.#done) return false;
    if (this.#time.step()) return true;
    this.#violated({ invariant: 'I15', text: 'nothing is left to happen, and not everything has come to its end' });
    return false;
  }

  result(): SeedResult {
    this.#box.close();
    const { figures } = this.#oracle;
    return {
      seed: this.#seed,
      hash: this.#trace.hash,
      violations: this.#violations,
      plan: this.#plan,
      trace: this.#trace.lines,
      figures: {
        ...figures,
        ...this.#counts,
        virtualUs: this.#time.now,
        steps: this.#time.steps,
        drops: this.#oracle.drops.length,
        orders: [...this.#venue.book.byId.values()].filter(({ body }) => body !== null).length,
      },
    };
  }

  #tell(who: string, what: string): void {
    this.#trace.add(this.#time.now, who, what);
  }

  #violated(violation: Violation): void {
    if (this.#done) return;
    this.#tell('oracle', `VIOLATION ${violation.invariant}: ${violation.text}`);
    this.#violations.push(violation);
    this.#done = true;
    if (this.#life !== null) this.#life.alive = false;
  }

  // The life of the tower

  #boot(): void {
    if (this.#done || this.#life?.alive) return;
    this.#loseJournal();
    const plan = this.#plan;
    const leftUs = Math.max(0, plan.spanMs * 1000 - this.#time.now);
    const mayCrash = !this.#isCalm && this.#counts.crashes + this.#counts.orderlyStops < plan.crash.count;
    const orderly = mayCrash && chance(this.#random.life, plan.crash.orderly);
    const dooms = mayCrash && !orderly ? drawDoom(this.#random.life, plan.crash, leftUs) : [];
    const life: Life = new Life(
      this.#lives++,
      this.#time,
      dooms,
      this.#time.now,
      (at) => this.#died(life, at),
      (error) => this.#ended(life, error),
    );
    this.#life = life;
    this.#setWall(life);
    if (plan.wallOffMs > 0) this.#time.in(plan.spanMs * 1000 * fraction(this.#random.life), () => this.#setWall(life));
    this.#tell('tower', `starts (run ${life.n})`);
    life.guard(() => this.#start(life));
    if (orderly) this.#time.in(leftUs * fraction(this.#random.life), () => this.#stop(life));
  }

  /** A wall clock that jumps; what was spent before a start can then not be dated. */
  #setWall(life: Life): void {
    const { wallOffMs } = this.#plan;
    if (wallOffMs === 0) return;
    life.wallOff = Math.round(wallOffMs * 1000 * (2 * fraction(this.#random.life) - 1));
    if (!life.isUp) this.#oracle.undated();
  }

  #start(life: Life): void {
    const plan = this.#plan;
    const { tower } = this.#random;
    const files = simFiles(
      {
        disk: this.#disk,
        random: this.#random.disk,
        now: () => this.#time.now,
        faults: () => (this.#isCalm ? CALM.disk : plan.disk),
        wait: () =>
          new Promise((resolve) => {
            this.#time.in(plan.disk.syncMs * 1000 * fraction(this.#random.disk), resolve);
          }),
        placed: (path, bytes) => {
          this.#tell('tower', `publishes ${path} ${isAnswer(path) ? oneLine(bytes) : ''}`);
          this.#oracle.placed(path, bytes);
        },
        claimed: (inode, from, to) => {
          this.#tell('tower', `claims ${from} → ${to} #${inode.id}`);
          this.#oracle.claimed(inode, to);
        },
        watch: (folder, ring) => {
          if (folder !== INCOMING) return () => {};
          this.#ring = ring;
          return () => {
            if (this.#ring === ring) this.#ring = () => {};
          };
        },
      },
      life,
    );
    // As the real one does: the home is made before the journal is opened in it.
    files.makeFolder('data');
    const journal = this.#box.open(life, tower, () => (this.#isCalm ? 0 : plan.journal.ioError), this.#random.journal);
    const broker = alpacaBroker({
      mode: 'paper',
      baseUrl: 'https://paper-api.alpaca.markets',
      dataUrl: 'https://data.alpaca.markets',
      keys: { id: 'KEY', secret: 'SECRET' },
      network: this.#wire.networkFor(life),
      clock: life.clock,
      random: tower,
    });
    const pipeline = new Pipeline(
      { files, journal, clock: life.clock, random: tower, failpoints: life.failpoints, brokers: { paper: broker } },
      optionsOf(
        plan,
        (text) => this.#tell('tower', text),
        (error) => this.#ended(life, error),
      ),
    );
    this.#pipeline = pipeline;
    pipeline.start().then(
      () => {
        if (!life.alive) return;
        life.isUp = true;
        this.#tell('tower', 'takes orders');
      },
      (error: unknown) => {
        if (!(error instanceof Crash)) this.#ended(life, error);
      },
    );
  }

  /** Killed, or the power went. */
  #died(life: Life, at: string): void {
    const isCut = chance(this.#random.life, this.#plan.crash.power);
    this.#counts.crashes++;
    this.#tell('tower', `dies of ${isCut ? 'a power cut' : 'kill -9'} at ${at}`);
    this.#gone(life);
    if (isCut) {
      this.#counts.powerCuts++;
      this.#disk.cut(this.#random.disk, this.#time.now);
      checkDurable(this.#disk, this.#box.db, this.#oracle);
    }
    const { journal } = this.#plan;
    if (chance(this.#random.life, journal.lost)) this.#losesJournal = 'lost';
    else if (this.#box.hasCopy && chance(this.#random.life, journal.rolledBack)) this.#losesJournal = 'rolled_back';
    this.#bootLater();
  }

  /** The tower has ended itself: it may, after a fault that the storm has made. */
  #ended(life: Life, error: unknown): void {
    if (!life.alive || error instanceof Crash) return;
    life.alive = false;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const isOurs = life.isUp
      ? // Once it takes orders, only its journal may end it: a file that cannot be had must not stop the others.
        error instanceof Injected && error.code === 'SQLITE_IOERR'
      : error instanceof Injected || error instanceof CannotStart;
    this.#tell('tower', `ends itself: ${isOurs ? (error as Error).message : text}`);
    this.#gone(life);
    if (isOurs) this.#bootLater();
    else this.#violated({ invariant: 'fault', text });
  }

  unhandled(error: unknown): void {
    if (error instanceof Crash || this.#life === null || !this.#life.alive) return;
    this.#ended(this.#life, error);
  }

  #stop(life: Life): void {
    if (!life.alive || this.#pipeline === null) return;
    this.#tell('tower', 'is told to stop');
    const limit = this.#time.in(STOP_WITHIN_US, () => {
      if (life.alive) this.#violated({ invariant: 'stop', text: 'an orderly stop takes more than three minutes' });
    });
    this.#pipeline.stop().then(
      () => {
        limit();
        if (!life.alive) return;
        life.alive = false;
        this.#counts.orderlyStops++;
        this.#tell('tower', 'has stopped');
        this.#gone(life);
        this.#bootLater();
      },
      (error: unknown) => this.#ended(life, error),
    );
  }

  #gone(life: Life): void {
    this.#ring = () => {};
    this.#wire.orphan(life);
  }

  #bootLater(): void {
    const pause = this.#isCalm ? 1_000 : this.#plan.crash.pauseMs;
    this.#time.in(pause * 1000 * fraction(this.#random.life), () => this.#boot());
  }

  // The journal's own misfortunes

  #backUp(): void {
    if (this.#losesJournal !== null) return;
    this.#box.backUp();
    this.#oracle.journalCopied();
    this.#tell('storm', 'a copy of the journal is made');
  }

  #loseJournal(): void {
    const how = this.#losesJournal;
    // Stated assumption: a brand-new account with nothing at the broker starts clean, so an order that is still on its
    // way to an empty book is not drawn.
    if (how === null || this.#venue.book.byId.size === 0 || this.#wire.underWay > 0 || !this.#venue.showsAll()) return;
    this.#losesJournal = null;
    this.#counts.journalsLost++;
    this.#tell('storm', `the journal is ${how === 'lost' ? 'lost' : 'replaced by an older copy'}`);
    if (how === 'lost') this.#box.lose();
    else this.#box.restore();
    this.#oracle.journalLost(how !== 'lost');
    for (let i = below(this.#random.life, 7); i > 0; i--) {
      this.#time.in(60_000_000 * fraction(this.#random.life), () => this.#agents.repeatOld());
    }
  }

  // The end

  #rings(): void {
    if (this.#isCalm || chance(this.#random.disk, this.#plan.disk.rings)) this.#time.in(50, () => this.#ring());
  }

  /** No more faults: from here on everything must come to its end. */
  #calm(): void {
    this.#isCalm = true;
    this.#venue.calm();
    this.#tell('storm', 'is over');
    this.#time.in(LIVENESS_US, () => {
      if (this.#done) return;
      checkEnd(this.#disk, this.#box.db, this.#oracle, this.#venue);
      this.#violated({ invariant: 'I15', text: 'not everything has come to its end 40 minutes after the last fault' });
    });
    this.#look(0);
  }

  /** Once nothing is open, a last sweep is waited for; then the books are compared. */
  #look(quietFor: number): void {
    this.#time.in(LOOK_EVERY_US, () => {
      if (this.#done) return;
      const isQuiet =
        this.#life?.alive === true &&
        this.#wire.underWay === 0 &&
        isSettled(this.#disk, this.#box.db, this.#oracle, this.#venue);
      if (isQuiet && quietFor >= 2) {
        checkEnd(this.#disk, this.#box.db, this.#oracle, this.#venue);
        this.#tell('storm', 'everything has come to its end');
        this.#done = true;
        if (this.#life !== null) this.#life.alive = false;
        return;
      }
      this.#look(isQuiet ? quietFor + 1 : 0);
    });
  }
}

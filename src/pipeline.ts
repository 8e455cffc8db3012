/**
 * The pipeline wired, on whatever ports it is given: the real machine, or a simulation of it. Starting and recovering are
 * the same code. Must never take files in before the journal, the accounts and the budget are as an earlier run left them.
 */
import { takeAccount } from './account.ts';
import { type AdmitOptions, Admitter } from './admit.ts';
import { Alarms } from './alarms.ts';
import type { Account, Broker, Outcome } from './broker/broker.ts';
import { Budget, SEED_MS } from './dispatch/budget.ts';
import { ask, type Desk, type DoubtPolicy } from './dispatch/desk.ts';
import { Dispatcher } from './dispatch/dispatcher.ts';
import { ForeignTraffic } from './dispatch/foreign.ts';
import type { Lane } from './dispatch/lanes.ts';
import { QuoteBook } from './dispatch/quotes.ts';
import { Readiness } from './dispatch/readiness.ts';
import { heldOf } from './dispatch/reducing.ts';
import { budgetReport } from './dispatch/report.ts';
import { mostOnTheirWay, OWN_SHARE, type Shares, Slots } from './dispatch/slots.ts';
import { Bookkeeper } from './follow/bookkeeper.ts';
import { Follower } from './follow/follow.ts';
import { Halts } from './halt/halts.ts';
import { HaltWatch } from './halt-watch.ts';
import { hasTraces, prepareHome } from './home.ts';
import { Folder, type FolderOptions, PROCESSING } from './ingress/folder.ts';
import { Pending } from './ingress/pending.ts';
import { type Entry, HOSTS, type Host, type Journal } from './journal/journal.ts';
import { Writer } from './journal/writer.ts';
import { type Clock, micros } from './lib/clock.ts';
import type { Failpoints } from './lib/failpoint.ts';
import type { Files } from './lib/files.ts';
import type { Random } from './lib/random.ts';
import { Mirror, type MirrorSettings } from './mirror/mirror.ts';
import { CannotStart, type TowerEvent } from './observe/events.ts';
import { Narrator } from './observe/narrate.ts';
import type { BooksReport, BudgetReport } from './observe/status.ts';
import type { AgentId, Mode } from './order/name.ts';
import { STATES, type State } from './order/states.ts';
import { countOpen } from './recount.ts';
import { Responder } from './respond/respond.ts';
import { refusedNow } from './risk/again.ts';
import { type Rules, rulesOf } from './risk/decide.ts';
import type { Identities } from './risk/identity.ts';

export interface Ports {
  readonly files: Files;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly random: Random;
  readonly failpoints: Failpoints;
  readonly brokers: Readonly<Partial<Record<Mode, Broker>>>;
}

export interface PipelineOptions {
  readonly rules: Rules;
  readonly limits: AdmitOptions['limits'];
  /** Account numbers that the settings pin; null pins the first one seen. */
  readonly accounts: Readonly<Record<Mode, string | null>>;
  /** Modes that the embedded exchange serves. */
  readonly simulated: readonly Mode[];
  /** Requests that may leave for one account: to each host in any second, to the trading and the data host in any minute. */
  readonly budget: { readonly perMinute: number; readonly perSecond: number; readonly dataPerMinute: number };
  /** How agents share it. */
  readonly shares: Shares;
  readonly doubt: DoubtPolicy;
  readonly sendBySeconds: number;
  readonly sendByMaxSeconds: number;
  readonly identities: Identities;
  readonly files: Pick<
    FolderOptions,
    'settleMs' | 'pollMs' | 'maxBytes' | 'maxWaiting' | 'maxWaitingBytes' | 'maxPending' | 'reserveBytes'
  >;
  readonly sweepMs: number;
  readonly mirror: MirrorSettings;
  onEvent(event: TowerEvent): void;
  /** Makes sure that no other tower of this machine sends for the account. Throws CannotStart. */
  holdAccount(mode: Mode, accountNumber: string): Promise<void>;
  /** A fault after which nothing may go on: the journal failed, an invariant is broken, another account answers. */
  fatal(error: unknown): void;
}

const VERIFY_AGAIN_MS = 2000;
const UNDISPATCHED = (Object.keys(STATES) as State[]).filter((state) => !STATES[state].final && state !== 'working');
/** Steps at which the broker has not told of the order yet. */
const BEFORE_BROKER: ReadonlySet<string> = new Set(['received', 'sent', 'in doubt']);
/** Everything that belongs to one mode. */
interface Line {
  readonly broker: Broker;
  readonly desk: Desk;
  readonly mirror: Mirror;
  readonly dispatcher: Dispatcher;
  readonly follower: Follower;
  readonly books: Bookkeeper;
  account: Account | null;
  /** One question about the account at a time. */
  isVerifying: boolean;
}

export class Pipeline {
  readonly #ports: Ports;
  readonly #o: PipelineOptions;
  readonly #notice: Desk['notice'];
  readonly #alarms: Alarms;
  readonly #writer: Writer;
  readonly #admitter: Admitter;
  readonly #folder: Folder;
  readonly #responder: Responder;
  readonly #halts: Halts;
  readonly #haltWatch: HaltWatch;
  readonly #lines: readonly Line[];
  readonly #quotes = new Map<Mode, QuoteBook>();
  readonly #suspects = new Set<Mode>();
  /** When an order that the journal does not know was last met in this run, or the run began in doubt (monotonic). */
  readonly #unknownAt = new Map<Mode, number>();
  /** Modes of which it is known what earlier journals have sent: the book was read in this run, or there was none. */
  readonly #informed = new Set<Mode>();
  readonly #narrator: Narrator;
  readonly #pending = new Pending();
  readonly counts = { received: 0, succeeded: 0, refused: 0 };
  /** Of the tower's own requests: nothing goes, not even a cancel, before those of the start are answered. */
  #ownLane: Lane = 'cancel';
  #stopped = false;
  #failed = false;

  constructor(ports: Ports, options: PipelineOptions) {
    this.#ports = ports;
    this.#o = options;
    const { files, journal, clock, random, failpoints } = ports;
    const notice: Desk['notice'] = (level, text, remedy) => options.onEvent({ kind: 'notice', level, text, remedy });
    this.#notice = notice;
    const fatal = (error: unknown): void => this.#fail(error);
    this.#halts = new Halts(files, clock);
    this.#narrator = new Narrator(clock, options.onEvent);
    const heard = {
      upcoming: (entry: Entry) => this.#responder.prepare(entry),
      changed: (entry: Entry) => this.#changed(entry),
    };
    this.#writer = new Writer(journal, clock, failpoints, heard);
    this.#lines = Object.values(ports.brokers).map((broker) => this.#line(broker, notice, fatal));
    this.#responder = new Responder({
      files,
      journal,
      clock,
      failpoints,
      processing: PROCESSING,
      published: (entry) => {
        this.#pending.published(entry);
        this.#folder.resume();
      },
      notice,
      fatal,
    });
    this.#admitter = new Admitter({
      ...options,
      journal,
      clock,
      failpoints,
      halts: this.#halts,
      suspect: (mode) => this.#suspects.has(mode) || !this.#informed.has(mode),
      quotes: async (mode, symbols) => (await this.#quotes.get(mode)?.latest(symbols)) ?? new Map(),
      ranAway: (entry) => this.#haltWatch.runaway(entry),
      brokers: ports.brokers,
      atOnce: (trade) => this.#lineOf(trade.mode)?.dispatcher.atOnce(trade) ?? null,
      admitted: (entry) => {
        this.counts.received++;
        this.#alarms.taken(entry);
        this.#changed(entry);
      },
      strayed: (fileName, error) => {
        this.counts.received++;
        this.counts.refused++;
        notice('warn', `${fileName} is refused: ${error.message}`, error.details.hint ?? '');
        this.#responder.ring();
      },
    });
    this.#haltWatch = new HaltWatch({
      halts: this.#halts,
      journal,
      clock,
      notice,
      concern: async (halts) => {
        for (const line of this.#lines) await line.dispatcher.halted(halts);
      },
      onTheirWay: () => this.#lines.flatMap(({ desk }) => [...desk.onTheirWay.values()]),
      fatal,
    });
    this.#folder = new Folder({
      files,
      clock,
      random,
      failpoints,
      ...options.files,
      identities: options.identities,
      pending: this.#pending,
      admit: (batch) => this.#admitter.admit(batch),
      receipt: (receipt) => journal.receipt(receipt),
      tries: { read: () => journal.fact('taken-up'), write: (text) => journal.setFact('taken-up', text) },
      notice,
      fatal,
    });
    this.#alarms = new Alarms({ clock, limits: options.limits, notice, told: this.#folder.notices });
  }

  #line(account: Broker, notice: Desk['notice'], fatal: (error: unknown) => void): Line {
    const { journal, clock, failpoints } = this.#ports;
    const isController = (agent: string): boolean => rulesOf(this.#o.rules, agent as AgentId)?.controller === true;
    const mirror = new Mirror({
      broker: account,
      clock,
      settings: this.#o.mirror,
      seesAll: isController,
      notice,
      ask: (call, { agent, deadline, host }) => ask(desk, 'query', agent, call, deadline, host),
      fatal: (error) => {
        if (!this.#stopped) fatal(error);
      },
    });
    // Watched by the mirror: nobody asks the account in any other way.
    const { broker } = mirror;
    const { mode } = broker;
    const hosts = { trading: this.#slots('trading'), data: this.#slots('data') };
    const readiness = new Readiness();
    const late = (entry: Entry): void => dispatcher.late(entry);
    const adoption = { broker, writer: this.#writer, doubt: this.#o.doubt, notice, late };
    const desk: Desk = {
      ...adoption,
      journal,
      mirror,
      clock,
      failpoints,
      hosts,
      readiness,
      doubt: this.#o.doubt,
      halts: this.#halts,
      holdsConflicts: this.#o.limits.conflicts === 'hold',
      refused: async (seq, trade) => refusedNow(seq, trade, this.#o.limits, await journal.ground(clock.now())),
      onTheirWay: new Map(),
      requestOf: (entry) => this.#admitter.requestOf(entry),
      suspect: () => this.#suspects.has(mode) || !this.#informed.has(mode),
      // Once the longest delay has passed, an order that a look-up does not find was never sent.
      strayCopies: () =>
        desk.suspect() &&
        clock.monotonic() < (this.#unknownAt.get(mode) ?? Number.POSITIVE_INFINITY) + this.#o.doubt.maxDelayMs,
      held: async () => {
        const account = line.account?.accountNumber;
        return account === undefined || books.report().proven_at === null ? null : heldOf(await journal.books(account));
      },
      isStopped: () => this.#stopped,
      hasFailed: () => this.#failed,
    };
    const rights = {
      may: (agent: AgentId, owner: string | null) => owner === agent || isController(agent),
    };
    const dispatcher = new Dispatcher(desk, rights, fatal);
    const books = new Bookkeeper({
      broker,
      journal,
      clock,
      notice,
      account: () => line.account?.accountNumber ?? null,
      ask: (call) => ask(desk, 'resolve', '', call),
      fatal,
    });
    const follower = new Follower({
      ...adoption,
      journal,
      mirror,
      clock,
      failpoints,
      sweepMs: this.#o.sweepMs,
      ask: (call) => ask(desk, this.#ownLane, '', call),
      fresh: (isFresh, reason) => {
        if (!isFresh) return readiness.block('not_swept', reason);
        this.#informed.add(mode);
        void this.#ready(line).catch(fatal);
      },
      suspect: (clientOrderId) => this.#suspect(mode, clientOrderId, notice),
      books,
      fatal,
    });
    const foreign = new ForeignTraffic(mode, clock, notice);
    broker.onBudget((word, host) => foreign.heard(host, hosts[host].learn(word), hosts[host].perMinute));
    this.#quotes.set(mode, new QuoteBook(desk, this.#o.limits.quoteSeconds * 1000));
    const line: Line = { broker, desk, mirror, dispatcher, follower, books, account: null, isVerifying: false };
    return line;
  }

  #slots(host: Host): Slots {
    const { clock, random } = this.#ports;
    const { perMinute, perSecond, dataPerMinute } = this.#o.budget;
    const budget = new Budget({ perMinute: host === 'trading' ? perMinute : dataPerMinute, perSecond });
    const maxOrders = mostOnTheirWay(perSecond, Object.keys(this.#ports.brokers).length);
    // Quotes that orders are judged by are asked for by the tower itself, and nothing waits behind them.
    const ownShare = host === 'trading' ? OWN_SHARE : 1;
    return new Slots({ clock, random, budget, shares: this.#o.shares, maxOrders, ownShare });
  }

  /** Takes up what an earlier run left, then takes orders. Throws CannotStart when the accounts forbid it. */
  async start(): Promise<void> {
    const { files, journal, clock, failpoints } = this.#ports;
    prepareHome(files, this.#notice);
    await countOpen(journal, clock, this.#notice);
    const isFirstRun = journal.isNew && !hasTraces(files);
    for (const line of this.#lines) {
      const { mode } = line.broker;
      if (isFirstRun) this.#informed.add(mode);
      const now = clock.now();
      for (const host of HOSTS) {
        const spent = await journal.spentSince(mode, micros(now - SEED_MS * 1000), host);
        line.desk.hosts[host].seed(spent.map((at) => (now - at) / 1000));
      }
      failpoints.hit('k27-in-recovery');
      await this.#verify(line, true);
      if (await journal.fact(`suspect:${mode}`)) this.#suspects.add(mode);
      this.#unknownAt.set(mode, clock.monotonic());
      await line.follower.start();
    }
    this.#ownLane = 'resolve';
    failpoints.hit('k27-in-recovery');
    // Orders that work at the broker need no job; there may be many of them.
    for (const entry of await journal.unfinished(UNDISPATCHED)) {
      this.#pending.note(entry);
      this.#lineOf(entry.mode)?.dispatcher.take(entry);
    }
    for (const { dispatcher } of this.#lines) await dispatcher.recover();
    await this.#responder.start();
    failpoints.hit('k27-in-recovery');
    this.#haltWatch.start();
    await this.#folder.recover();
    if (!this.#stopped) this.#folder.start();
  }

  /** Nothing new is taken; what is under way ends; what is journaled is published. Idempotent. */
  async stop(): Promise<void> {
    await this.#folder.stop();
    this.#stopped = true;
    await this.#haltWatch.stop();
    await Promise.all(this.#lines.map((line) => line.dispatcher.stop()));
    await Promise.all(this.#lines.map((line) => line.follower.stop()));
    if (!this.#failed) await this.#responder.stop();
    this.#narrator.flush();
    for (const line of this.#lines) line.mirror.stop();
    await Promise.all(this.#lines.map((line) => line.broker.close()));
  }

  /** Looks into the incoming folder now. */
  ring(): void {
    this.#folder.ring();
  }

  /** The account behind other keys of a mode, asked within its budget; null when the tower stops. */
  async accountBehind(mode: Mode, broker: Broker): Promise<Outcome<Account> | null> {
    const line = this.#lineOf(mode);
    if (line === undefined) return null;
    try {
      return await ask(line.desk, 'resolve', '', () => broker.account());
    } catch (error) {
      this.#fail(error);
      return null;
    }
  }

  accountOf(mode: Mode): Account | null {
    return this.#lineOf(mode)?.account ?? null;
  }

  books(): readonly BooksReport[] {
    return this.#lines.map(({ books }) => books.report());
  }

  /** One for each mode and host. */
  budgets(): readonly BudgetReport[] {
    const nowMs = this.#ports.clock.monotonic();
    return this.#lines.flatMap(({ broker: { mode }, desk, mirror }) =>
      HOSTS.map((host) =>
        budgetReport(desk.hosts[host].report(), { mode, host, savedByMirror: mirror.saved[host], nowMs }),
      ),
    );
  }

  /** True when no job runs: everything taken in is answered, working at the broker, or final. */
  get isIdle(): boolean {
    return this.#lines.every((line) => line.dispatcher.busy === 0);
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#stopped = true;
    try {
      this.#narrator.flush();
    } finally {
      this.#o.fatal(error);
    }
  }

  /** The account that answers must be the one that this home belongs to. */
  async #verify(line: Line, isStart: boolean): Promise<boolean> {
    const { mode } = line.broker;
    const outcome = await ask(line.desk, this.#ownLane, '', () => line.broker.account());
    if (outcome?.kind === 'misconfigured' || outcome?.kind === 'rejected') {
      const reason = outcome.kind === 'rejected' ? outcome.rejection.message : outcome.reason;
      if (isStart) {
        const name = `ALPACA_${mode.toUpperCase()}_API_KEY`;
        throw new CannotStart(
          'configuration',
          `Alpaca refuses the ${mode} keys: ${reason}`,
          `Check ${name} and its secret: paper and live keys are not interchangeable.`,
        );
      }
      line.desk.readiness.block('keys', reason);
      return false;
    }
    if (outcome?.kind !== 'done') return false;
    const account = outcome.value;
    try {
      await takeAccount(this.#ports.journal, this.#writer, account, {
        mode,
        wanted: this.#o.accounts[mode],
        isSimulated: this.#o.simulated.includes(mode),
      });
    } catch (error) {
      if (isStart || !(error instanceof CannotStart)) throw error;
      this.#fail(error);
      return false;
    }
    if (line.account === null) await this.#o.holdAccount(mode, account.accountNumber);
    line.account = account;
    if (account.blocked)
      line.desk.readiness.block('blocked', `Alpaca has blocked trading on account ${account.accountNumber}`);
    else line.desk.readiness.clear('blocked');
    return true;
  }

  /** The book was read: trades may go, once it is certain whose book it is. */
  async #ready(line: Line): Promise<void> {
    if (line.isVerifying || this.#stopped) return;
    if (line.account === null || line.account.blocked || line.desk.readiness.obstacle?.kind === 'keys') {
      line.isVerifying = true;
      const isVerified = await this.#verify(line, false);
      line.isVerifying = false;
      if (!isVerified) {
        // The book could be read, so the account can be soon: orders wait for it.
        this.#ports.clock.after(VERIFY_AGAIN_MS, () => {
          this.#ready(line).catch((error: unknown) => this.#fail(error));
        });
        return;
      }
      line.desk.readiness.clear('keys');
    }
    line.desk.readiness.clear('not_swept');
  }

  async #suspect(mode: Mode, clientOrderId: string, notice: Desk['notice']): Promise<void> {
    this.#unknownAt.set(mode, this.#ports.clock.monotonic());
    if (this.#suspects.has(mode)) return;
    this.#suspects.add(mode);
    await this.#ports.journal.setFact(`suspect:${mode}`, clientOrderId, {
      kind: 'anomaly',
      detail: JSON.stringify({ unknown_order: clientOrderId, mode }),
    });
    notice(
      'error',
      `the ${mode} account has orders of this tower's form that its journal does not know (${clientOrderId})`,
      'the journal was lost, or restored from a copy, or another tower uses the account: from now on every order is looked up before it is sent',
    );
  }

  #lineOf(mode: Mode): Line | undefined {
    return this.#lines.find(({ broker }) => broker.mode === mode);
  }

  /** Whatever changes in the journal passes here, after its commit. */
  #changed(entry: Entry): void {
    this.#pending.note(entry);
    const line = this.#lineOf(entry.mode);
    line?.dispatcher.noticed(entry);
    line?.dispatcher.take(entry);
    if (entry.state === 'sending') this.#responder.expect(entry);
    if (entry.version > entry.published) this.#responder.ring();
    const before = this.#narrator.changed(entry);
    if (entry.state === 'working' && (before === undefined || BEFORE_BROKER.has(before)))
      line?.follower.accepted(entry);
    if (entry.state === 'working') line?.dispatcher.opened(entry, this.#haltWatch.known);
    this.#alarms.changed(entry);
  }
}

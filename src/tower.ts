/**
 * The tower on a real machine: locks, journal, brokers, pipeline, in the order in which they start; stopped in reverse.
 * The one place where adapters are named. Must never send for a home or an account that another tower holds.
 */
import { join } from 'node:path';
import { type AlpacaOptions, alpacaBroker } from './broker/alpaca/client.ts';
import { systemNetwork } from './broker/alpaca/network-system.ts';
import { Skew } from './broker/alpaca/skew.ts';
import type { Broker } from './broker/broker.ts';
import { type RunningExchange, startExchange } from './exchange/server.ts';
import { INCOMING } from './ingress/folder.ts';
import type { Journal } from './journal/journal.ts';
import { NotAJournal } from './journal/recognise.ts';
import { openSqliteJournal, type SqliteJournalOptions } from './journal/sqlite.ts';
import type { Clock } from './lib/clock.ts';
import { armedFailpoints, noFailpoints } from './lib/failpoint.ts';
import { systemFiles, TEMP_FOLDER } from './lib/files.ts';
import { type Held, lockFile, lockName } from './lib/lock.ts';
import type { Random } from './lib/random.ts';
import { CannotStart, type ModeReport, type Summary, type TowerEvent } from './observe/events.ts';
import type { Log } from './observe/log.ts';
import { StatusWriter } from './observe/status-writer.ts';
import { MODES, type Mode } from './order/name.ts';
import { Pipeline } from './pipeline.ts';
import type { Rules } from './risk/decide.ts';
import { limitReports } from './risk/headroom.ts';
import type { Identities } from './risk/identity.ts';
import { limitRules } from './risk/rules.ts';
import type { Settings } from './settings.ts';
import { folderRights, makeFolders } from './tower.folders.ts';
import { HeldKeys, type Keyed, rekey } from './tower.keys.ts';
import { Reserve } from './tower.reserve.ts';

export interface TowerOptions {
  /** Absolute path; made when missing. */
  readonly home: string;
  readonly settings: Settings;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  readonly onEvent: (event: TowerEvent) => void;
  /** Gets what takes new keys while the tower runs. */
  readonly onRekey?: (take: (keys: Settings['keys']) => Promise<void>) => void;
}

export interface Tower {
  /** Takes nothing new, finishes what is under way, publishes, frees everything. Idempotent. */
  stop(): Promise<Summary>;
  /** Rejects when the tower cannot go on: the process must end, and the next start recovers. */
  readonly failed: Promise<never>;
}

/** Resolves when the tower takes orders. Throws CannotStart with what to do about it. */
export async function startTower(options: TowerOptions): Promise<Tower> {
  const { home, settings, clock, random, log } = options;
  const failpoints =
    settings.testing.failpoint === '' ? noFailpoints : armedFailpoints(settings.testing.failpoint, settings.testing.on);
  const { agents } = settings;
  const files = systemFiles(home, {
    failpoints,
    temps: TEMP_FOLDER,
    spares: SPARE_FILES,
    rights: folderRights(agents),
  });
  makeFolders(home, files, agents);
  const undo: (() => void | Promise<void>)[] = [() => files.close()];
  const { promise: failed, reject: fail } = Promise.withResolvers<never>();
  // Whoever waits for it hears of it; nobody has to.
  failed.catch(() => {});
  const startedAt = clock.now();
  try {
    undo.push(holdHome(home));
    const accounts: Held[] = [];
    undo.push(() => {
      for (const held of accounts) held.release();
    });
    const notice = (level: 'info' | 'warn' | 'error', text: string, remedy: string): void =>
      options.onEvent({ kind: 'notice', level, text, remedy });
    const reserve = new Reserve(files, clock, notice);
    const skew = new Skew(clock, notice);
    // The journal needs room to be opened.
    reserve.look();
    const journal = openJournal({
      file: join(home, 'data', 'tower.db'),
      clock: skew.marketClock,
      random,
      failpoints,
      beforeCommit: () => reserve.look(),
    });
    undo.push(() => journal.close());
    // The database's own names in their folder are durable only now.
    await files.syncFolder('data');
    const services = await openServices(options, skew);
    undo.push(...services.map((service) => () => service.close()));
    const limits = limitRules(settings);
    const status = new StatusWriter({
      clock,
      files,
      home,
      pid: process.pid,
      since: startedAt,
      journal,
      budgets: () => pipeline.budgets(),
      books: () => pipeline.books(),
      limits: async () =>
        limitReports(
          services.flatMap(({ report, broker }) => (broker === null ? [] : [report.mode])),
          [...settings.agents.keys()],
          limits,
          await journal.ground(clock.now()),
        ),
    });
    const pipeline: Pipeline = new Pipeline(
      { files, journal, clock, random, failpoints, brokers: brokersOf(services) },
      {
        rules: rulesOf(settings, services),
        identities: identitiesOf(settings),
        limits,
        accounts: settings.account,
        simulated: services
          .filter(({ report }) => report.service === 'embedded exchange')
          .map(({ report }) => report.mode),
        budget: {
          perMinute: settings.budget.per_minute,
          perSecond: settings.budget.per_second,
          dataPerMinute: settings.budget.data_per_minute,
        },
        shares: {
          weightOf: (agent) => settings.agents.get(agent)?.weight ?? 1,
          perMinuteOf: (agent) => settings.agents.get(agent)?.per_minute ?? null,
        },
        doubt: {
          settleMs: settings.doubt.settle_ms,
          maxDelayMs: settings.doubt.max_delay_minutes * 60_000,
          resend: settings.doubt.resend,
          marketResendMs: settings.send_by.market_seconds * 1000,
          latePolicy: settings.doubt.late_policy,
        },
        sendBySeconds: settings.send_by.default_seconds,
        sendByMaxSeconds: settings.send_by.max_seconds,
        files: {
          settleMs: settings.files.settle_ms,
          pollMs: settings.files.poll_ms,
          maxBytes: settings.files.max_bytes,
          maxWaiting: settings.files.max_waiting,
          maxWaitingBytes: settings.files.max_waiting_mb * 1_048_576,
          maxPending: settings.files.max_pending,
          reserveBytes: settings.files.reserve_mb * 1_048_576,
        },
        sweepMs: settings.sweep.interval_ms,
        mirror: {
          ordersMaxAgeMs: settings.mirror.orders_max_age_ms,
          positionsMaxAgeMs: settings.mirror.positions_max_age_ms,
          accountMaxAgeMs: settings.mirror.account_max_age_ms,
          marketDataMaxAgeMs: settings.mirror.market_data_max_age_ms,
          rereadMs: settings.mirror.reread_ms,
          streamSymbols: settings.mirror.stream_symbols,
          ordersKept: settings.mirror.orders_kept,
        },
        onEvent(event) {
          status.record(event);
          options.onEvent(event);
        },
        holdAccount: async (mode, accountNumber) => {
          const held = await lockName(
            `alpaca-exchange-tower:${services.find(({ report }) => report.mode === mode)?.report.url}:${accountNumber}`,
            process.platform,
          );
          if (held === null) {
            throw new CannotStart(
              'locked',
              `another tower on this machine uses the ${mode} account ${accountNumber}`,
              'Stop it first: one account has one tower.',
            );
          }
          accounts.push(held);
        },
        fatal(error) {
          log.error('fatal', { error });
          fail(error);
        },
      },
    );
    undo.push(() => pipeline.stop());
    await pipeline.start();
    // Not before: the start clears away temporary files.
    reserve.start();
    undo.push(() => reserve.stop());
    const modes = services.map((service) => ({
      ...service.report,
      accountNumber: pipeline.accountOf(service.report.mode)?.accountNumber ?? null,
    }));
    status.start(modes);
    undo.push(() => status.stop());
    options.onRekey?.((keys) =>
      rekey(
        services.flatMap(({ keyed }) => keyed ?? []),
        keys,
        {
          account: (mode, broker) => pipeline.accountBehind(mode, broker),
          accountOf: (mode) => pipeline.accountOf(mode),
          onEvent: options.onEvent,
        },
      ),
    );
    options.onEvent({ kind: 'ready', home, incoming: join(home, INCOMING), modes });
    let stopping: Promise<Summary> | null = null;
    return {
      failed,
      stop() {
        stopping ??= unwind(undo).then(() => status.summary(pipeline.counts, clock.now()));
        return stopping;
      },
    };
  } catch (error) {
    await unwind(undo);
    throw error;
  }
}

async function unwind(undo: (() => void | Promise<void>)[]): Promise<void> {
  let fault: unknown = null;
  for (const step of undo.splice(0).reverse()) {
    try {
      await step();
    } catch (error) {
      // What is left must be freed all the same; the first fault is told.
      fault ??= error;
    }
  }
  if (fault !== null) throw fault;
}

function holdHome(home: string): () => void {
  const lock = lockFile(join(home, 'data', 'tower.lock'), process.pid);
  if ('heldBy' in lock) {
    throw new CannotStart(
      'locked',
      `another tower holds ${home}`,
      'Stop it first, or use another home folder (--home DIR).',
      lock.heldBy,
    );
  }
  return () => lock.held.release();
}

function openJournal(options: SqliteJournalOptions): Journal {
  const { file } = options;
  try {
    return openSqliteJournal(options);
  } catch (error) {
    if (error instanceof NotAJournal) throw new CannotStart('configuration', error.message, error.remedy);
    const text = error instanceof Error ? error.message : String(error);
    throw new CannotStart(
      'configuration',
      `the journal ${file} cannot be opened: ${text}`,
      'Check rights and free space of the folder; never delete a journal while orders are open.',
    );
  }
}

/** Who serves a mode, if anybody. */
interface Service {
  readonly report: Omit<ModeReport, 'accountNumber'>;
  readonly broker: Broker | null;
  readonly off: Rules['off'][Mode];
  /** Null when the mode has no keys of an owner's. */
  readonly keyed: Keyed | null;
  close(): Promise<void>;
}

async function openServices(options: TowerOptions, skew: Skew): Promise<readonly Service[]> {
  const services: Service[] = [];
  try {
    for (const mode of MODES) services.push(await openService(mode, options, skew));
  } catch (error) {
    for (const service of services) await service.close();
    throw error;
  }
  return services;
}

async function openService(mode: Mode, { home, settings, clock, random }: TowerOptions, skew: Skew): Promise<Service> {
  const keys = settings.keys[mode];
  const off = (code: 'live_disabled' | 'no_keys', reason: string, remedy: string): Service => ({
    report: { mode, service: 'off', url: null, reason },
    broker: null,
    off: { code, reason, remedy },
    keyed: null,
    close: async () => {},
  });
  if (mode === 'live' && !settings.live) {
    return off(
      'live_disabled',
      'live trading is not switched on',
      'set "live": true in tower.config.json, give live keys, and allow the agent live',
    );
  }
  if (keys !== null) {
    const url = settings.urls[mode];
    const held = new HeldKeys(keys);
    const brokerWith = (pair: AlpacaOptions['keys']): Broker =>
      alpacaBroker({
        mode,
        baseUrl: url,
        dataUrl: settings.urls.data,
        keys: pair,
        network: systemNetwork(),
        clock,
        random,
        skew,
      });
    const keyed: Keyed = { mode, held, trial: (other) => brokerWith(new HeldKeys(other)) };
    const broker = brokerWith(held);
    return { report: { mode, service: 'alpaca', url }, broker, off: null, keyed, close: async () => {} };
  }
  if (mode === 'live')
    return off('no_keys', 'there are no keys for live', 'put ALPACA_LIVE_API_KEY and ALPACA_LIVE_SECRET_KEY into .env');
  const exchange = await openExchange(home, settings, clock);
  const broker = alpacaBroker({
    mode,
    baseUrl: exchange.url,
    dataUrl: exchange.url,
    keys: EMBEDDED_KEYS,
    network: systemNetwork(),
    clock,
    random,
  });
  const reason =
    'no paper keys are set: orders go to the exchange inside this process, not to Alpaca; prices and money are simulated';
  return {
    report: { mode, service: 'embedded exchange', url: exchange.url, reason },
    broker,
    off: null,
    keyed: null,
    close: () => exchange.close(),
  };
}

/** The embedded exchange takes any pair; it keeps this one's account in the home. */
/** An answer and an archived file each for a few orders at a time. */
const SPARE_FILES = 16;
const EMBEDDED_KEYS = { id: 'EMBEDDED', secret: 'embedded' };

async function openExchange(home: string, settings: Settings, clock: Clock): Promise<RunningExchange> {
  try {
    return await startExchange({
      home: join(home, 'data'),
      clock,
      port: settings.exchange.port,
      seed: settings.exchange.seed,
      hours: settings.exchange.hours,
      // As strict as Alpaca, and no stricter than the budget that the owner has chosen.
      rateLimit: {
        perMinute: Math.max(200, settings.budget.per_minute, settings.budget.data_per_minute),
        enforce: true,
      },
    });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new CannotStart(
      'configuration',
      `the embedded exchange cannot start: ${text}`,
      'Choose another exchange.port (0 takes a free one), or check the rights of the home folder.',
    );
  }
}

const brokersOf = (services: readonly Service[]): Partial<Record<Mode, Broker>> =>
  Object.fromEntries(services.flatMap(({ report, broker }) => (broker === null ? [] : [[report.mode, broker]])));

function rulesOf(settings: Settings, services: readonly Service[]): Rules {
  const off = (mode: Mode): Rules['off'][Mode] => services.find(({ report }) => report.mode === mode)?.off ?? null;
  return {
    off: { paper: off('paper'), live: off('live') },
    agents: Object.fromEntries(settings.agents),
    agentsOnly: settings.agents_only,
  };
}

const identitiesOf = ({ agents }: Settings): Identities =>
  Object.fromEntries(
    [...agents].map(([agent, { folder, uid, key }]) => [
      agent,
      { folder, uid, key: key === null ? null : Buffer.from(key.reveal()) },
    ]),
  );

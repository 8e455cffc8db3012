/**
 * The stand on which a row runs: one exchange, the line to it, and towers on homes of their own. Faults of the exchange
 * go through its control; those of the line through the wire. Must never judge: that is the auditor's.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { audit, type BookOrder, type Dropped, type LedgerLine, type Verdict } from './auditor.ts';
import { Child, type ChildOptions, until } from './process.ts';
import { must } from './row.ts';
import { type Version, Watcher } from './watcher.ts';
import { Wire } from './wire.ts';

export interface Ask {
  readonly agent?: string;
  readonly type?: string;
  readonly payload?: Readonly<Record<string, unknown>>;
  /** Seconds from now; null leaves it out. Default an hour, so that a resend is not barred by age. */
  readonly sendBy?: number | null;
  readonly timestamp?: string;
}

export const MARKET = { symbol: 'AAPL', qty: '1', order_class: 'market', time_in_force: 'day' };
/** A buy so low that it rests. */
export const RESTING = { symbol: 'AAPL', qty: '1', order_class: 'limit', limit_price: '1.00', time_in_force: 'gtc' };

/** The newest version of an answer, as far as rows look into it. */
export interface AnswerView {
  readonly timestamp: string;
  readonly status: string;
  readonly sent: string;
  readonly final: boolean;
  readonly version: number;
  readonly data: Readonly<Record<string, unknown>> | null;
  readonly error: { readonly type: string; readonly code: string; readonly message: string } | null;
}

function sync(path: string, flags: 'r' | 'r+'): void {
  const fd = openSync(path, flags);
  fsyncSync(fd);
  closeSync(fd);
}

const pad = (value: number, width: number): string => String(value).padStart(width, '0');
let lastMicros = 0;

/** A fresh timestamp of an order file: microseconds that never repeat in this process. */
function timestamp(): string {
  lastMicros = Math.max(Date.now() * 1000, lastMicros + 1);
  const at = new Date(Math.floor(lastMicros / 1000));
  const day = `${at.getUTCFullYear()}${pad(at.getUTCMonth() + 1, 2)}${pad(at.getUTCDate(), 2)}`;
  const time = `${pad(at.getUTCHours(), 2)}${pad(at.getUTCMinutes(), 2)}${pad(at.getUTCSeconds(), 2)}`;
  return `${day}${time}${pad(lastMicros % 1_000_000, 6)}`;
}

/** One home with the agents that drop into it. */
export class Site {
  readonly home: string;
  readonly dropped: Dropped[] = [];
  readonly watcher = new Watcher();

  constructor(home: string) {
    this.home = home;
    mkdirSync(join(home, 'orders', 'incoming'), { recursive: true });
  }

  /** An agent drops an order file: temporary name, fsync, rename, fsync of the folder. */
  drop(ask: Ask = {}): Dropped {
    const dropped = this.#note(ask);
    this.#put(dropped);
    return dropped;
  }

  /** Agents that have written their files, and rename them when the returned function is called. */
  prepare(asks: readonly Ask[]): () => void {
    const names = asks.map((ask) => this.#write(this.#note(ask)));
    return () => {
      for (const name of names) this.#rename(name);
    };
  }

  /** The same file once more, as it was. */
  dropAgain(dropped: Dropped): void {
    this.dropped.push(dropped);
    this.watcher.follow(dirname(dropped.answer), basename(dropped.answer));
    this.#put(dropped);
  }

  /** Nothing of before is judged: the row has taken the memory of it away. */
  forgetAll(): void {
    this.dropped.length = 0;
    this.watcher.history.clear();
  }

  #note(ask: Ask): Dropped {
    const { agent = 'prover', type = 'stockbuy', payload = MARKET, sendBy = 3600 } = ask;
    const at = ask.timestamp ?? timestamp();
    const stem = `paper_${agent}_${type}_${at}`;
    const clientOrderId = `${agent}_${at}_${type}`;
    const isTrade = sendBy !== null && /buy|sell|option/.test(type);
    const body = {
      agent_id: agent,
      client_order_id: clientOrderId,
      order_type: type,
      mode: 'paper',
      payload,
      ...(isTrade ? { send_by: new Date(Date.now() + sendBy * 1000).toISOString() } : {}),
    };
    const day = at.slice(0, 8);
    const folder = join(this.home, 'responses', agent, 'paper', day);
    const name = `response_paper_${agent}_${type}_${at}.json`;
    const dropped: Dropped = {
      stem,
      clientOrderId,
      agent,
      type,
      bytes: JSON.stringify(body),
      answer: `${folder}/${name}`,
    };
    this.dropped.push(dropped);
    this.watcher.follow(folder, name);
    return dropped;
  }

  get #incoming(): string {
    return join(this.home, 'orders', 'incoming');
  }

  #put(dropped: Dropped): void {
    this.#rename(this.#write(dropped));
    sync(this.#incoming, 'r');
  }

  #write({ stem, bytes }: Dropped): string {
    const name = `${stem}.json`;
    const temp = join(this.#incoming, `.${name}.tmp`);
    writeFileSync(temp, bytes);
    sync(temp, 'r+');
    return name;
  }

  #rename(name: string): void {
    renameSync(join(this.#incoming, `.${name}.tmp`), join(this.#incoming, name));
  }

  answer(dropped: Dropped): AnswerView | null {
    const version = this.watcher.newest(dropped.answer);
    return version === null ? null : parsed(version);
  }

  /** Waits for an answer that `fits`. */
  async answered(
    dropped: Dropped,
    fits: (answer: AnswerView) => boolean = () => true,
    ms = 20_000,
  ): Promise<AnswerView> {
    return until(
      () => {
        const answer = this.answer(dropped);
        return answer !== null && fits(answer) ? answer : null;
      },
      ms,
      () => `the answer to ${dropped.clientOrderId}; now ${JSON.stringify(this.answer(dropped))?.slice(0, 600)}`,
    );
  }

  /** Waits until every file is answered with more than `unknown` (or may stay so) and nothing is being worked on. */
  async settled(ms: number, mayDoubt: ReadonlySet<string> = new Set()): Promise<void> {
    const open = new Set(this.dropped);
    const processing = join(this.home, 'orders', 'processing');
    await until(
      () => {
        for (const dropped of open) {
          const caught = this.watcher.caught(dropped.answer);
          const version = caught === null || !isDone(caught) ? this.watcher.newest(dropped.answer) : caught;
          if (version !== null && (isDone(version) || mayDoubt.has(dropped.clientOrderId))) open.delete(dropped);
        }
        return open.size === 0 && readdirSync(processing).length <= mayDoubt.size;
      },
      ms,
      () => {
        const [first] = open;
        const now =
          first === undefined ? readdirSync(processing).join(', ') : (this.answer(first)?.error ?? 'no answer');
        return `${open.size} of ${this.dropped.length} settled; ${first?.clientOrderId}: ${JSON.stringify(now)}`;
      },
      50,
    );
  }
}

const parsed = (version: Version): AnswerView | null => {
  try {
    return JSON.parse(version.text) as AnswerView;
  } catch {
    return null;
  }
};
const isDone = (version: Version): boolean => {
  const answer = parsed(version);
  return answer !== null && answer.sent !== 'unknown';
};

export interface RigOptions {
  /** An empty folder of its own. */
  readonly folder: string;
}

/** Settings of a tower whose row is about neither the budget nor the long waits. */
const BRISK = {
  TOWER_BUDGET_PER_MINUTE: '10000',
  TOWER_BUDGET_PER_SECOND: '1000',
  TOWER_DOUBT_SETTLE_MS: '1000',
  TOWER_DOUBT_MAX_DELAY_MINUTES: '1',
  TOWER_SWEEP_INTERVAL_MS: '2000',
  TOWER_FILES_POLL_MS: '100',
};

export class Rig {
  readonly wire: Wire;
  readonly folder: string;
  readonly #ledgerFile: string;
  readonly #exchange: Child;
  readonly #control: string;
  #rows = 0;
  #ledgerFrom = 0;
  #sites: Site[] = [];
  #towers: Child[] = [];
  #verdict: Verdict | null = null;
  key = '';
  secret = '';
  /** Requests whose proof the row takes away: they may stay in doubt. */
  mayDoubt = new Set<string>();
  /** Orders that arrive later than anything is assumed to travel: what was said of them before cannot count. */
  beyondDelay = new Set<string>();
  /** The tower's wall clock is moved: moments of the journal and of the ledger cannot be compared. */
  clockJumps = false;
  journalLost = false;
  /** Bodies that somebody else posted. */
  #foreign = new Set<string>();
  /** Extra settings of the tower that `conclude` starts. */
  lastEnv: Readonly<Record<string, string>> = {};

  private constructor(folder: string, exchange: Child, url: string) {
    this.folder = folder;
    this.#ledgerFile = join(folder, 'ledger.jsonl');
    this.#exchange = exchange;
    this.#control = url;
    this.wire = new Wire(url);
  }

  static async open({ folder }: RigOptions): Promise<Rig> {
    mkdirSync(folder, { recursive: true });
    const home = join(folder, 'exchange');
    const args = ['--home', home, '--port', '0', '--control', '--ledger', join(folder, 'ledger.jsonl')];
    const exchange = new Child(['exchange', ...args, '--cash', '100000000', '--rate-limit', '1000000'], { env: {} });
    const line = await exchange.ready();
    const url = /http:\/\/\S+/.exec(line)?.[0];
    must(url !== undefined, `the exchange does not say where it is: ${line}`);
    const rig = new Rig(folder, exchange, url);
    await rig.wire.open();
    return rig;
  }

  async close(): Promise<void> {
    await this.#endTowers();
    for (const site of this.#sites) site.watcher.close();
    await this.wire.end();
    await this.#exchange.end();
  }

  /** A clean stand for the next row: new home, new account, no faults, nothing remembered. */
  async begin(): Promise<void> {
    await this.#endTowers();
    this.wire.calm();
    await this.control('DELETE', 'faults');
    for (const site of this.#sites) site.watcher.close();
    this.#rows++;
    this.key = `PKPROVEKEY${pad(this.#rows, 4)}`;
    this.secret = `provesecret${pad(this.#rows, 4)}canary`;
    this.#sites = [];
    this.#towers = [];
    this.#verdict = null;
    this.mayDoubt = new Set();
    this.beyondDelay = new Set();
    this.clockJumps = false;
    this.journalLost = false;
    this.#foreign = new Set();
    this.lastEnv = {};
    this.wire.seen.length = 0;
    this.wire.openings = 0;
    this.#ledgerFrom = this.#ledgerLines().length;
    this.newSite(join(this.folder, `row-${this.#rows}`));
  }

  newSite(home: string): Site {
    const site = new Site(home);
    this.#sites.push(site);
    return site;
  }

  /** The row's home lies elsewhere, on a disk of its own. */
  moveTo(home: string): Site {
    for (const site of this.#sites) site.watcher.close();
    this.#sites = [];
    return this.newSite(home);
  }

  /** The row's first home. */
  get site(): Site {
    const [site] = this.#sites;
    must(site !== undefined, 'no row has begun');
    return site;
  }

  /** The environment of a tower that trades through the wire. */
  env(extra: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
    return {
      TOWER_TEST: '1',
      ...BRISK,
      ALPACA_PAPER_BASE_URL: this.wire.url,
      ALPACA_DATA_BASE_URL: this.wire.url,
      ALPACA_PAPER_API_KEY: this.key,
      ALPACA_PAPER_SECRET_KEY: this.secret,
      ...extra,
    };
  }

  /** The exchange itself, past the wire. */
  get exchangeUrl(): string {
    return this.#control;
  }

  /** Starts a tower without waiting for anything. */
  launch(extra: Readonly<Record<string, string>> = {}, options: ChildOptions & { readonly site?: Site } = {}): Child {
    const { site = this.site, ...rest } = options;
    const child = new Child(['start', '--home', site.home], { ...rest, env: this.env(extra) });
    this.#towers.push(child);
    return child;
  }

  /** Starts a tower and waits until it takes orders. */
  async start(
    extra: Readonly<Record<string, string>> = {},
    options: Parameters<Rig['launch']>[1] = {},
  ): Promise<Child> {
    const child = this.launch(extra, options);
    await child.ready();
    return child;
  }

  /** Runs a command on the row's home, as a person would, to its end. */
  async command(words: readonly string[]): Promise<{ readonly code: number | null; readonly output: string }> {
    const child = new Child([...words, '--home', this.site.home], { env: this.env() });
    const { code } = await child.exited;
    return { code, output: child.output };
  }

  drop(ask: Ask = {}): Dropped {
    return this.site.drop(ask);
  }

  dropMany(count: number, ask: Ask = {}): readonly Dropped[] {
    return Array.from({ length: count }, () => this.drop(ask));
  }

  answered(dropped: Dropped, fits?: (answer: AnswerView) => boolean, ms?: number): Promise<AnswerView> {
    return this.site.answered(dropped, fits, ms);
  }

  /** Asks the exchange's control. Throws on anything but success. */
  async control(method: string, path: string, body?: unknown): Promise<string> {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const response = await fetch(`${this.#control}/_control/${path}`, init);
    const text = await response.text();
    must(response.ok, `control ${method} ${path}: ${response.status} ${text}`);
    return text;
  }

  faults(plan: Readonly<Record<string, unknown>>): Promise<string> {
    return this.control('PUT', 'faults', plan);
  }

  /** Asks the exchange itself, as the account's owner. */
  async ask(method: string, path: string, body?: unknown): Promise<{ status: number; body: string }> {
    const headers = { 'APCA-API-KEY-ID': this.key, 'APCA-API-SECRET-KEY': this.secret };
    const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
    const response = await fetch(`${this.#control}${path}`, init);
    return { status: response.status, body: await response.text() };
  }

  #ledgerLines(): readonly string[] {
    try {
      return readFileSync(this.#ledgerFile, 'utf8').split('\n').slice(0, -1);
    } catch {
      return [];
    }
  }

  /** What the ledger says since the row began. */
  ledger(): readonly LedgerLine[] {
    return this.#ledgerLines()
      .slice(this.#ledgerFrom)
      .map((line) => JSON.parse(line) as LedgerLine);
  }

  /** POSTs of a request that left the tower, as the ledger has them. */
  posts(dropped: Dropped): readonly LedgerLine[] {
    return this.ledger().filter(({ method, body }) => method === 'POST' && body.includes(dropped.clientOrderId));
  }

  /** POSTs of orders that came as far as the wire. */
  get posted(): number {
    return this.wire.seen.filter(({ method, url }) => method === 'POST' && url === '/v2/orders').length;
  }

  /** Somebody else's order on the same account, past the tower. Returns the exchange's answer. */
  async foreignOrder(body: Readonly<Record<string, unknown>>): Promise<string> {
    const { symbol, qty, type, time_in_force, limit_price, side = 'buy', client_order_id } = body;
    const wire = { symbol, qty, side, type, time_in_force, limit_price, client_order_id };
    this.#foreign.add(JSON.stringify(wire));
    const { status, body: answer } = await this.ask('POST', '/v2/orders', wire);
    must(status === 200, `somebody else's order: ${status} ${answer}`);
    return answer;
  }

  async #book(): Promise<readonly BookOrder[]> {
    const orders = new Map<string, BookOrder>();
    let after = '';
    for (;;) {
      const { status, body } = await this.ask('GET', `/v2/orders?status=all&limit=500&direction=asc${after}`);
      must(status === 200, `the exchange's list of orders: ${status} ${body.slice(0, 200)}`);
      const page = JSON.parse(body) as (BookOrder & { readonly submitted_at: string })[];
      const before = orders.size;
      for (const order of page) orders.set(order.id, order);
      const last = page.at(-1);
      if (page.length < 500 || last === undefined || orders.size === before) return [...orders.values()];
      after = `&after=${encodeURIComponent(last.submitted_at)}`;
    }
  }

  get isAnyRunning(): boolean {
    return this.#towers.some((tower) => tower.isRunning);
  }

  /** kill -9 for whatever tower of the row runs. */
  async killTowers(): Promise<void> {
    await this.#endTowers();
  }

  async #endTowers(): Promise<void> {
    for (const tower of this.#towers) {
      if (!tower.isRunning) continue;
      tower.signal('SIGCONT');
      await tower.end('SIGKILL');
    }
  }

  /** Faults off, a tower on every home until all is settled, an orderly stop, the audit. */
  async conclude(ms = 60_000): Promise<Verdict> {
    if (this.#verdict !== null) return this.#verdict;
    this.wire.calm();
    await this.control('DELETE', 'faults');
    // Last of all, a start of its own: what a stopped tower left behind must be taken up, too.
    for (const site of this.#sites) {
      if (!this.isAnyRunning) await this.start(this.lastEnv, { site });
      await site.settled(ms, this.mayDoubt);
      for (const tower of this.#towers) {
        if (!tower.isRunning) continue;
        const code = await tower.end();
        must(code === 0, `the tower ended with ${code}:\n${tower.output.slice(-2000)}`);
      }
      site.watcher.lookAtAll();
    }
    this.#verdict = audit({
      ledger: this.ledger(),
      book: await this.#book(),
      sites: this.#sites.map(({ home, dropped, watcher }) => ({ home, dropped, history: watcher.history })),
      secrets: [this.key, this.secret],
      foreign: this.#foreign,
      mayDoubt: this.mayDoubt,
      beyondDelay: this.beyondDelay,
      clockJumps: this.clockJumps,
      journalLost: this.journalLost,
    });
    return this.#verdict;
  }
}

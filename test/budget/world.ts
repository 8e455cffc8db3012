/**
 * A whole tower on virtual time before the project's own exchange, which enforces its limits: agents drop files, requests
 * take their time, the process is killed. What is measured is measured outside the tower, where requests leave and where
 * they arrive. Must never tell the tower anything that Alpaca would not.
 */
import { alpacaBroker } from '../../src/broker/alpaca/client.ts';
import type { HttpRequest } from '../../src/broker/alpaca/network.ts';
import type { Host } from '../../src/journal/journal.ts';
import { fraction, type Random, seededRandom } from '../../src/lib/random.ts';
import { Pipeline, type PipelineOptions } from '../../src/pipeline.ts';
import type { Venue, VenueAnswer } from '../storm/book.ts';
import { drive, VirtualTime, wallOf } from '../storm/clock.ts';
import { Disk } from '../storm/disk.ts';
import { ExchangeBroker } from '../storm/exchange-broker.ts';
import { simFiles } from '../storm/files.ts';
import { JournalBox } from '../storm/journal.ts';
import { Crash, Life } from '../storm/life.ts';
import { Wire } from '../storm/network.ts';
import { drawPlan } from '../storm/plan.ts';
import { CALM, optionsOf } from '../storm/setting.ts';

export const SECOND_US = 1_000_000;
export const MINUTE_US = 60 * SECOND_US;

export interface WorldOptions {
  readonly seed: number;
  /** What the exchange allows and the tower is told, for each host. */
  readonly perMinute: number;
  readonly perSecond: number;
  /** A request takes between nothing and so long to arrive, and its answer as long to come back. */
  readonly jitterMs: number;
  /** The process is killed after a random time of up to twice this; 0 for never. It is down for up to `downMs`. */
  readonly killedEveryMs: number;
  readonly downMs: number;
  /** What the broker's headers say is something else now and then. */
  readonly headerSurprises: boolean;
  /** Requests of another program with the same keys, each minute. */
  readonly foreignPerMinute: number;
  readonly options?: Partial<PipelineOptions>;
}

/** One thing that an agent has asked for, and what was seen of it. Microseconds of virtual time. */
export interface Ask {
  readonly agent: string;
  readonly type: string;
  readonly clientOrderId: string;
  readonly droppedAt: number;
  /** When the request for it left: of an order its POST, of a cancel its DELETE. */
  leftAt: number | null;
  answeredAt: number | null;
  /** Age of what a query was answered with, at the moment of the answer. */
  ageUs: number | null;
  error: string | null;
}

const hostOf = ({ origin }: HttpRequest): Host => (origin.includes('data.') ? 'data' : 'trading');
const INCOMING = 'orders/incoming';

export class World {
  readonly time = new VirtualTime();
  readonly random: Random;
  readonly arrived: Record<Host, number[]> = { trading: [], data: [] };
  readonly left: Record<Host, number[]> = { trading: [], data: [] };
  readonly refused: Record<Host, number> = { trading: 0, data: 0 };
  readonly asks = new Map<string, Ask>();
  readonly notices: string[] = [];
  kills = 0;
  readonly #o: WorldOptions;
  readonly #disk = new Disk();
  readonly #box = new JournalBox();
  readonly #exchange: ExchangeBroker;
  readonly #wire: Wire;
  readonly #cancels = new Map<string, Ask>();
  #answered: (ask: Ask) => void = () => {};
  #life: Life | null = null;
  #pipeline: Pipeline | null = null;
  #ring = (): void => {};
  #lives = 0;
  #count = 0;
  #fault: unknown = null;

  constructor(options: WorldOptions) {
    this.#o = options;
    const { seed, perMinute, jitterMs } = options;
    this.random = seededRandom(`budget ${seed}`);
    const { broker } = drawPlan(seededRandom(seed), seededRandom(seed));
    const plan = { ...broker, perMinute, lookupLagMs: 0, listLagMs: 0, unique: true };
    this.#exchange = new ExchangeBroker(this.time, seed, plan, () => {});
    const exchange = this.#exchange;
    const venue: Venue = {
      book: exchange.book,
      answer: (...request) => this.#surprised(exchange.answer(...request)),
      connect: (port) => exchange.connect(port),
      account: () => exchange.account(),
      placeForeign: () => exchange.placeForeign(),
      showsAll: () => true,
      calm: () => exchange.calm(),
    };
    this.#wire = new Wire({
      time: this.time,
      random: seededRandom(`wire ${seed}`),
      venue,
      // What the kernel of a killed process holds arrives all the same.
      network: () => ({ ...CALM.network, latencyMs: jitterMs, surviveCrash: 1, lateMs: jitterMs }),
      stream: () => CALM.stream,
      left: (request) => this.#leaves(request),
      turnedAway: (request) => {
        this.refused[hostOf(request)]++;
      },
      arrived: (request) => {
        this.arrived[hostOf(request)].push(this.time.now);
      },
      told: () => {},
    });
    this.#disk.makeFolder(INCOMING);
    this.every(SECOND_US, () => this.#disk.writeBack());
    if (options.foreignPerMinute > 0) this.#beForeign();
    this.#boot();
  }

  /** Called with each first answer. */
  onAnswer(answered: (ask: Ask) => void): void {
    this.#answered = answered;
  }

  /** An order file, as an agent drops it. `target`: the client_order_id that a cancel is for. */
  drop(agent: string, type: string, payload: object, target?: string): Ask {
    const digits = new Date(wallOf(this.time.now) / 1000).toISOString().replace(/\D/g, '');
    const timestamp = digits + String(this.#count++ % 1000).padStart(3, '0');
    const clientOrderId = `${agent}_${timestamp}_${type}`;
    const text = JSON.stringify({
      agent_id: agent,
      client_order_id: clientOrderId,
      order_type: type,
      mode: 'paper',
      payload,
    });
    const ask: Ask = {
      agent,
      type,
      clientOrderId,
      droppedAt: this.time.now,
      leftAt: null,
      answeredAt: null,
      ageUs: null,
      error: null,
    };
    this.asks.set(clientOrderId, ask);
    if (target !== undefined) this.#cancels.set(this.#exchange.book.byClientId.get(target)?.[0]?.id ?? '', ask);
    const inode = this.#disk.create(
      `${INCOMING}/paper_${agent}_${type}_${timestamp}.json`,
      Buffer.from(text),
      this.time.now,
    );
    this.#disk.sync(inode);
    this.time.in(50, () => this.#ring());
    return ask;
  }

  /** Runs `act` every `us`, from a moment of its own within the first period. */
  every(us: number, act: () => void): void {
    const turn = (): void => {
      act();
      this.time.in(us, turn);
    };
    this.time.in(us * fraction(this.random), turn);
  }

  /** Lets so much time pass. Throws what the tower has thrown. */
  async run(us: number): Promise<void> {
    const end = this.time.now + us;
    await drive(() => this.#fault === null && this.time.now < end && this.time.step());
    if (this.#fault !== null) throw this.#fault;
  }

  budgets() {
    return this.#pipeline?.budgets() ?? [];
  }

  close(): void {
    if (this.#life !== null) this.#life.alive = false;
    this.#box.close();
  }

  #leaves(request: HttpRequest): void {
    this.left[hostOf(request)].push(this.time.now);
    const { method, path, body } = request;
    const [, id] = /"client_order_id":"([^"]+)"/.exec(body) ?? [];
    const ask =
      method === 'POST'
        ? this.asks.get(id ?? '')
        : method === 'DELETE'
          ? this.#cancels.get(path.split('/').at(-1) ?? '')
          : null;
    if (ask) ask.leftAt ??= this.time.now;
  }

  #placed(path: string, bytes: Uint8Array): void {
    if (!path.startsWith('responses/')) return;
    const answer = JSON.parse(Buffer.from(bytes).toString());
    const ask = this.asks.get(answer.client_order_id);
    if (ask === undefined || ask.answeredAt !== null) return;
    ask.answeredAt = this.time.now;
    ask.error = answer.error?.code ?? null;
    if (typeof answer.as_of === 'string') ask.ageUs = wallOf(this.time.now) - Date.parse(answer.as_of) * 1000;
    this.#answered(ask);
  }

  #boot(): void {
    const { killedEveryMs, downMs } = this.#o;
    const us = 2 * killedEveryMs * 1000 * fraction(this.random);
    const life: Life = new Life(
      this.#lives++,
      this.time,
      killedEveryMs > 0 ? [{ kind: 'moment', us }] : [],
      this.time.now,
      () => {
        this.kills++;
        this.#ring = () => {};
        this.#wire.orphan(life);
        this.time.in(downMs * 1000 * fraction(this.random), () => this.#boot());
      },
      (error) => this.#fail(error),
    );
    this.#life = life;
    life.guard(() => this.#start(life));
  }

  #fail(error: unknown): void {
    if (!(error instanceof Crash) && this.#life?.alive) this.#fault ??= error;
  }

  #start(life: Life): void {
    const random = seededRandom(`tower ${life.n}`);
    const files = simFiles(
      {
        disk: this.#disk,
        random,
        now: () => this.time.now,
        faults: () => CALM.disk,
        wait: () =>
          new Promise((resolve) => {
            this.time.in(2000 * fraction(this.random), resolve);
          }),
        placed: (path, bytes) => this.#placed(path, bytes),
        claimed: () => {},
        watch: (_folder, ring) => {
          this.#ring = ring;
          return () => {
            if (this.#ring === ring) this.#ring = () => {};
          };
        },
      },
      life,
    );
    files.makeFolder('data');
    const journal = this.#box.open(life, random, () => 0, random);
    const broker = alpacaBroker({
      mode: 'paper',
      baseUrl: 'https://paper-api.alpaca.markets',
      dataUrl: 'https://data.alpaca.markets',
      keys: { id: 'KEY', secret: 'SECRET' },
      network: this.#wire.networkFor(life),
      clock: life.clock,
      random,
    });
    const { perMinute, perSecond } = this.#o;
    const options: PipelineOptions = {
      ...optionsOf(
        drawPlan(seededRandom(this.#o.seed), seededRandom(this.#o.seed)),
        () => {},
        (error) => this.#fail(error),
      ),
      budget: { perMinute, perSecond, dataPerMinute: perMinute },
      onEvent: (event) => {
        if (event.kind === 'notice') this.notices.push(event.text);
      },
      ...this.#o.options,
    };
    const ports = {
      files,
      journal,
      clock: life.clock,
      random,
      failpoints: life.failpoints,
      brokers: { paper: broker },
    };
    this.#pipeline = new Pipeline(ports, options);
    this.#pipeline.start().catch((error: unknown) => this.#fail(error));
  }

  /** What a header says that is not so: nothing, nonsense, a window of another time, less than is left. */
  #surprised(answer: VenueAnswer): VenueAnswer {
    if (!this.#o.headerSurprises || fraction(this.random) > 0.02) return answer;
    const now = Math.floor(wallOf(this.time.now) / 1e6);
    const { 'x-ratelimit-remaining': remaining, 'x-ratelimit-reset': _reset, ...without } = answer.headers;
    const told = [
      {},
      { 'x-ratelimit-remaining': 'many', 'x-ratelimit-reset': 'soon' },
      { 'x-ratelimit-remaining': '-7', 'x-ratelimit-reset': String(now + 30) },
      { 'x-ratelimit-remaining': '5', 'x-ratelimit-reset': String(now - 100) },
      { 'x-ratelimit-remaining': '1000000', 'x-ratelimit-reset': String(now + 1e9) },
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(now + 2) },
      { 'x-ratelimit-remaining': remaining ?? '3' },
    ];
    return { ...answer, headers: { ...without, ...told[Math.floor(told.length * fraction(this.random))] } };
  }

  #beForeign(): void {
    const headers = { 'APCA-API-KEY-ID': 'KEY', 'APCA-API-SECRET-KEY': 'SECRET' };
    this.every(MINUTE_US / this.#o.foreignPerMinute, () => {
      this.#exchange.answer('GET', '/v2/account', headers, '');
    });
  }
}

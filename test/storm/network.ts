/**
 * The network between tower and broker, with everything that can happen to a request: unsent, lost on either side,
 * answered by something in between, or carried out minutes after its sender has given it up. Must never deliver a copy
 * later than the longest delay after the sender's socket was gone: that much the tower assumes.
 */
import type { HttpRequest, HttpResult, Network, Socket, SocketHandlers } from '../../src/broker/alpaca/network.ts';
import { below, chance, fraction, pick, type Random } from '../../src/lib/random.ts';
import type { Venue, VenueAnswer, VenueSession } from './book.ts';
import type { VirtualTime } from './clock.ts';
import { Crash, type Life } from './life.ts';
import type { NetworkPlan, StreamPlan } from './plan.ts';

export interface NetworkWorld {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly venue: Venue;
  readonly network: () => NetworkPlan;
  readonly stream: () => StreamPlan;
  /** A request leaves the tower, before anything can happen to it. */
  left(request: HttpRequest, life: Life): void;
  /** It was answered 429 without being read. */
  turnedAway(request: HttpRequest): void;
  /** It reaches the broker, which has answered. */
  arrived(request: HttpRequest, answer: VenueAnswer): void;
  told(what: string): void;
}

interface Flight {
  readonly request: HttpRequest;
  readonly life: Life;
  callOff: () => void;
}

/** Where a request's copy may be when its sender dies. */
export class Wire {
  readonly #world: NetworkWorld;
  /** Requests on their way to the broker. */
  readonly #flights = new Set<Flight>();
  readonly #sockets = new Set<StormSocket>();
  #outage: { from: number; to: number } | null = null;

  constructor(world: NetworkWorld) {
    this.#world = world;
  }

  /** Requests that have left and may still arrive. */
  get underWay(): number {
    return this.#flights.size;
  }

  outage(fromUs: number, toUs: number): void {
    this.#outage = { from: fromUs, to: toUs };
  }

  get isOut(): boolean {
    const { time } = this.#world;
    return this.#outage !== null && time.now >= this.#outage.from && time.now < this.#outage.to;
  }

  networkFor(life: Life): Network {
    return {
      // The port never rejects: who dies here gets no answer.
      request: (request) =>
        this.#request(request, life).catch((error: unknown) => {
          if (error instanceof Crash) return new Promise(() => {});
          throw error;
        }),
      socket: (url, handlers) => this.#socket(url, handlers, life),
      close: async () => {},
    };
  }

  /** The process is gone: what the kernel holds of its requests may still be delivered. */
  orphan(life: Life): void {
    const { random, time } = this.#world;
    for (const flight of [...this.#flights]) {
      if (flight.life !== life) continue;
      flight.callOff();
      this.#flights.delete(flight);
      if (chance(random, this.#world.network().surviveCrash)) this.#fly(flight.request, life, this.#lateUs(), () => {});
    }
    for (const socket of [...this.#sockets]) {
      if (socket.life !== life) continue;
      this.#sockets.delete(socket);
      time.in(1000, () => socket.gone());
    }
  }

  #lateUs(): number {
    const { random } = this.#world;
    return this.#world.network().lateMs * 1000 * fraction(random);
  }

  #latencyUs(): number {
    return 200 + this.#world.network().latencyMs * 1000 * fraction(this.#world.random) ** 2;
  }

  /** Brings a request to the broker after `us`. */
  #fly(request: HttpRequest, life: Life, us: number, answered: (answer: VenueAnswer) => void): void {
    const flight: Flight = { request, life, callOff: () => {} };
    this.#flights.add(flight);
    flight.callOff = this.#world.time.in(us, () => {
      this.#flights.delete(flight);
      const answer = this.#world.venue.answer(request.method, request.path, request.headers, request.body);
      this.#world.arrived(request, answer);
      if (answer.status === 429) this.#world.turnedAway(request);
      answered(answer);
    });
  }

  async #request(request: HttpRequest, life: Life): Promise<HttpResult> {
    life.call('request');
    return await new Promise<HttpResult>((resolve) => {
      const { time } = this.#world;
      let done = false;
      const finish = (result: HttpResult): void => {
        if (done || !life.alive) return;
        done = true;
        resolve(result);
      };
      time.in(request.timeoutMs * 1000, () => {
        if (!done) finish({ kind: 'lost', reason: `no answer within ${request.timeoutMs} ms` });
      });
      this.#meet(request, life, finish);
      life.call('requested');
    });
  }

  /** What becomes of one request. */
  #meet(request: HttpRequest, life: Life, finish: (result: HttpResult) => void): void {
    const { time, random, told } = this.#world;
    const plan = this.#world.network();
    const soon = (result: HttpResult): void => {
      time.in(this.#latencyUs(), () => finish(result));
    };
    const strikes = (probability: number): boolean => probability > 0 && chance(random, probability);
    if (this.isOut || strikes(plan.refuse)) {
      soon({ kind: 'unsent', reason: 'connection refused' });
      return;
    }
    if (request.mayLeave?.() === false) {
      told(`${request.method}: held back`);
      soon({ kind: 'unsent', reason: 'held back', held: true });
      return;
    }
    this.#world.left(request, life);
    const what = `${request.method} ${request.path.slice(0, 60)}`;
    const lost: HttpResult = { kind: 'lost', reason: 'connection reset' };
    const answered = (change: (answer: VenueAnswer) => HttpResult) => {
      this.#fly(request, life, this.#latencyUs(), (answer) => soon(change(answer)));
    };
    if (strikes(plan.loseBefore)) {
      told(`${what}: lost on the way`);
      soon(lost);
    } else if (strikes(plan.loseAfter)) {
      told(`${what}: the answer is lost`);
      answered(() => lost);
    } else if (strikes(plan.late)) {
      told(`${what}: reset, a copy arrives late`);
      const resetUs = this.#latencyUs();
      time.in(resetUs, () => finish(lost));
      this.#fly(request, life, resetUs + this.#lateUs(), () => {});
    } else if (strikes(plan.gateway)) {
      this.#gateway(request, life, soon, what);
    } else if (strikes(plan.limited)) {
      told(`${what}: 429`);
      this.#world.turnedAway(request);
      const headers: Record<string, string> = plan.limitedHeaders ? { 'retry-after': String(below(random, 5)) } : {};
      soon({ kind: 'answer', status: 429, headers, body: '{"message":"too many requests."}' });
    } else if (strikes(plan.keys)) {
      told(`${what}: 401`);
      soon({ kind: 'answer', status: 401, headers: {}, body: '{"message":"unauthorized."}' });
    } else if (strikes(plan.cut)) {
      told(`${what}: the answer is cut`);
      answered(() => ({ kind: 'lost', reason: 'the body ended early' }));
    } else if (strikes(plan.html)) {
      told(`${what}: a page of HTML comes back`);
      answered(() => ({
        kind: 'answer',
        status: 200,
        headers: { 'content-type': 'text/html' },
        body: '<html></html>',
      }));
    } else {
      answered((answer) => ({ kind: 'answer', ...answer }));
    }
  }

  /** A gateway answers instead of the broker: the request was dropped, has acted, or will act. */
  #gateway(request: HttpRequest, life: Life, soon: (result: HttpResult) => void, what: string): void {
    const { random, told } = this.#world;
    const status = pick(random, [500, 502, 503, 504]);
    const result: HttpResult = { kind: 'answer', status, headers: {}, body: '{"message":"upstream fault"}' };
    const roll = below(random, 3);
    told(`${what}: ${status} ${['unread', 'after acting', 'and still under way'][roll]}`);
    if (roll === 0) soon(result);
    else if (roll === 1) this.#fly(request, life, this.#latencyUs(), () => soon(result));
    else {
      soon(result);
      this.#fly(request, life, this.#lateUs(), () => {});
    }
  }

  #socket(_url: string, handlers: SocketHandlers, life: Life): Socket {
    life.call('socket');
    const { time, random } = this.#world;
    const plan = this.#world.stream();
    const socket = new StormSocket(this.#world, handlers, life, () => this.#sockets.delete(socket));
    this.#sockets.add(socket);
    const refused = this.isOut || plan.absent || (plan.refuse > 0 && chance(random, plan.refuse));
    time.in(this.#latencyUs(), () => {
      if (refused) socket.gone();
      else socket.open();
    });
    return socket;
  }
}

class StormSocket implements Socket {
  readonly life: Life;
  readonly #world: NetworkWorld;
  readonly #handlers: SocketHandlers;
  readonly #forget: () => void;
  #session: VenueSession | null = null;
  #closed = false;
  #silent = false;
  /** When the newest frame arrives: TCP keeps their order, only a fault breaks it. */
  #arrives = 0;

  constructor(world: NetworkWorld, handlers: SocketHandlers, life: Life, forget: () => void) {
    this.#world = world;
    this.#handlers = handlers;
    this.life = life;
    this.#forget = forget;
  }

  open(): void {
    if (this.#closed) return;
    this.#session = this.#world.venue.connect({
      message: (bytes) => this.#fromBroker(bytes),
      closed: () => this.gone(),
    });
    this.#guard(() => this.#handlers.open());
  }

  send(text: string): void {
    this.#later(1000, () => this.#session?.receive(text));
  }

  ping(): void {
    if (this.#silent) return;
    this.#later(2000, () => this.#guard(() => this.#handlers.pong()));
  }

  end(): void {
    this.#close('ended');
  }

  /** The connection is gone without the tower's doing. */
  gone(): void {
    this.#close('connection lost');
  }

  #close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#session?.ended();
    this.#forget();
    this.#world.time.in(100, () => this.#guard(() => this.#handlers.closed(reason)));
  }

  /** A frame of the broker: events may be lost, doubled, overtaken; the protocol's own frames are not. */
  #fromBroker(bytes: Uint8Array): void {
    const { random, told } = this.#world;
    const plan = this.#world.stream();
    const isEvent = bytes.length > 200;
    const strikes = (probability: number): boolean => isEvent && probability > 0 && chance(random, probability);
    if (this.#silent) return;
    if (strikes(plan.silence)) {
      told('the stream falls silent');
      this.#silent = true;
      return;
    }
    if (strikes(plan.disconnect)) {
      told('the stream is cut');
      this.gone();
      return;
    }
    if (strikes(plan.drop)) {
      told('a trade update is lost');
      return;
    }
    const { now } = this.#world.time;
    this.#arrives = Math.max(this.#arrives + 1, now + 500 + Math.floor(2_000 * fraction(random)));
    const base = this.#arrives - now;
    this.#deliver(bytes, base);
    if (strikes(plan.repeat)) this.#deliver(bytes, base + 3_000_000 * fraction(random));
    if (strikes(plan.garbage)) this.#deliver(Buffer.from('{"stream":"trade_upd'), base + 1);
  }

  #deliver(bytes: Uint8Array, us: number): void {
    const { random } = this.#world;
    const { reorder } = this.#world.stream();
    const isHeldBack = bytes.length > 200 && reorder > 0 && chance(random, reorder);
    this.#later(isHeldBack ? us + 5_000_000 * fraction(random) : us, () => {
      if (!this.#silent) this.#guard(() => this.#handlers.message(bytes));
    });
  }

  #later(us: number, run: () => void): void {
    this.#world.time.in(us, () => {
      if (!this.#closed) run();
    });
  }

  #guard(run: () => void): void {
    if (this.life.alive) this.life.guard(run);
  }
}

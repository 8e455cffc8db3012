/**
 * One run of the tower's process: its ports, and the moment at which it dies. Once dead, nothing that it still holds can
 * do anything: every call throws, every promise stays open, no timer fires. Must never let a dead run act.
 */
import { type Clock, micros } from '../../src/lib/clock.ts';
import { FAILPOINTS, type FailpointName, type Failpoints } from '../../src/lib/failpoint.ts';
import { below, chance, fraction, pick, type Random } from '../../src/lib/random.ts';
import { type VirtualTime, wallOf } from './clock.ts';
import type { CrashPlan } from './plan.ts';

/** Thrown into the tower at the moment of its death. */
export class Crash extends Error {
  override readonly name = 'Crash';
}

/** A fault of the machine that the storm has made. */
export class Injected extends Error {
  override readonly name = 'Injected';
  readonly code: string;
  constructor(code: string, what: string) {
    super(`${code}: injected at ${what}`);
    this.code = code;
  }
}

/** Where a run is to die, unless it ends before. */
type Doom =
  | { readonly kind: 'moment'; readonly us: number }
  | { readonly kind: 'call'; left: number }
  | { readonly kind: 'failpoint'; readonly point: FailpointName; left: number };

const POINTS = Object.keys(FAILPOINTS) as FailpointName[];

export function drawDoom(random: Random, plan: CrashPlan, leftUs: number): readonly Doom[] {
  if (chance(random, plan.atStart)) return [{ kind: 'call', left: 1 + below(random, 25) }];
  const moment: Doom = { kind: 'moment', us: leftUs * fraction(random) };
  if (!chance(random, plan.atPoint)) return [moment];
  const call: Doom = { kind: 'call', left: 1 + Math.floor(400 * fraction(random) ** 2) };
  const point: Doom = { kind: 'failpoint', point: pick(random, POINTS), left: 1 + below(random, 4) };
  return [chance(random, 0.5) ? point : call, { kind: 'moment', us: leftUs }];
}

export class Life {
  alive = true;
  /** It has started, and takes orders. */
  isUp = false;
  readonly n: number;
  readonly clock: Clock;
  readonly failpoints: Failpoints;
  readonly #time: VirtualTime;
  readonly #dooms: readonly Doom[];
  readonly #die: (at: string) => void;
  readonly #fault: (error: unknown) => void;
  /** Calls to ports in this run. */
  calls = 0;
  /** Microseconds by which the wall clock of the machine is off. */
  wallOff = 0;

  /** `die` is told where; `fault` gets what a timer's work throws. */
  constructor(
    n: number,
    time: VirtualTime,
    dooms: readonly Doom[],
    bootUs: number,
    die: (at: string) => void,
    fault: (error: unknown) => void,
  ) {
    this.n = n;
    this.#time = time;
    this.#dooms = dooms;
    this.#die = die;
    this.#fault = fault;
    // A monotonic clock starts anew with each boot, at no particular value.
    const offset = bootUs - n * 1_000_003;
    this.clock = {
      now: () => micros(wallOf(time.now) + this.wallOff),
      monotonic: () => (time.now - offset) / 1000,
      after: (ms, run) => this.#after(ms, run),
    };
    this.failpoints = { hit: (name) => this.#hit(name) };
    for (const doom of dooms) {
      if (doom.kind !== 'moment') continue;
      time.in(doom.us, () => {
        if (this.alive) this.#end('a moment');
      });
    }
  }

  /** Every call to a port passes here: the dead may not act, and this call may be the last. */
  call(what: string): void {
    if (!this.alive) throw new Crash(what);
    this.calls++;
    for (const doom of this.#dooms) {
      if (doom.kind === 'call' && --doom.left === 0) this.#kill(what);
    }
  }

  #hit(name: FailpointName): void {
    if (!this.alive) throw new Crash(name);
    for (const doom of this.#dooms) {
      if (doom.kind === 'failpoint' && doom.point === name && --doom.left === 0) this.#kill(name);
    }
  }

  #kill(at: string): never {
    this.#end(at);
    throw new Crash(at);
  }

  #end(at: string): void {
    this.alive = false;
    this.#die(at);
  }

  #after(ms: number, run: () => void): () => void {
    if (!this.alive || !Number.isFinite(ms)) return () => {};
    return this.#time.in(ms * 1000, () => {
      if (this.alive) this.guard(run);
    });
  }

  /** Calls into the tower from outside: what it throws there would end a process. */
  guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof Crash)) this.#fault(error);
    }
  }
}

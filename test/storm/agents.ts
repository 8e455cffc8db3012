/**
 * Agents: they drop order files, well and badly made, repeat them, write them slowly, and delete answers. Must never wait
 * for the tower: what they do depends on the seed and on virtual time alone.
 */
import { below, chance, fraction, pick, type Random } from '../../src/lib/random.ts';
import { type VirtualTime, wallOf } from './clock.ts';
import type { Disk, Inode } from './disk.ts';
import type { Plan } from './plan.ts';

const INCOMING = 'orders/incoming';

/** One file that an agent put there. */
export interface Drop {
  readonly inode: Inode;
  readonly name: string;
  /** Its identity, when the name has one. */
  readonly clientOrderId: string | null;
  /** The order that it asks to cancel. */
  readonly cancels: string | null;
  /** Overwritten by its own writer before anybody took it. */
  isVoid: boolean;
}

interface Written {
  readonly name: string;
  readonly clientOrderId: string | null;
  readonly isTrade: boolean;
  readonly cancels: string | null;
  readonly text: string;
}

export interface AgentsWorld {
  readonly time: VirtualTime;
  readonly random: Random;
  /** For those who only look. */
  readonly watchers: Random;
  readonly disk: Disk;
  readonly plan: Plan;
  dropped(drop: Drop): void;
  deleted(path: string): void;
  /** Something in the incoming folder has changed. */
  ring(): void;
  told(what: string): void;
}

export const NAMES = ['alpha', 'beta', 'gamma', 'delta'] as const;
const LOOKS = ['orderstatus', 'openorders', 'allorders', 'allorders', 'positions', 'accountinfo'] as const;
const SYMBOLS = ['AAPL', 'MSFT', 'TSLA'] as const;

export class Agents {
  readonly #world: AgentsWorld;
  readonly #written: Written[] = [];
  readonly #waiting = new Map<string, Drop>();
  #count = 0;

  constructor(world: AgentsWorld) {
    this.#world = world;
  }

  /** Plans every drop of the run. */
  start(): void {
    const { time, random, plan } = this.#world;
    for (let i = 0; i < plan.drops; i++) time.in(plan.spanMs * 1000 * fraction(random), () => this.#act());
    const { watchers } = this.#world;
    // In half of the seeds somebody looks, a few times in a row: what was known the first time may answer the next.
    const looks = chance(watchers, 0.5) ? 1 + below(watchers, 8) : 0;
    for (let i = 0; i < looks; i++) {
      const at = plan.spanMs * 1000 * fraction(watchers);
      for (let j = below(watchers, 5); j >= 0; j--)
        time.in(at + 4_000_000 * fraction(watchers), () => this.#look(pick(watchers, LOOKS)));
    }
    const deletions = plan.shape.deleteAnswer > 0 ? 1 + below(random, 5) : 0;
    for (let i = 0; i < deletions; i++) time.in(plan.spanMs * 1000 * fraction(random), () => this.#delete());
  }

  /** After a journal was lost: an agent that got no answer it trusts sends a file again, as it was. */
  repeatOld(): void {
    const { random } = this.#world;
    const old = this.#written.length === 0 ? undefined : pick(random, this.#written);
    if (old !== undefined) this.#drop(old);
  }

  #act(): void {
    const { random, plan } = this.#world;
    const { shape } = plan;
    const old = this.#written.length === 0 ? undefined : pick(random, this.#written);
    if (old !== undefined && chance(random, shape.repeat)) this.#drop(old);
    else if (old !== undefined && chance(random, shape.clash)) this.#drop({ ...old, text: this.#clash(old) });
    else this.#drop(this.#new());
  }

  #new(): Written {
    const { random, time, plan } = this.#world;
    const { shape } = plan;
    const agent = NAMES[below(random, plan.agents)] ?? NAMES[0];
    const timestamp =
      new Date(wallOf(time.now) / 1000).toISOString().replace(/\D/g, '') + String(this.#count++).padStart(3, '0');
    const trades = this.#written.filter(({ isTrade }) => isTrade);
    const target = trades.length === 0 ? undefined : pick(random, trades);
    const type =
      target !== undefined && chance(random, shape.cancel)
        ? 'cancelorder'
        : chance(random, shape.query)
          ? pick(random, ['orderstatus', 'openorders', 'allorders', 'positions', 'accountinfo', 'marketdata'])
          : pick(random, ['stockbuy', 'stockbuy', 'stocksell', 'cryptobuy', 'optionsingle', 'optionmulti']);
    const clientOrderId = `${agent}_${timestamp}_${type}`;
    const isTrade = /^(stock|crypto|option)/.test(type);
    const file = {
      agent_id: agent,
      client_order_id: clientOrderId,
      order_type: type,
      mode: 'paper',
      payload: payload(random, type, target?.clientOrderId ?? clientOrderId),
      ...(chance(random, shape.shortLived)
        ? { send_by: new Date(wallOf(time.now) / 1000 + 500 + 20_000 * fraction(random)).toISOString() }
        : {}),
      ...(chance(random, 0.2) ? { request_order_id: `r-${this.#count}` } : {}),
    };
    const text = chance(random, shape.invalid) ? spoiled(random, file) : JSON.stringify(file);
    const name = `paper_${agent}_${type}_${timestamp}.json`;
    if (chance(random, shape.badName)) {
      const bad = pick(random, [
        `${name}.txt`,
        name.replace('paper_', 'papre_'),
        `odd ${this.#count}.json`,
        `x_${name}`,
      ]);
      return { name: bad, clientOrderId: null, isTrade: false, cancels: null, text };
    }
    return {
      name,
      clientOrderId,
      isTrade,
      cancels: type === 'cancelorder' ? (target?.clientOrderId ?? null) : null,
      text,
    };
  }

  /** A well made query, dropped whole. */
  #look(type: (typeof LOOKS)[number]): void {
    const { watchers, time, disk } = this.#world;
    const agent = NAMES[0];
    const timestamp =
      new Date(wallOf(time.now) / 1000).toISOString().replace(/\D/g, '') + String(this.#count++).padStart(3, '0');
    const clientOrderId = `${agent}_${timestamp}_${type}`;
    const trades = this.#written.filter(({ isTrade }) => isTrade);
    const target = trades.length === 0 ? clientOrderId : (pick(watchers, trades).clientOrderId ?? clientOrderId);
    const file = {
      agent_id: agent,
      client_order_id: clientOrderId,
      order_type: type,
      mode: 'paper',
      payload: payload(watchers, type, target),
    };
    const name = `paper_${agent}_${type}_${timestamp}.json`;
    const inode = disk.create(`${INCOMING}/${name}`, Buffer.from(JSON.stringify(file)), time.now);
    this.#told({ name, clientOrderId, isTrade: false, cancels: null, text: '' }, inode, 'looks with');
  }

  #clash(old: Written): string {
    return chance(this.#world.random, 0.5) ? old.text.replace('"day"', '"gtc"') : `${old.text} `;
  }

  #drop(written: Written): void {
    const { random, plan, disk, time } = this.#world;
    const { name, text } = written;
    if (!this.#written.includes(written)) this.#written.push(written);
    const path = `${INCOMING}/${name}`;
    const earlier = this.#waiting.get(path);
    if (earlier !== undefined && disk.at(path) === earlier.inode) earlier.isVoid = true;
    const bytes = Buffer.from(text);
    if (chance(random, plan.shape.slow)) {
      const first = disk.create(path, bytes.subarray(0, below(random, bytes.length)), time.now);
      this.#told(written, first, 'begins');
      time.in(4_000_000 * fraction(random), () => {
        disk.write(first, bytes, time.now);
        this.#world.ring();
      });
      return;
    }
    const temp = `${INCOMING}/.${name}.tmp`;
    const inode = disk.create(temp, bytes, time.now);
    const isSynced = chance(random, plan.shape.synced);
    if (isSynced) disk.sync(inode);
    disk.rename(temp, path, time.now);
    if (isSynced) disk.syncFolder(INCOMING);
    this.#told(written, inode, isSynced ? 'drops' : 'drops unsynced');
  }

  #told(written: Written, inode: Inode, how: string): void {
    const drop = {
      inode,
      name: written.name,
      clientOrderId: written.clientOrderId,
      cancels: written.cancels,
      isVoid: false,
    };
    this.#waiting.set(`${INCOMING}/${written.name}`, drop);
    this.#world.dropped(drop);
    this.#world.told(`${how} ${written.name} #${inode.id}`);
    this.#world.ring();
  }

  #delete(): void {
    const { random, disk, time } = this.#world;
    const answers = [...disk.all('responses')].map(([path]) => path).filter((path) => path.endsWith('.json'));
    if (answers.length === 0) return;
    const path = pick(random, answers);
    disk.remove(path, time.now);
    this.#world.deleted(path);
    this.#world.told(`deletes ${path}`);
  }
}

function payload(random: Random, type: string, target: string): object {
  const qty = String(1 + below(random, 20));
  const symbol = pick(random, SYMBOLS);
  const isLimit = chance(random, 0.5);
  const terms = isLimit
    ? { order_class: 'limit', limit_price: `${100 + below(random, 50)}.25` }
    : { order_class: 'market' };
  const contract = (strike: number): string => `AAPL260320C00${strike}000`;
  switch (type) {
    case 'stockbuy':
    case 'stocksell':
      return {
        symbol,
        qty,
        ...(chance(random, 0.15) ? bracket(type) : terms),
        time_in_force: pick(random, ['day', 'gtc']),
      };
    case 'cryptobuy':
      return { symbol: 'BTC/USD', qty: `0.0${qty}`, ...terms, time_in_force: 'gtc' };
    case 'optionsingle':
      return {
        symbol: contract(270),
        qty,
        side: 'buy',
        order_class: 'limit',
        limit_price: '5.50',
        time_in_force: 'day',
      };
    case 'optionmulti':
      return {
        order_class: 'mleg',
        type: 'limit',
        limit_price: '4.00',
        qty,
        time_in_force: 'day',
        legs: [
          { symbol: contract(260), side: 'buy', ratio_qty: '1', position_intent: 'buy_to_open' },
          { symbol: contract(280), side: 'sell', ratio_qty: '1', position_intent: 'sell_to_open' },
        ],
      };
    case 'cancelorder':
    case 'orderstatus':
      return { client_order_id: target };
    case 'openorders':
      return { status: 'open', limit: 100 };
    case 'allorders':
      return { status: 'all', limit: 50, direction: 'desc' };
    case 'positions':
      return { asset_class: 'us_equity' };
    case 'marketdata':
      return { symbols: ['AAPL'], data_type: 'quote' };
    default:
      return {};
  }
}

/** An entry with its exits on both sides. */
function bracket(type: string): object {
  const [profit, loss] = type === 'stockbuy' ? ['180.5', '60.5'] : ['60.5', '180.5'];
  const exits = { take_profit: { limit_price: profit }, stop_loss: { stop_price: loss } };
  return { order_class: 'limit', limit_price: '120.25', ...exits };
}

/** A file that must be refused. */
function spoiled(random: Random, file: { readonly payload: object }): string {
  const text = JSON.stringify(file);
  switch (below(random, 6)) {
    case 0:
      return text.slice(0, below(random, text.length));
    case 1:
      return `${text}}`;
    case 2:
      return '';
    case 3:
      return JSON.stringify({ ...file, mode: 'live' });
    case 4:
      return JSON.stringify({ ...file, payload: { ...file.payload, surprise: 1 } });
    default:
      return text.padEnd(70_000, ' ');
  }
}

/**
 * The whole state of an engine as JSON text, and back. The same state gives the same text.
 * What can be derived (books, lanes, sums, endings) is not kept: it is made again from the open orders.
 */
import { assert, defined } from '../../lib/assert.ts';
import { decode, encode } from './recorder.ts';
import { type Account, type Instrument, isDone, type Order, setTaken, takeIn } from './state.ts';
import type { Asset, Contract, MarketView, Session } from './types.ts';
import { World } from './world.ts';

const VERSION = 1;
type Plain = Record<string, unknown>;

const plainOrder = (order: Order): Plain => ({
  ...order,
  account: undefined,
  instrument: order.instrument?.id ?? null,
  parent: order.parent?.id ?? null,
  legs: order.legs.map((leg) => leg.id),
});

const plainAccount = (account: Account): Plain => ({
  ...account,
  reserved: undefined,
  marginHeld: undefined,
  lanes: undefined,
  open: undefined,
  byId: undefined,
  byClientId: [...account.byClientId].map(([key, order]) => [key, order.id]),
  positions: [...account.positions.values()].map((position) => ({ ...position, instrument: position.instrument.id })),
  orders: account.orders.map(plainOrder),
});

export function takeSnapshot(world: World, seed: string, seq: number): string {
  const instruments = new Map<string, Instrument>();
  for (const account of world.accounts.values()) {
    for (const { instrument } of account.orders) if (instrument) instruments.set(instrument.id, instrument);
    for (const { instrument } of account.positions.values()) instruments.set(instrument.id, instrument);
  }
  for (const reference of world.market.references.values()) instruments.set(reference.id, reference);
  return JSON.stringify(
    encode({
      version: VERSION,
      seed,
      seq,
      draws: world.draws.count,
      stamp: world.stamp,
      orderSeq: world.orderSeq,
      session: world.session,
      day: world.day,
      nextClose: world.nextClose,
      liquidatedOn: world.liquidatedOn,
      partialFills: world.partialFills,
      enforceUnique: world.enforceUnique,
      instruments: [...instruments.values()],
      references: [...world.market.references].map(([question, { id }]) => [question, id]),
      accounts: [...world.accounts.values()].map(plainAccount),
      queued: [...world.queued].map((order) => order.id),
    }),
  );
}

function restoreOrders(account: Account, plain: readonly Plain[], instruments: ReadonlyMap<string, Instrument>): void {
  for (const each of plain) {
    const instrument =
      each['instrument'] === null ? null : defined(instruments.get(String(each['instrument'])), 'instrument');
    const order = { ...each, account, instrument, parent: null, legs: [] } as unknown as Order;
    account.orders.push(order);
    account.byId.set(order.id, order);
  }
  for (const each of plain) {
    const order = defined(account.byId.get(String(each['id'])), 'order');
    order.legs = (each['legs'] as string[]).map((id) => defined(account.byId.get(id), 'leg'));
    order.parent = each['parent'] === null ? null : defined(account.byId.get(String(each['parent'])), 'parent');
  }
}

/** Throws when the text is not a snapshot of this version. */
export function readSnapshot(snapshot: string, market: MarketView): { world: World; seed: string; seq: number } {
  const state = decode(JSON.parse(snapshot)) as Plain;
  if (state['version'] !== VERSION) {
    throw new TypeError(
      `exchange snapshot has version ${JSON.stringify(state['version'])}, this engine reads ${VERSION}`,
    );
  }
  const seed = String(state['seed']);
  const world = new World(market, { seed });
  world.draws.count = Number(state['draws']);
  world.stamp = state['stamp'] as bigint;
  world.now = world.stamp;
  world.orderSeq = Number(state['orderSeq']);
  world.session = state['session'] as Session | null;
  world.day = String(state['day']);
  world.nextClose = state['nextClose'] as bigint | null;
  world.liquidatedOn = String(state['liquidatedOn']);
  world.partialFills = Number(state['partialFills']);
  world.enforceUnique = state['enforceUnique'] === true;
  const instruments = new Map((state['instruments'] as (Asset | Contract)[]).map((each) => [each.id, each]));
  for (const [question, id] of state['references'] as [string, string][]) {
    world.market.references.set(question, defined(instruments.get(id), 'reference'));
  }
  const queued = new Set(state['queued'] as string[]);
  for (const plain of state['accounts'] as Plain[]) {
    const positions = (plain['positions'] as Plain[]).map((each) => {
      const instrument = defined(instruments.get(String(each['instrument'])), 'instrument');
      return [instrument.symbol, { ...each, instrument }] as const;
    });
    const account = {
      ...plain,
      reserved: 0n,
      marginHeld: 0n,
      lanes: new Map(),
      orders: [],
      open: new Set(),
      byId: new Map(),
      byClientId: new Map(),
      positions: new Map(positions),
    } as unknown as Account;
    world.accounts.set(account.id, account);
    restoreOrders(account, plain['orders'] as Plain[], instruments);
    for (const [key, id] of plain['byClientId'] as [string, string][]) {
      account.byClientId.set(key, defined(account.byId.get(id), 'order'));
    }
  }
  // In order of age over all accounts, as they came the first time.
  const open = [...world.accounts.values()].flatMap(({ orders }) => orders.filter((order) => !isDone(order)));
  for (const order of open.sort((a, b) => a.seq - b.seq)) {
    const { reserved, marginHeld, held, watched } = order;
    takeIn(order);
    setTaken(order, reserved, marginHeld, held);
    world.willEnd(order);
    order.watched = false;
    if (watched) world.watch(order);
    if (queued.has(order.id)) world.queued.add(order);
  }
  assert(world.queued.size === queued.size, 'every waiting order of the snapshot is open');
  return { world, seed, seq: Number(state['seq']) };
}

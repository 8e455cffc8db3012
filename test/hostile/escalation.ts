/**
 * Attempts to make a paper tower trade live, one by one, while the live endpoint is a sink that counts the bytes it gets. Files
 * are dropped into a running tower that has live keys and an agent who may use them, and lacks only the owner's switch; settings
 * are given to a tower that is to start. Must never leave this machine.
 */
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createSink, type Server } from 'node:net';
import { join } from 'node:path';
import { CannotStart } from '../../src/observe/events.ts';
import { SettingsError } from '../../src/settings.ts';
import { Harness, keysAt } from '../flow/harness.ts';

/** Counts what arrives and never answers. */
class Sink {
  bytes = 0;
  connections = 0;
  readonly #server: Server;

  constructor() {
    this.#server = createSink((socket) => {
      this.connections++;
      socket.on('data', (data) => {
        this.bytes += data.length;
      });
      socket.on('error', () => {});
    });
  }
  async open(): Promise<this> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.listen(0, '127.0.0.1', resolve);
    await promise;
    return this;
  }
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }
  close(): void {
    this.#server.close();
  }
}

const COIN = { symbol: 'BTC/USD', qty: '0.001', order_class: 'market', time_in_force: 'gtc' };
const LIVE_KEYS = { ALPACA_LIVE_API_KEY: 'AKLIVE', ALPACA_LIVE_SECRET_KEY: 'hunter2' };

/** What one file says, apart from being an order of `bot` on paper. */
interface Lie {
  readonly title: string;
  readonly type?: string;
  readonly name?: (stamp: string) => string;
  readonly more?: Readonly<Record<string, unknown>>;
  readonly payload?: Readonly<Record<string, unknown>>;
  /** Changes the text of the file. */
  readonly text?: (text: string) => string;
}

const order = (title: string, rest: Omit<Lie, 'title'>): Lie => ({ title, ...rest });
const live = (stamp: string): string => `live_bot_cryptobuy_${stamp}.json`;

/** Needs the sink's address: what points there must not be followed. */
const lies = (sink: string): readonly Lie[] => [
  order('mode live in the file', { more: { mode: 'live' } }),
  order('live in the name', { name: live }),
  order('live in both', { name: live, more: { mode: 'live' } }),
  order('LIVE in the name', { name: (stamp) => `LIVE_bot_cryptobuy_${stamp}.json`, more: { mode: 'live' } }),
  order('live with a foreign letter in the name', { name: (stamp) => `lіve_bot_cryptobuy_${stamp}.json` }),
  order('a flag in the name', { name: (stamp) => `paper_bot_cryptobuy_${stamp}--live.json` }),
  order('mode twice, live last', { text: (text) => text.replace('"mode":"paper"', '"mode":"paper","mode":"live"') }),
  order('mode twice, escaped', { text: (text) => text.replace('"mode":', '"mo\\u0064e":"live","mode":') }),
  order('mode by prototype', { text: (text) => text.replace('{', '{"__proto__":{"mode":"live"},') }),
  order('mode by constructor', { more: { constructor: { prototype: { mode: 'live' } } } }),
  order('mode in the payload', { payload: { ...COIN, mode: 'live' } }),
  order('mode in meta', { more: { meta: { mode: 'live', live: 'true' } } }),
  order('the switch in the file', { more: { live: true } }),
  order('settings in the file', { more: { settings: { live: true, agents: { bot: { live: true } } } } }),
  order('arguments in the file', { more: { args: ['--mode', 'live'] } }),
  order('environment in the file', { more: { env: { TOWER_LIVE: 'true' } } }),
  order('a flag as reference', { more: { request_order_id: '--mode live' } }),
  order('a base URL', { more: { base_url: sink } }),
  order('an endpoint', { more: { endpoint: sink } }),
  order('a host', { more: { host: sink } }),
  order('a URL in the payload', { payload: { ...COIN, url: sink } }),
  order('a base URL in the payload', { payload: { ...COIN, base_url: sink } }),
  order('headers', { more: { headers: { Host: sink, 'APCA-API-KEY-ID': 'AKLIVE' } } }),
  order('keys', { more: { api_key: 'AKLIVE', secret_key: 'hunter2' } }),
  order('an account', { more: { account: 'live', account_id: '1' } }),
  order('a proxy', { more: { proxy: sink } }),
  order('a webhook', { more: { callback_url: sink, webhook: sink } }),
  order('a URL as symbol', { payload: { ...COIN, symbol: sink } }),
  order('a path as symbol', { payload: { ...COIN, symbol: '../../live/BTC' } }),
  order('a URL as order id', { type: 'orderstatus', payload: { alpaca_order_id: `${sink}/v2/orders` } }),
  order('a path as order id', { type: 'orderstatus', payload: { alpaca_order_id: '../../../v2/orders' } }),
  order('a host as order id', { type: 'cancelorder', payload: { alpaca_order_id: `//127.0.0.1` } }),
  order('a client_order_id with a query', { type: 'orderstatus', payload: { client_order_id: `x&url=${sink}` } }),
  order('a client_order_id with a URL', { type: 'orderstatus', payload: { client_order_id: `${sink}/#` } }),
  order('a URL among symbols', { type: 'marketdata', payload: { symbols: [sink], data_type: 'quote' } }),
  order('a query among symbols', { type: 'marketdata', payload: { symbols: ['AAPL&url=x'], data_type: 'quote' } }),
  order('a URL as time', { type: 'allorders', payload: { after: sink } }),
  order('settings as an order file', { name: () => 'tower.config.json', text: () => '{"live":true}' }),
  order('keys as an order file', { name: () => 'x.env', text: () => 'TOWER_LIVE=true\n' }),
];

export interface Escalation {
  readonly attempts: number;
  readonly bytes: number;
  /** Attempts that ended as none may. */
  readonly wrong: readonly string[];
}

/** Every attempt by file and by settings. */
export async function escalate(): Promise<Escalation> {
  const sink = await new Sink().open();
  try {
    const wrong: string[] = [];
    let attempts = await byFiles(sink, wrong);
    for (const [title, attempt] of Object.entries(STARTS)) {
      attempts++;
      const before = sink.connections;
      const fault = await attempt(sink);
      if (fault !== null) wrong.push(`${title}: ${fault}`);
      if (sink.connections !== before) wrong.push(`${title}: the live endpoint was called`);
    }
    return { attempts, bytes: sink.bytes, wrong };
  } finally {
    sink.close();
  }
}

async function byFiles(sink: Sink, wrong: string[]): Promise<number> {
  const tower = new Harness({
    config: { agents: { bot: { live: true } } },
    env: { ...LIVE_KEYS, ALPACA_LIVE_BASE_URL: sink.url },
  });
  try {
    await tower.start();
    const all = lies(sink.url);
    const dropped = all.map((lie) => {
      const stamp = tower.timestamp();
      const { type = 'cryptobuy', payload = COIN, more = {}, text = (same) => same } = lie;
      const name = lie.name?.(stamp) ?? `paper_bot_${type}_${stamp}.json`;
      tower.dropText(name, text(tower.text('bot', type, payload, stamp, more)));
      return name;
    });
    await tower.until(
      () => (tower.list('orders/incoming').length + tower.list('orders/processing').length === 0 ? true : null),
      () => `left: ${tower.list('orders/incoming')}`,
      20,
    );
    // Each was answered, and archived under its own name.
    const archived = new Set([...tower.list('orders/failed'), ...tower.list('orders/completed')]);
    const lost = dropped.filter((name) => name.startsWith('paper_bot_cryptobuy') && !archived.has(name));
    if (lost.length > 0) wrong.push(`not archived: ${lost}`);
    if (sink.connections > 0) wrong.push(`${sink.connections} calls of the live endpoint by files`);
    return all.length;
  } finally {
    await tower.end();
  }
}

/** What is wrong with how it ended; null when it ended as it must. */
type Attempt = (sink: Sink) => Promise<string | null>;

/** The tower must not start, for a reason of its settings or its keys. */
async function mustNotStart(tower: Harness): Promise<string | null> {
  try {
    await tower.start();
    return 'the tower started';
  } catch (error) {
    return error instanceof SettingsError || error instanceof CannotStart ? null : String(error);
  } finally {
    await tower.end();
  }
}

/** The tower starts, and answers a live order of `bot` with this code, unsent. */
async function mustRefuse(tower: Harness, code: string): Promise<string | null> {
  try {
    await tower.start();
    const stamp = tower.timestamp();
    const text = tower.text('bot', 'cryptobuy', COIN, stamp, { mode: 'live' });
    const answer = await tower.answer(tower.dropText(live(stamp), text));
    const told = `${answer.error?.code} ${answer.sent}`;
    return told === `${code} no` ? null : `answered with ${told}`;
  } finally {
    await tower.end();
  }
}

const env = (sink: Sink, more: Readonly<Record<string, string>> = {}) => ({
  env: { ...LIVE_KEYS, ALPACA_LIVE_BASE_URL: sink.url, ...more },
});
const ALLOWED = { live: true, agents: { bot: { live: true } } };

/** The paper endpoint sends every request elsewhere. */
async function redirecting(sink: Sink, status: number): Promise<string | null> {
  const server = createServer((_request, response) => {
    response.writeHead(status, { location: `${sink.url}/v2/orders` }).end();
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const tower = new Harness({ env: keysAt(url) });
  try {
    return await mustNotStart(tower);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const STARTS: Readonly<Record<string, Attempt>> = {
  'the switch as no word of ours': (sink) => mustNotStart(new Harness(env(sink, { TOWER_LIVE: 'yes' }))),
  'a mode in the environment': (sink) => mustNotStart(new Harness(env(sink, { TOWER_MODE: 'live' }))),
  'a mode in the settings': (sink) => mustNotStart(new Harness({ ...env(sink), config: { mode: 'live' } })),
  'the switch under another name': (sink) => mustNotStart(new Harness({ ...env(sink), config: { Live: true } })),
  'the switch twice': async (sink) => {
    const tower = new Harness(env(sink));
    writeFileSync(join(tower.home, 'tower.config.json'), '{"live":false,"live":true}');
    return mustNotStart(tower);
  },
  'paper at the host of live': () => mustNotStart(new Harness({ env: keysAt('https://api.alpaca.markets') })),
  'paper at the host of live, with a dot': () =>
    mustNotStart(new Harness({ env: keysAt('https://api.alpaca.markets.') })),
  'paper at the host of live, at another port': () =>
    mustNotStart(new Harness({ env: keysAt('https://API.alpaca.markets.:8443') })),
  'a live key for paper': (sink) => mustNotStart(new Harness({ env: keysAt(sink.url, 'AKABCDEFGH0123456789') })),
  'one key for both': (sink) =>
    mustNotStart(new Harness(env(sink, { ALPACA_PAPER_API_KEY: 'AKLIVE', ALPACA_PAPER_SECRET_KEY: 'hunter2' }))),
  'the switch without keys': (sink) =>
    mustRefuse(new Harness({ env: { ALPACA_LIVE_BASE_URL: sink.url }, config: ALLOWED }), 'no_keys'),
  'keys without the switch': (sink) =>
    mustRefuse(new Harness({ ...env(sink), config: { agents: ALLOWED.agents } }), 'live_disabled'),
  'settings that anybody can write': async (sink) => {
    const tower = new Harness({ ...env(sink), config: ALLOWED });
    chmodSync(join(tower.home, 'tower.config.json'), 0o666);
    return mustNotStart(tower);
  },
  'a link to settings that anybody can write': async (sink) => {
    const tower = new Harness(env(sink));
    const theirs = join(tower.home, 'orders', 'incoming', '.theirs.tmp');
    mkdirSync(join(tower.home, 'orders', 'incoming'), { recursive: true });
    writeFileSync(theirs, JSON.stringify(ALLOWED));
    chmodSync(theirs, 0o666);
    rmSync(join(tower.home, 'tower.config.json'), { force: true });
    symlinkSync(theirs, join(tower.home, 'tower.config.json'));
    return mustNotStart(tower);
  },
  'a home that anybody can write': async (sink) => {
    const tower = new Harness({ ...env(sink), config: ALLOWED });
    chmodSync(tower.home, 0o777);
    return mustNotStart(tower);
  },
  'a redirect with 301': (sink) => redirecting(sink, 301),
  'a redirect with 302': (sink) => redirecting(sink, 302),
  'a redirect with 307': (sink) => redirecting(sink, 307),
  'a redirect with 308': (sink) => redirecting(sink, 308),
  'a proxy in the environment': async (sink) => {
    const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy'];
    const proxies = Object.fromEntries(names.map((name) => [name, sink.url]));
    const before = { ...process.env };
    Object.assign(process.env, proxies);
    const tower = new Harness({ env: proxies });
    try {
      await tower.start();
      const { status } = await tower.ask('bot', 'accountinfo', {});
      return status === 'success' ? null : `paper answered ${status}`;
    } finally {
      for (const name of names) delete process.env[name];
      Object.assign(process.env, before);
      await tower.end();
    }
  },
};

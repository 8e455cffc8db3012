/**
 * What can be traded: stocks, funds and crypto pairs as assets, with the numbers that drive their prices.
 * Fixed data read once per process, on first use. Must never depend on time or on a seed.
 */
import { defined } from '../../lib/assert.ts';
import { seededRandom, uuid } from '../../lib/random.ts';
import type { Asset, Fixed } from '../engine/types.ts';
import { AMEX, ARCA, COINS, NASDAQ, NYSE, OTC } from './listings.ts';

/** How the price of one stock, fund or coin behaves. Floating-point numbers of a random model, never money. */
export interface Character {
  readonly symbol: string;
  /** USD, around which the price moves. */
  readonly anchor: number;
  /** Exposure to the factor that all of its kind share. */
  readonly exposure: number;
  /** Standard deviation of its own daily change. */
  readonly sigma: number;
  /** Units (shares, coins) that change hands on an average day. */
  readonly dailyVolume: number;
  readonly kind: 'stock' | 'coin';
}

/** One tradable asset. For a pair, the price is that of `character` divided by that of `against` (absent: USD). */
export interface Listing {
  readonly asset: Asset;
  readonly character: Character;
  readonly against?: Character;
  readonly options: boolean;
}

export interface Universe {
  /** By symbol; pairs with their slash. In Alpaca's order: class, exchange, symbol. */
  readonly listings: ReadonlyMap<string, Listing>;
  /** The symbol for an id, or for a pair written without its slash. */
  readonly aliases: ReadonlyMap<string, string>;
}

/** Ids that everybody knows (Alpaca docs: assets); the others are made from the symbol. */
const KNOWN_IDS: Readonly<Record<string, string>> = {
  AAPL: 'b0b6dd9d-8b9b-48a9-ba46-b9d54906e415',
  'BTC/USD': '276e2673-764b-4ab6-a611-caf665ca6340',
};

/** The same id for the same symbol for ever. */
const idOf = (symbol: string): string => KNOWN_IDS[symbol] ?? uuid(seededRandom(`asset ${symbol}`));

const compare = (a: string, b: string): number => Number(a > b) - Number(a < b);

const lines = (table: string): string[][] =>
  table
    .trim()
    .split('\n')
    .map((line) => line.split('|'));

const number = (notes: string, letter: string, fallback: number): number => {
  const match = new RegExp(`${letter}(-?[\\d.]+)`).exec(notes);
  return match ? Number(match[1]) : fallback;
};

function stock(exchange: string, fields: readonly string[]): Listing {
  const [symbol = '', name = '', price = '', volume = '', notes = ''] = fields;
  const flags = notes.replace(/[xs]-?[\d.]+/g, '');
  const has = (flag: string): boolean => flags.includes(flag);
  const active = !has('I');
  const options = active && has('O');
  const fractionable = !has('N');
  const easy = active && !has('H');
  const attributes = [
    ...(fractionable ? ['fractional_eh_enabled'] : []),
    ...(options ? ['has_options'] : []),
    ...(active && exchange !== 'OTC' ? ['overnight_tradable'] : []),
    ...(name.endsWith('Common Units') ? ['ptp_no_exception'] : []),
  ];
  let leverage: 1 | 2 | 3 = 1;
  if (has('3')) leverage = 3;
  else if (has('2')) leverage = 2;
  return {
    asset: {
      kind: 'asset',
      id: idOf(symbol),
      class: 'us_equity',
      exchange,
      symbol,
      name,
      status: active ? 'active' : 'inactive',
      tradable: active,
      marginable: !has('M'),
      shortable: easy,
      easyToBorrow: easy,
      fractionable: active && fractionable,
      attributes,
      leverage,
    },
    character: {
      symbol,
      anchor: Number(price),
      exposure: number(notes, 'x', 1),
      sigma: number(notes, 's', 1.3) / 100,
      dailyVolume: Number(volume) * 1e6,
      kind: 'stock',
    },
    options,
  };
}

/** A price step that is about a ten-thousandth of the price or less: a power of ten, at most a cent. */
function pairIncrement(price: number): Fixed {
  const power = Math.min(7, Math.max(0, Math.floor(Math.log10(price)) - 4 + 9));
  return 10n ** BigInt(power);
}

function pair(coin: Character, name: string, quote: string, against: Character | undefined): Listing {
  const symbol = `${coin.symbol}/${quote}`;
  const price = coin.anchor / (against?.anchor ?? 1);
  const minimum = BigInt(Math.max(1, Math.round(1e9 / coin.anchor))); // about one USD
  return {
    asset: {
      kind: 'asset',
      id: idOf(symbol),
      class: 'crypto',
      exchange: 'CRYPTO',
      symbol,
      name: `${name} / ${quote === 'USD' ? 'US Dollar' : quote}`,
      status: 'active',
      tradable: true,
      marginable: false,
      shortable: false,
      easyToBorrow: false,
      fractionable: true,
      attributes: [],
      leverage: 1,
      minOrderSize: minimum,
      minTradeIncrement: 1n,
      priceIncrement: pairIncrement(price),
    },
    character: coin,
    ...(against ? { against } : {}),
    options: false,
  };
}

function coins(): Listing[] {
  const table = lines(COINS).map(
    ([symbol = '', name = '', price = '', volume = '', exposure = '', sigma = '', quotes = '']) => ({
      name,
      quotes: quotes.split(' '),
      character: {
        symbol,
        anchor: Number(price),
        exposure: Number(exposure),
        sigma: Number(sigma) / 100,
        dailyVolume: (Number(volume) * 1e6) / Number(price),
        kind: 'coin' as const,
      },
    }),
  );
  const bySymbol = new Map(table.map((row) => [row.character.symbol, row.character]));
  return table.flatMap(({ character, name, quotes }) =>
    quotes.map((quote) =>
      pair(character, name, quote, quote === 'USD' ? undefined : defined(bySymbol.get(quote), quote)),
    ),
  );
}

function build(): Universe {
  const tables: readonly (readonly [string, string])[] = [
    ['AMEX', AMEX],
    ['ARCA', ARCA],
    ['NASDAQ', NASDAQ],
    ['NYSE', NYSE],
    ['OTC', OTC],
  ];
  const stocks = tables.flatMap(([exchange, table]) => lines(table).map((fields) => stock(exchange, fields)));
  const all = [...coins(), ...stocks].sort(
    (a, b) =>
      compare(a.asset.class, b.asset.class) ||
      compare(a.asset.exchange, b.asset.exchange) ||
      compare(a.asset.symbol, b.asset.symbol),
  );
  const aliases = new Map<string, string>();
  for (const { asset } of all) {
    aliases.set(asset.id, asset.symbol);
    if (asset.class === 'crypto') aliases.set(asset.symbol.replace('/', ''), asset.symbol);
  }
  return { listings: new Map(all.map((listing) => [listing.asset.symbol, listing])), aliases };
}

/** The same for everybody; it never changes. */
export const UNIVERSE: Universe = build();

/** The made-up company of the test feed. */
export const TEST_LISTING: Listing = stock('NASDAQ', ['FAKEPACA', 'Fake Alpaca Inc.', '140', '30', 's1.5']);

/**
 * Options: their symbols and ids, which ones are listed on a day, and what they are worth.
 * Pure functions of symbol, day and underlying price; nothing is stored. Must never look at a clock.
 */
import type { Contract } from '../engine/types.ts';
import { type Day, dayText, hoursOf, newYorkTime, parseDay, previousTradingDay, weekday } from './calendar.ts';
import { hashText } from './noise.ts';
import { dailySigma } from './prices.ts';
import { type Listing, UNIVERSE } from './universe.ts';

export interface Occ {
  readonly root: string;
  readonly expiry: Day;
  readonly type: 'call' | 'put';
  /** Thousandths of a USD. */
  readonly strike: number;
}

const OCC = /^([A-Z]{1,6})(\d{2})(\d{2})(\d{2})([CP])(\d{8})$/;

/** Reads `AAPL261218C00200000` (root, expiry, call or put, strike in thousandths); null when it is not such a symbol. */
export function parseOcc(symbol: string): Occ | null {
  const match = OCC.exec(symbol);
  if (!match) return null;
  const [, root = '', year, month, date, type, strike] = match;
  const expiry = parseDay(`20${year}-${month}-${date}`);
  if (expiry === null) return null;
  return { root, expiry, type: type === 'C' ? 'call' : 'put', strike: Number(strike) };
}

export const occSymbol = ({ root, expiry, type, strike }: Occ): string =>
  `${root}${dayText(expiry).slice(2).replaceAll('-', '')}${type === 'call' ? 'C' : 'P'}${String(strike).padStart(8, '0')}`;

// --- ids: the symbol itself, scrambled reversibly, so that no table of ids has to be kept -----------------------------

const WORD = (1n << 64n) - 1n;
const FACTOR = 0x9e3779b97f4a7c15n;
const INVERSE = 0xf1de83e19937733dn;
const scramble = (word: bigint): bigint => {
  const product = ((word ^ (word >> 32n)) * FACTOR) & WORD;
  return product ^ (product >> 32n);
};
const unscramble = (word: bigint): bigint => {
  const product = ((word ^ (word >> 32n)) * INVERSE) & WORD;
  return product ^ (product >> 32n);
};

const LETTERS = ' ABCDEFGHIJKLMNOPQRSTUVWXYZ';

function checksum(symbol: string): string {
  const hex = [1, 2].map((seed) => hashText(symbol, seed).toString(16).padStart(8, '0')).join('');
  return hex.slice(0, 14);
}

/** The UUID of a contract (version 4 in form). */
export function contractId(occ: Occ): string {
  let root = 0n;
  for (const letter of occ.root.padEnd(4)) root = root * 27n + BigInt(LETTERS.indexOf(letter));
  const word =
    (root << 44n) | (BigInt(occ.expiry) << 28n) | (BigInt(occ.strike) << 1n) | (occ.type === 'call' ? 1n : 0n);
  const hex = scramble(word).toString(16).padStart(16, '0');
  const check = checksum(occSymbol(occ));
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(12, 15)}-a${hex.slice(15)}${check.slice(0, 2)}-${check.slice(2)}`;
}

/** The contract's symbol for an id made by `contractId`; null for any other text. */
export function symbolOfContractId(id: string): string | null {
  const match = /^([0-9a-f]{8})-([0-9a-f]{4})-4([0-9a-f]{3})-a([0-9a-f])([0-9a-f]{2})-([0-9a-f]{12})$/.exec(
    id.toLowerCase(),
  );
  if (!match) return null;
  const word = unscramble(BigInt(`0x${match.slice(1, 5).join('')}`));
  let letters = word >> 44n;
  let root = '';
  for (let i = 0; i < 4; i++) {
    root = (LETTERS[Number(letters % 27n)] ?? '') + root;
    letters /= 27n;
  }
  const expiry = Number((word >> 28n) & 0xffffn);
  const strike = Number((word >> 1n) & 0x7ffffffn);
  const symbol = occSymbol({ root: root.trim(), expiry, strike, type: word & 1n ? 'call' : 'put' });
  return checksum(symbol) === `${match[5]}${match[6]}` ? symbol : null;
}

// --- which contracts exist ------------------------------------------------------------------------------------------

/** Weeklies are listed six weeks ahead, monthlies a year and a little, dailies of the biggest funds a week. */
const WEEKLY_DAYS = 42;
const MONTHLY_DAYS = 380;
const DAILY_DAYS = 7;
const DAILY_ROOTS: ReadonlySet<string> = new Set(['SPY', 'QQQ', 'IWM']);

/** The trading day on which a week's options expire: its Friday, or the day before if that is a holiday. */
function weekExpiry(friday: Day): Day {
  return hoursOf(friday) ? friday : previousTradingDay(friday);
}

/** How far ahead of its expiry a contract is listed; 0: nothing expires on that day. */
function listedAhead(root: string, expiry: Day): number {
  const friday = expiry + ((5 - weekday(expiry) + 7) % 7);
  if (weekday(expiry) !== 6 && weekday(expiry) !== 0 && weekExpiry(friday) === expiry) {
    const date = new Date(friday * 86_400_000).getUTCDate();
    return date >= 15 && date <= 21 ? MONTHLY_DAYS : WEEKLY_DAYS;
  }
  return DAILY_ROOTS.has(root) && hoursOf(expiry) ? DAILY_DAYS : 0;
}

/** Expiry days of contracts that are listed on `today` or were before, between two days (inclusive). */
export function expiries(root: string, today: Day, from: Day, to: Day): readonly Day[] {
  const days: Day[] = [];
  for (let day = from; day <= Math.min(to, today + MONTHLY_DAYS); day++) {
    const ahead = listedAhead(root, day);
    if (ahead > 0 && day - today <= ahead) days.push(day);
  }
  return days;
}

/** Steps of the strike ladder in thousandths of a USD, by the level of the underlying. */
function strikeStep(anchor: number): number {
  if (anchor < 10) return 500;
  if (anchor < 60) return 1000;
  if (anchor < 150) return 2500;
  if (anchor < 500) return 5000;
  return anchor < 1500 ? 10_000 : 50_000;
}

/** The strikes of an underlying, in thousandths. They hang on its anchor, not on today's price: a listed strike stays. */
export function strikes({ character }: Listing): readonly number[] {
  const step = strikeStep(character.anchor);
  const first = Math.max(1, Math.ceil((character.anchor * 500) / step));
  const last = Math.floor((character.anchor * 1600) / step);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

function onLadder({ character }: Listing, strike: number): boolean {
  const step = strikeStep(character.anchor);
  return strike % step === 0 && strike >= character.anchor * 500 && strike <= character.anchor * 1600;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** A contract and the parts of its symbol. */
export interface ListedContract {
  readonly contract: Contract;
  readonly occ: Occ;
}

/** The contract of a symbol, listed or expired; null when such a contract was never listed. */
export function contractOf(symbol: string): ListedContract | null {
  const occ = parseOcc(symbol);
  const listing = occ ? UNIVERSE.listings.get(occ.root) : undefined;
  if (!occ || !listing?.options) return null;
  if (listedAhead(occ.root, occ.expiry) === 0 || !onLadder(listing, occ.strike)) return null;
  const expiry = dayText(occ.expiry);
  const month = MONTHS[Number(expiry.slice(5, 7)) - 1] ?? '';
  const contract: Contract = {
    kind: 'contract',
    id: contractId(occ),
    symbol,
    name: `${occ.root} ${month} ${expiry.slice(8)} ${expiry.slice(0, 4)} ${occ.strike / 1000} ${occ.type === 'call' ? 'Call' : 'Put'}`,
    underlying: occ.root,
    underlyingId: listing.asset.id,
    type: occ.type,
    strike: BigInt(occ.strike) * 1_000_000n,
    expiry,
    style: 'american',
    multiplier: 100,
    status: 'active',
    tradable: true,
  };
  return { contract, occ };
}

/** Smallest price step in billionths: the biggest funds trade in cents, the others in nickels from 3 USD up (OCC penny program). */
export const optionStep = (root: string, price: number): number =>
  price < 3 || DAILY_ROOTS.has(root) ? 10_000_000 : 50_000_000;

// --- what they are worth --------------------------------------------------------------------------------------------

const RATE = 0.04;
const YEAR_MS = 365 * 86_400_000;

export interface Greeks {
  readonly delta: number;
  readonly gamma: number;
  /** USD per day. */
  readonly theta: number;
  /** USD per percentage point of volatility. */
  readonly vega: number;
  /** USD per percentage point of interest. */
  readonly rho: number;
}

export interface Valuation {
  /** USD per share, never below what exercise would bring. */
  readonly value: number;
  /** Yearly volatility, as a fraction. */
  readonly volatility: number;
  readonly greeks: Greeks;
}

/** The distribution function of the standard normal (Abramowitz and Stegun 26.2.17, error below 1e-7). */
function cumulative(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const tail =
    density(x) * t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return x >= 0 ? 1 - tail : tail;
}

const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

/** Implied volatility: the process's own, a premium on top, and a smile that is steeper towards low strikes. */
function impliedVolatility(listing: Listing, spot: number, strike: number, years: number): number {
  const base = dailySigma(listing.character) * Math.sqrt(365) * 0.95 + 0.02;
  const moneyness = Math.log(strike / spot) / Math.sqrt(Math.max(years, 0.02));
  return Math.min(3, Math.max(0.05, base * (1 - 0.18 * moneyness + 0.22 * moneyness * moneyness)));
}

/** Black and Scholes, without dividends. `years` and `volatility` above 0. */
export function blackScholes(
  type: 'call' | 'put',
  spot: number,
  strike: number,
  years: number,
  volatility: number,
  rate = RATE,
): { readonly value: number; readonly greeks: Greeks } {
  const root = Math.sqrt(years);
  const d1 = (Math.log(spot / strike) + (rate + (volatility * volatility) / 2) * years) / (volatility * root);
  const d2 = d1 - volatility * root;
  const discount = strike * Math.exp(-rate * years);
  const sign = type === 'call' ? 1 : -1;
  const n1 = cumulative(sign * d1);
  const n2 = cumulative(sign * d2);
  const slope = density(d1);
  return {
    value: sign * (spot * n1 - discount * n2),
    greeks: {
      delta: sign * n1,
      gamma: slope / (spot * volatility * root),
      theta: (-(spot * slope * volatility) / (2 * root) - sign * rate * discount * n2) / 365,
      vega: (spot * slope * root) / 100,
      rho: (sign * discount * years * n2) / 100,
    },
  };
}

/** What a contract is worth at a time, given the price of its underlying in USD. After its expiry: 0 for everything. */
export function valuation(listing: Listing, occ: Occ, spot: number, ms: number): Valuation {
  const left = newYorkTime(occ.expiry, hoursOf(occ.expiry)?.close ?? 960) - ms;
  if (!(left > 0) || !(spot > 0)) return NOTHING;
  const years = Math.max(left, 60_000) / YEAR_MS;
  const strike = occ.strike / 1000;
  const volatility = impliedVolatility(listing, spot, strike, years);
  const { value, greeks } = blackScholes(occ.type, spot, strike, years, volatility);
  const intrinsic = Math.max(0, occ.type === 'call' ? spot - strike : strike - spot);
  return { value: Math.max(value, intrinsic), volatility, greeks };
}

const NOTHING: Valuation = { value: 0, volatility: 0, greeks: { delta: 0, gamma: 0, theta: 0, vega: 0, rho: 0 } };

/** File names of orders: the four parts, their rules, and every path that follows from them. */
import type { Brand } from '../lib/brand.ts';

export type Mode = 'paper' | 'live';
export const MODES = ['paper', 'live'] as const satisfies readonly Mode[];

export const TRADE_TYPES = ['stockbuy', 'stocksell', 'cryptobuy', 'cryptosell', 'optionsingle', 'optionmulti'] as const;
export const QUERY_TYPES = [
  'marketdata',
  'orderstatus',
  'openorders',
  'allorders',
  'positions',
  'accountinfo',
] as const;
export const ORDER_TYPES = [...TRADE_TYPES, ...QUERY_TYPES, 'cancelorder'] as const;
export type TradeType = (typeof TRADE_TYPES)[number];
export type QueryType = (typeof QUERY_TYPES)[number];
export type OrderType = (typeof ORDER_TYPES)[number];

export type AgentId = Brand<string, 'AgentId'>;
/** `{agentid}_{timestamp}_{ordertype}`: the identity of a request everywhere. */
export type ClientOrderId = Brand<string, 'ClientOrderId'>;

/** A file name that keeps every rule of the contract. Made by `parseName` only. */
export interface OrderName {
  readonly mode: Mode;
  readonly agent: AgentId;
  readonly type: OrderType;
  /** 20 digits, UTC, microseconds. */
  readonly timestamp: string;
  /** The first eight digits of the timestamp: the day folder of the answer. */
  readonly day: string;
  /** The file name without `.json`. */
  readonly stem: string;
  readonly clientOrderId: ClientOrderId;
}

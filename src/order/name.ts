/** File names of orders: the four parts, their rules, and every path that follows from them. */
import type { Brand } from '../lib/brand.ts';

export type Mode = 'paper' | 'live';
/** `{agentid}_{timestamp}_{ordertype}`: the identity of a request everywhere. */
export type ClientOrderId = Brand<string, 'ClientOrderId'>;

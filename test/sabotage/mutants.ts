/** Every mutant, in the order of the catalogue, and what of the catalogue has nothing to sabotage yet. Must never leave one out. */
import type { Mutant } from './mutant.ts';
import { BOOKKEEPING } from './mutants-books.ts';
import { BUDGET } from './mutants-budget.ts';
import { COUNTING } from './mutants-counting.ts';
import { KEEPING } from './mutants-keeping.ts';
import { GUARDS } from './mutants-limits.ts';
import { MIRROR } from './mutants-mirror.ts';
import { SENDING } from './mutants-sending.ts';

export const MUTANTS: readonly Mutant[] = [
  ...SENDING,
  ...COUNTING,
  ...KEEPING,
  ...MIRROR,
  ...BUDGET,
  ...BOOKKEEPING,
  ...GUARDS,
].sort((a, b) => a.number.localeCompare(b.number, 'en', { numeric: true }));

/** Of the catalogue, what has nothing to sabotage: the feature is not there. */
export const NOT_APPLICABLE: readonly { readonly number: string; readonly name: string; readonly reason: string }[] = [
  {
    number: '21',
    name: 'epoch not checked',
    reason: 'one tower per account and machine, held by a lock; no leases yet',
  },
  { number: '26', name: 'Host not checked', reason: 'the tower takes orders as files only and serves no HTTP' },
];

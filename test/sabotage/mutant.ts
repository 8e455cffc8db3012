/**
 * What a mutant is: one way of building the tower wrongly, as edits of its source, with the test that catches it. Must
 * never be applied outside hook.ts.
 */

export interface Edit {
  /** From the project's folder. */
  readonly file: string;
  /** Source text; must occur exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** A test file, and the tests of it that are enough (a pattern of their names; all when absent). */
export interface Catcher {
  readonly test: string;
  readonly only?: string;
  /** Needs this program on the machine. */
  readonly needs?: string;
}

export interface Mutant {
  readonly id: string;
  /** Number in the catalogue of sabotage; a letter for a second way of doing the same. */
  readonly number: string;
  readonly name: string;
  /** What it would do to somebody's account. */
  readonly why: string;
  /** Where more than one: the fault, and the check that would show it at once. */
  readonly edits: readonly Edit[];
  readonly catcher: Catcher;
  /** True: its catcher takes seconds, so `npm test` leaves it to `npm run sabotage`. */
  readonly slow?: true;
  /** True: the storm must find it as well. */
  readonly storm?: true;
}

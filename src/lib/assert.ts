/**
 * Assertions that stay on in production.
 * A broken invariant ends the process: the restart recovers from the journal. Never catch what these throw.
 */

/** Thrown when the program contradicts itself. Not for bad input and not for faults of the outside world. */
export class BrokenInvariant extends Error {
  override readonly name = 'BrokenInvariant';
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new BrokenInvariant(message);
}

/** Ends an exhaustive switch: does not compile while a case is missing. */
export function unreachable(value: never): never {
  throw new BrokenInvariant(`unreachable: ${JSON.stringify(value)}`);
}

/** The value, where the surrounding code has already made sure that there is one. */
export function defined<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new BrokenInvariant(`${what} is missing`);
  return value;
}

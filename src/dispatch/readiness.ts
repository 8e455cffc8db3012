/**
 * May trades of one mode go out now? Not before the broker's book was swept once in this run, not while the keys are
 * refused or the account is blocked, not while nobody has looked at the book for too long. Cancels and look-ups are
 * never held back here.
 */
export interface Obstacle {
  readonly kind: 'not_swept' | 'keys' | 'blocked' | 'stopped';
  readonly reason: string;
}

export class Readiness {
  #obstacles = new Map<Obstacle['kind'], string>([['not_swept', 'the broker has not been reached since the start']]);
  readonly #waiting = new Set<() => void>();

  /** The first obstacle, or null when trades may go. */
  get obstacle(): Obstacle | null {
    for (const [kind, reason] of this.#obstacles) return { kind, reason };
    return null;
  }

  block(kind: Obstacle['kind'], reason: string): void {
    this.#obstacles.set(kind, reason);
  }

  clear(kind: Obstacle['kind']): void {
    this.#obstacles.delete(kind);
    if (this.#obstacles.size > 0) return;
    for (const wake of [...this.#waiting]) wake();
  }

  /** Calls `run` at once or when trades may go. Returns a function that calls it off. */
  whenReady(run: () => void): () => void {
    if (this.obstacle === null) {
      run();
      return () => {};
    }
    const wake = (): void => {
      this.#waiting.delete(wake);
      run();
    };
    this.#waiting.add(wake);
    return () => this.#waiting.delete(wake);
  }
}

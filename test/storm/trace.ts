/**
 * What happened, as lines: hashed always, so that two runs of one seed can be compared, and kept when somebody wants to
 * read them. Must never contain anything that differs between two runs of one seed.
 */
export class Trace {
  readonly lines: string[] = [];
  readonly #keeps: boolean;
  #a = 0x811c9dc5;
  #b = 0x1234567;

  constructor(keeps: boolean) {
    this.#keeps = keeps;
  }

  /** `us` is virtual time. */
  add(us: number, who: string, what: string): void {
    let a = (this.#a ^ us) >>> 0;
    let b = this.#b;
    for (let i = 0; i < what.length; i++) {
      const code = what.charCodeAt(i);
      a = Math.imul(a ^ code, 0x01000193);
      b = (Math.imul(b, 31) + code) | 0;
    }
    this.#a = a;
    this.#b = b ^ us;
    if (this.#keeps) this.lines.push(`${stamp(us)} ${who.padEnd(8)} ${what}`);
  }

  get hash(): string {
    return `${(this.#a >>> 0).toString(16).padStart(8, '0')}${(this.#b >>> 0).toString(16).padStart(8, '0')}`;
  }
}

/** `12:34.567890`, minutes, seconds and microseconds of virtual time. */
function stamp(us: number): string {
  const minutes = Math.floor(us / 60_000_000);
  const seconds = (us - minutes * 60_000_000) / 1e6;
  return `${String(minutes).padStart(3)}:${seconds.toFixed(6).padStart(9, '0')}`;
}

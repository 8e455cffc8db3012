/** The table of mutants and what caught them. Pure. Must never call a mutant caught of which no test said so. */
import type { Mutant } from './mutant.ts';
import { MUTANTS, NOT_APPLICABLE } from './mutants.ts';
import type { Run } from './run.ts';

/** One mutant against one catcher. `skipped`: this machine lacks what it needs. */
export interface Line {
  readonly mutant: Mutant;
  readonly catcher: string;
  /** The same catcher on the source as it is. */
  readonly control: Run | null;
  readonly run: Run | null;
  readonly verdict: 'caught' | 'survived' | 'broken' | 'control failed' | 'skipped';
}

export function verdictOf(control: Run, run: Run | null): Line['verdict'] {
  if (control.verdict !== 'passed') return 'control failed';
  if (run === null) return 'skipped';
  if (run.verdict === 'passed') return 'survived';
  // A build that hangs is caught by the time limit of the test runner.
  return run.verdict === 'broken' ? 'broken' : 'caught';
}

export const lineText = ({ mutant, catcher, control, run, verdict }: Line): string => {
  const seconds = run === null ? '' : `${run.seconds.toFixed(1)} s`;
  const failed = verdict === 'control failed' ? control : run;
  const said = verdict === 'skipped' ? `needs ${mutant.catcher.needs ?? ''}` : (failed?.said ?? '');
  return [
    mutant.number.padStart(4),
    mutant.id.padEnd(28),
    verdict.padEnd(14),
    seconds.padStart(7),
    catcher.padEnd(44),
    said.slice(0, 110),
  ].join('  ');
};

/** Caught by one catcher at least, broken and surviving under none. */
const isCaught = (lines: readonly Line[], mutant: Mutant): boolean => {
  const own = lines.filter((line) => line.mutant.id === mutant.id && line.verdict !== 'skipped');
  return own.length > 0 && own.every(({ verdict }) => verdict === 'caught');
};

export interface Figures {
  readonly mutants: number;
  readonly caught: number;
  readonly skipped: readonly string[];
  readonly survived: readonly string[];
  readonly not_applicable: typeof NOT_APPLICABLE;
  readonly lines: readonly {
    readonly number: string;
    readonly id: string;
    readonly name: string;
    readonly why: string;
    readonly catcher: string;
    readonly verdict: Line['verdict'];
    readonly seconds: number | null;
    readonly said: string;
  }[];
}

export function figuresOf(lines: readonly Line[]): Figures {
  const tried = MUTANTS.filter(({ id }) => lines.some((line) => line.mutant.id === id && line.verdict !== 'skipped'));
  const asked = MUTANTS.filter(({ id }) => lines.some((line) => line.mutant.id === id));
  const caught = tried.filter((mutant) => isCaught(lines, mutant));
  return {
    mutants: tried.length,
    caught: caught.length,
    skipped: asked.filter((mutant) => !tried.includes(mutant)).map(({ id }) => id),
    survived: tried.filter((mutant) => !caught.includes(mutant)).map(({ id }) => id),
    not_applicable: NOT_APPLICABLE,
    lines: lines.map(({ mutant, catcher, run, control, verdict }) => ({
      number: mutant.number,
      id: mutant.id,
      name: mutant.name,
      why: mutant.why,
      catcher,
      verdict,
      seconds: run?.seconds ?? null,
      said: (verdict === 'control failed' ? control?.said : run?.said) ?? '',
    })),
  };
}

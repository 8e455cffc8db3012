/**
 * Whether the tower has become dearer: the ratios of this run beside those of an earlier one. Pure. Must never compare
 * times: they say as much of the machine, and of what else it does, as of the tower. A ratio has both sides in one run; one
 * that depends on the disk is judged on the machine that it was measured on alone.
 */
import { z } from 'zod';
import type { Against, Compared, Guard, Results } from './result.ts';

const earlierSchema = z.object({
  bench: z.literal('tower'),
  at: z.string(),
  size: z.string(),
  machine: z.record(z.string(), z.string()),
  sections: z.array(
    z.object({
      title: z.string(),
      // What is no number (nothing was measured) is null in JSON.
      figures: z.array(z.object({ name: z.string(), value: z.number().nullable(), guard: z.unknown().optional() })),
    }),
  ),
});
/** An earlier run, or what was kept of one. */
export type Earlier = z.infer<typeof earlierSchema>;

/** Reads an earlier run. Throws an Error that says why a text is none. */
export function earlierOf(text: string, size: string): Earlier {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch (error) {
    throw new Error(`it is no JSON (${error instanceof Error ? error.message : String(error)})`);
  }
  const parsed = earlierSchema.safeParse(read);
  if (!parsed.success) throw new Error(`it is no result of this bench (${z.prettifyError(parsed.error)})`);
  // A longer journal and more rounds give other ratios.
  if (parsed.data.size !== size)
    throw new Error(`it is of a run of size ${parsed.data.size}, and this one is of size ${size}`);
  return parsed.data;
}

/** What a later run is compared with: the figures that are guarded, and the machine. */
export function keptOf({ bench, at, size, machine, sections }: Results): Earlier {
  return {
    bench,
    at,
    size,
    machine: { ...machine },
    sections: sections.map(({ title, figures }) => ({
      title,
      figures: figures.flatMap(({ name, value, guard }) => (guard === undefined ? [] : [{ name, value, guard }])),
    })),
  };
}

/** What the speed of a disk or a processor hangs on. */
const MACHINE = ['processor', 'memory', 'file system'] as const;

/** `file` is where the earlier one was read. */
export function compared(file: string, earlier: Earlier, now: Results): Against {
  const isSameMachine = MACHINE.every((name) => earlier.machine[name] === now.machine[name]);
  const figures: Compared[] = [];
  const missing: string[] = [];
  for (const { title, figures: all, fault } of now.sections) {
    if (fault !== undefined) missing.push(`${title}: ${fault}`);
    const before = earlier.sections.find((section) => section.title === title)?.figures ?? [];
    for (const figure of all) {
      const { guard, name, value } = figure;
      if (guard === undefined) continue;
      if (!Number.isFinite(value)) {
        missing.push(`${title}: ${name}`);
        continue;
      }
      const was = before.find((one) => one.name === name)?.value ?? null;
      const worse = was === null || was === 0 ? null : guard.better === 'less' ? value / was - 1 : 1 - value / was;
      figures.push({ title, figure, before: was, worse, verdict: verdictOf(value, worse, guard, isSameMachine) });
    }
    for (const { name, guard } of before)
      if (guard !== undefined && !all.some((figure) => figure.name === name)) missing.push(`${title}: ${name}`);
  }
  return { file, at: earlier.at, isSameMachine, figures, missing };
}

function verdictOf(
  value: number,
  worse: number | null,
  { better, margin, everywhere, fine }: Guard,
  isSameMachine: boolean,
): Compared['verdict'] {
  if (worse === null) return 'new';
  if (!isSameMachine && !everywhere) return 'other machine';
  const isFine = fine !== undefined && (better === 'less' ? value <= fine : value >= fine);
  return worse > margin && !isFine ? 'worse' : 'held';
}

/** Whether a ratio is worse than it may be, or one that should be there is not. */
export const isWorse = ({ figures, missing }: Against): boolean =>
  missing.length > 0 || figures.some(({ verdict }) => verdict === 'worse');

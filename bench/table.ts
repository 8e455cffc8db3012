/** The results as text for a terminal. Must never hide a miss: a figure that misses its aim begins with `!`. */
import { type Against, busyNote, type Figure, isBusy, missesAim, type Results, type Section, shown } from './result.ts';

const NAME_WIDTH = 62;
const AIM_WIDTH = 80;

function line(figure: Figure): string {
  const { name, value, unit, aim } = figure;
  const wanted = aim === undefined ? '' : `   (aim: ${aim.op} ${shown(aim.limit, unit)})`;
  return `${missesAim(figure) ? '!' : ' '} ${name.padEnd(NAME_WIDTH)} ${shown(value, unit).padStart(12)}${wanted}`;
}

const block = ({ title, figures, fault }: Section): readonly string[] => [
  '',
  title,
  ...figures.map(line),
  ...(fault === undefined ? [] : [`! could not be measured: ${fault}`]),
];

/** Every aim beside what was reached. */
function aims(sections: readonly Section[]): readonly string[] {
  const aimed = sections.flatMap(({ title, figures }) =>
    figures.flatMap(({ name, value, unit, aim }) => {
      if (aim === undefined) return [];
      const isMissed = missesAim({ name, value, unit, aim });
      const wanted = `${aim.op} ${shown(aim.limit, unit)}`.padStart(12);
      return [
        `${isMissed ? '!' : ' '} ${`${title}: ${name}`.padEnd(AIM_WIDTH)} ${wanted} ${shown(value, unit).padStart(12)}   ${isMissed ? 'missed' : 'reached'}`,
      ];
    }),
  );
  const lost = sections.flatMap(({ title, fault }) => (fault === undefined ? [] : [`! ${title}: ${fault}`]));
  return ['', `Aims${' '.repeat(AIM_WIDTH - 2)} ${'aim'.padStart(12)} ${'reached'.padStart(12)}`, ...aimed, ...lost];
}

/** Ratios beside those of an earlier run. */
function beside({ file, at, isSameMachine, figures, missing }: Against, wasBusy: boolean): readonly string[] {
  const percent = (share: number): string => `${share > 0 ? '+' : ''}${(share * 100).toFixed(0)}%`;
  return [
    '',
    `Beside ${file} of ${at}: ratios alone, since times say as much of the machine${isSameMachine ? '' : '. It is of another machine: what hangs on disk and processor is not judged'}`,
    ...(wasBusy ? ['The machine was busy, which moves ratios as well: measure what is worse again without it.'] : []),
    `  ${''.padEnd(AIM_WIDTH)} ${'before'.padStart(9)} ${'now'.padStart(9)} ${'worse by'.padStart(9)} ${'at most'.padStart(9)}`,
    ...figures.map(({ title, figure: { name, value, unit, guard }, before, worse, verdict }) => {
      const figures = [
        before === null ? '–' : shown(before, unit),
        shown(value, unit),
        worse === null ? '–' : percent(worse),
        guard === undefined ? '–' : percent(guard.margin),
      ];
      return `${verdict === 'worse' ? '!' : ' '} ${`${title}: ${name}`.padEnd(AIM_WIDTH)} ${figures.map((text) => text.padStart(9)).join(' ')}   ${verdict}`;
    }),
    ...missing.map((text) => `! ${text}: not measured, and so not held`),
  ];
}

export const table = (results: Results): readonly string[] => {
  const { machine, seed, size, seconds, sections, against } = results;
  const note = busyNote(results);
  return [
    Object.entries(machine)
      .map(([name, value]) => `${name} ${value}`)
      .join(' · '),
    `seed ${seed} · ${size} · ${seconds} s`,
    ...(note === null ? [] : [note]),
    ...sections.flatMap(block),
    ...aims(sections),
    ...(against === undefined ? [] : beside(against, isBusy(results))),
  ];
};

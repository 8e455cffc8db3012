/** The results as text for a terminal. Must never hide a miss: a figure that misses its aim begins with `!`. */
import { busyNote, type Figure, missesAim, type Results, type Section, shown } from './result.ts';

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

export const table = (results: Results): readonly string[] => {
  const { machine, seed, size, seconds, sections } = results;
  const note = busyNote(results);
  return [
    Object.entries(machine)
      .map(([name, value]) => `${name} ${value}`)
      .join(' · '),
    `seed ${seed} · ${size} · ${seconds} s`,
    ...(note === null ? [] : [note]),
    ...sections.flatMap(block),
    ...aims(sections),
  ];
};

/** The results as text for a terminal. Must never hide a miss: a figure that misses its aim begins with `!`. */
import { busyNote, type Figure, missesAim, type Results, type Section, shown } from './result.ts';

const NAME_WIDTH = 62;

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
  ];
};

/**
 * The results as one page for the browser: figures beside their aims, charts, and the JSON itself. Must never ask for
 * anything from elsewhere: no script, font, style or image but what is in it. Pure.
 */
import { drawn, escaped } from './charts.ts';
import { type Against, busyNote, type Figure, missesAim, type Results, type Section, shown } from './result.ts';

const STYLE = `
:root { color-scheme: light dark; --page: #f6f7f9; --card: #ffffff; --ink: #16191f; --soft: #5b6472; --rule: #e2e6ec;
  --tower: #1f6fd6; --second: #0f9d8a; --other: #d9822b; --floor: #9aa3b2; --good: #13795b; --miss: #c0392b; }
@media (prefers-color-scheme: dark) { :root { --page: #101318; --card: #181c23; --ink: #e8ebf0; --soft: #9aa4b3; --rule: #2a303a;
  --tower: #5aa2f7; --second: #3cc7b2; --other: #f0a353; --floor: #6d7787; --good: #4cc39a; --miss: #f1786b; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 40px 20px 80px; }
h1 { font-size: 28px; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 19px; margin: 0 0 6px; }
p { margin: 0 0 14px; color: var(--soft); max-width: 78ch; }
.machine { display: flex; flex-wrap: wrap; gap: 4px 18px; color: var(--soft); font-size: 13px; margin: 10px 0 26px; }
.machine b { font-weight: 500; color: var(--ink); }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); gap: 12px; margin-bottom: 28px; }
.tile, section { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; }
.tile { padding: 14px 16px; }
.tile .name { color: var(--soft); font-size: 13px; line-height: 1.35; min-height: 36px; }
.tile .big { font-size: 26px; font-weight: 600; font-variant-numeric: tabular-nums; margin: 4px 0 2px; }
.tile .aim { font-size: 13px; color: var(--soft); }
.good { color: var(--good); } .miss { color: var(--miss); }
section { padding: 24px 24px 12px; margin-bottom: 20px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; margin-bottom: 16px; }
td { padding: 5px 10px 5px 0; border-top: 1px solid var(--rule); vertical-align: top; }
tr:first-child td { border-top: 0; }
td.value { text-align: right; white-space: nowrap; font-weight: 600; padding-left: 16px; }
td.aim { white-space: nowrap; color: var(--soft); width: 170px; }
td small { display: block; color: var(--soft); max-width: 64ch; }
figure { margin: 8px 0 18px; } figcaption { font-weight: 600; font-size: 14px; margin-bottom: 2px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 18px; font-size: 13px; color: var(--soft); margin-bottom: 4px; }
.key { display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin-right: 7px; vertical-align: middle; }
svg { display: block; width: 100%; height: auto; max-width: 760px; }
.grid { stroke: var(--rule); stroke-width: 1; } .axis { stroke: var(--floor); stroke-width: 1; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.line.floor { stroke-dasharray: 5 4; }
text { font: 12px system-ui, sans-serif; fill: var(--soft); } text.label, text.value { fill: var(--ink); }
.line.tower { stroke: var(--tower); } .line.second { stroke: var(--second); } .line.other { stroke: var(--other); } .line.floor { stroke: var(--floor); }
.bar.tower, .dot.tower { fill: var(--tower); } .bar.second, .dot.second { fill: var(--second); }
.bar.other, .dot.other { fill: var(--other); } .bar.floor, .dot.floor { fill: var(--floor); }
.key.tower { background: var(--tower); } .key.second { background: var(--second); } .key.other { background: var(--other); } .key.floor { background: var(--floor); }
details { color: var(--soft); } pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 12px; }
`;

/** Whether the aim is met, in words and not in colour alone. */
const verdict = (figure: Figure): string => {
  const { aim, unit } = figure;
  if (aim === undefined) return '';
  const [name, mark] = missesAim(figure) ? ['miss', '✕ missed'] : ['good', '✓ met'];
  return `aim ${aim.op} ${escaped(shown(aim.limit, unit))} <span class="${name}">${mark}</span>`;
};

const tile = (figure: Figure): string =>
  `<div class="tile"><div class="name">${escaped(figure.name)}</div><div class="big">${escaped(shown(figure.value, figure.unit))}</div><div class="aim">${verdict(figure)}</div></div>`;

const row = (figure: Figure): string => {
  const note = figure.note === undefined ? '' : `<small>${escaped(figure.note)}</small>`;
  return `<tr><td>${escaped(figure.name)}${note}</td><td class="value">${escaped(shown(figure.value, figure.unit))}</td><td class="aim">${verdict(figure)}</td></tr>`;
};

function part({ title, what, figures, charts, fault }: Section): string {
  const missing = fault === undefined ? '' : `<p class="miss">could not be measured: ${escaped(fault)}</p>`;
  const body = `${charts.map(drawn).join('')}<table>${figures.map(row).join('')}</table>${missing}`;
  return `<section><h2>${escaped(title)}</h2><p>${escaped(what)}</p>${body}</section>`;
}

/** Ratios beside those of an earlier run. */
function beside({ file, at, figures, missing }: Against): string {
  const rows = figures.map(
    ({ title, figure: { name, value, unit }, before, worse, verdict }) =>
      `<tr><td>${escaped(`${title}: ${name}`)}</td><td class="value">${before === null ? '–' : escaped(shown(before, unit))}</td><td class="value">${escaped(shown(value, unit))}</td><td class="aim"><span class="${verdict === 'worse' ? 'miss' : 'good'}">${worse === null || verdict !== 'worse' ? verdict : `worse by ${Math.round(worse * 100)} %`}</span></td></tr>`,
  );
  const lost = missing.map((text) => `<p class="miss">${escaped(text)}: not measured, and so not held</p>`);
  return `<section><h2>Ratios beside an earlier run</h2><p>${escaped(file)}, of ${escaped(at)}</p><table>${rows.join('')}</table>${lost.join('')}</section>`;
}

export function page(results: Results): string {
  const { machine, at, seed, size, seconds, sections, against } = results;
  const facts = Object.entries({ ...machine, seed, size, took: `${seconds} s`, at });
  const note = busyNote(results);
  const aimed = sections.flatMap(({ figures }) => figures.filter(({ aim }) => aim !== undefined));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Alpaca Exchange Tower: bench</title><style>${STYLE}</style></head><body><main>
<h1>How fast the tower is, and what it costs</h1>
<p>Every ratio has both sides measured in this run. Dashed grey is the floor: the same work with nothing in between.</p>
<div class="machine">${facts.map(([name, value]) => `<span>${escaped(name)} <b>${escaped(value)}</b></span>`).join('')}</div>
${note === null ? '' : `<p class="miss">${escaped(note)}</p>`}
<div class="tiles">${aimed.map(tile).join('')}</div>
${sections.map(part).join('\n')}
${against === undefined ? '' : beside(against)}
<details><summary>The same as JSON</summary><pre>${escaped(JSON.stringify(results, null, 1))}</pre></details>
</main></body></html>
`;
}

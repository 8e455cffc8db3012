/** Charts as inline SVG, coloured by classes of the page. Must never need a script or anything from elsewhere. Pure. */
import { type BarChart, type Chart, type LineChart, type QuantileChart, quantile, shown } from './result.ts';

const WIDTH = 720;
const HEIGHT = 260;
const LEFT = 56;
const RIGHT = 16;
const TOP = 12;
const BOTTOM = 40;
const BAR_HEIGHT = 26;
const BAR_LEFT = 230;
const TICKS = 5;
/** Shares that a quantile curve is drawn through: dense at the end, where the late ones are. */
const SHARES = [
  ...Array.from({ length: 99 }, (_, index) => (index + 1) / 100),
  ...Array.from({ length: 9 }, (_, index) => 0.991 + index / 1000),
  1,
];

export const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[char] ?? char);

type Point = readonly [number, number];
type Scale = (value: number) => number;

const linear =
  (low: number, high: number, from: number, to: number): Scale =>
  (value) =>
    from + ((value - low) / (high - low || 1)) * (to - from);
const logarithmic = (low: number, high: number, from: number, to: number): Scale => {
  const scale = linear(Math.log10(low), Math.log10(high), from, to);
  return (value) => scale(Math.log10(Math.max(value, low)));
};

/** Round numbers from 0 to at least `high`. */
function steps(high: number): readonly number[] {
  const raw = high / TICKS;
  const size = 10 ** Math.floor(Math.log10(raw || 1));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * size).find((candidate) => candidate >= raw) ?? size * 10;
  return Array.from({ length: Math.ceil(high / step) + 1 }, (_, index) => index * step);
}

/** 1, 2 and 5 of every power of ten between two values, both included in their range. */
function logSteps(low: number, high: number): readonly number[] {
  const found: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    found.push(...[1, 2, 5].map((factor) => factor * 10 ** power));
  const from = found.filter((value) => value <= low).at(-1) ?? low;
  const to = found.find((value) => value >= high) ?? high;
  return found.filter((value) => value >= from && value <= to);
}

const compact = (value: number): string =>
  value.toLocaleString('en-US', { notation: 'compact', maximumFractionDigits: 2 });

const text = (x: number, y: number, anchor: string, content: string, name = 'tick'): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" class="${name}">${escaped(content)}</text>`;

interface Axes {
  readonly x: Scale;
  readonly y: Scale;
  readonly xTicks: readonly number[];
  readonly yTicks: readonly number[];
  readonly xLabel: string;
  xText(value: number): string;
  yText(value: number): string;
}

function frame({ x, y, xTicks, yTicks, xLabel, xText, yText }: Axes): string {
  const bottom = HEIGHT - BOTTOM;
  return [
    ...yTicks.map((value) => `<path class="grid" d="M${LEFT} ${y(value).toFixed(1)}H${WIDTH - RIGHT}"/>`),
    ...yTicks.map((value) => text(LEFT - 8, y(value) + 4, 'end', yText(value))),
    ...xTicks.map((value) => text(x(value), bottom + 18, 'middle', xText(value))),
    `<path class="axis" d="M${LEFT} ${bottom}H${WIDTH - RIGHT}"/>`,
    text(WIDTH - RIGHT, HEIGHT - 4, 'end', xLabel, 'label'),
  ].join('');
}

const path = (points: readonly Point[], { x, y }: Axes): string =>
  points.map(([a, b], index) => `${index === 0 ? 'M' : 'L'}${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join('');

function plot(
  title: string,
  axes: Axes,
  series: readonly { readonly name: string; readonly role: string; readonly points: readonly Point[] }[],
  isDotted = false,
): string {
  const lines = series.map(({ name, role, points }) => {
    const dots = isDotted
      ? points.map(
          ([a, b]) =>
            `<circle class="dot ${role}" cx="${axes.x(a).toFixed(1)}" cy="${axes.y(b).toFixed(1)}" r="4"><title>${escaped(`${name}: ${compact(a)} → ${compact(b)}`)}</title></circle>`,
        )
      : [];
    return `<path class="line ${role}" d="${path(points, axes)}"><title>${escaped(name)}</title></path>${dots.join('')}`;
  });
  const legend = series.map(({ name, role }) => `<span><i class="key ${role}"></i>${escaped(name)}</span>`).join('');
  return `<figure><figcaption>${escaped(title)}</figcaption><div class="legend">${legend}</div><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}">${frame(axes)}${lines.join('')}</svg></figure>`;
}

function quantiles({ title, series }: QuantileChart): string {
  const all = series.flatMap(({ values }) => values);
  const ticks = logSteps(Math.max(0.01, quantile(all, 0.001)), quantile(all, 1));
  const axes: Axes = {
    x: logarithmic(ticks[0] ?? 0.01, ticks.at(-1) ?? 1, LEFT, WIDTH - RIGHT),
    y: linear(0, 1, HEIGHT - BOTTOM, TOP),
    xTicks: ticks,
    yTicks: [0, 0.25, 0.5, 0.75, 0.9, 1],
    xLabel: 'milliseconds, logarithmic',
    xText: compact,
    yText: (value) => `${Math.round(value * 100)}%`,
  };
  return plot(
    title,
    axes,
    series.map(({ name, role, values }) => {
      const sorted = values.toSorted((a, b) => a - b);
      const points = SHARES.map((share): Point => [quantile(sorted, share), share]);
      return { name: `${name} (p50 ${shown(quantile(sorted, 0.5), 'ms')})`, role, points };
    }),
  );
}

function lines({ title, x, y, logX, series }: LineChart): string {
  const points = series.flatMap((one) => one.points);
  const xs = points.map(([a]) => a);
  const yTicks = steps(Math.max(...points.map(([, b]) => b)) || 1);
  const [low, high] = [Math.min(...xs), Math.max(...xs)];
  const xTicks = logX ? [...new Set(xs)] : steps(high || 1);
  const from = xTicks[0] ?? 0;
  const to = xTicks.at(-1) ?? 1;
  const axes: Axes = {
    x: logX ? logarithmic(low, high, LEFT + 30, WIDTH - RIGHT - 30) : linear(from, to, LEFT, WIDTH - RIGHT),
    y: linear(0, yTicks.at(-1) ?? 1, HEIGHT - BOTTOM, TOP),
    xTicks,
    yTicks,
    xLabel: `${x} → ${y}`,
    xText: compact,
    yText: compact,
  };
  return plot(title, axes, series, logX === true);
}

function bars({ title, unit, bars: all }: BarChart): string {
  const height = all.length * BAR_HEIGHT + 8;
  const width = linear(0, Math.max(...all.map(({ value }) => value)), 0, WIDTH - BAR_LEFT - 110);
  const rows = all.map(({ name, role, value }, index) => {
    const top = index * BAR_HEIGHT + 4;
    const length = Math.max(2, width(value));
    return `${text(BAR_LEFT - 10, top + 14, 'end', name, 'label')}<rect class="bar ${role}" x="${BAR_LEFT}" y="${top}" width="${length.toFixed(1)}" height="${BAR_HEIGHT - 8}" rx="3"><title>${escaped(`${name}: ${shown(value, unit)}`)}</title></rect>${text(BAR_LEFT + length + 8, top + 14, 'start', shown(value, unit), 'value')}`;
  });
  return `<figure><figcaption>${escaped(title)}</figcaption><svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">${rows.join('')}</svg></figure>`;
}

export function drawn(chart: Chart): string {
  switch (chart.kind) {
    case 'quantiles':
      return quantiles(chart);
    case 'lines':
      return lines(chart);
    case 'bars':
      return bars(chart);
  }
}

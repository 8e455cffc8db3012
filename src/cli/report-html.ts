/**
 * The report as one page that needs nothing else: no script, no request, light and dark. Pure. Must never put text of
 * others into it unescaped.
 */
import type { AgentReport, CurvePoint, Figures, PostedRow } from '../books/report.ts';
import { isoMicros, type Micros } from '../lib/clock.ts';
import { type Decimal, decimal, type Exact, exact } from '../order/decimal.ts';
import {
  differenceText,
  dollars,
  type ModeBooks,
  marksText,
  momentText,
  nameOf,
  proofText,
  short,
  winRate,
} from './report-text.ts';

interface PageBooks extends ModeBooks {
  /** The newest first. */
  readonly trades: readonly PostedRow[];
}

export function reportPage(books: readonly PageBooks[], now: Micros): string {
  const body =
    books.length === 0 ? '<p class="quiet">No account has been traded on yet.</p>' : books.map(account).join('');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Tower report</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>Tower report</h1><p class="quiet">made ${momentText(now)} UTC · all amounts in USD</p></header>
<main>${body}</main>
<footer class="quiet">Profit is by lots, first in first out. “Unassigned” is what no agent did: manual trades, transfers,
dividends, and what the account held before its books began.</footer>
</body>
</html>
`;
}

function account(one: PageBooks): string {
  const isOff = one.proof?.differences.some(({ expected }) => expected === null) ?? false;
  const isProven = one.proof !== null && one.proof.differences.length === 0;
  const held = one.agents.flatMap(({ agent, positions }) => positions.map((position) => ({ agent, position })));
  return `
<section>
<h2>${text(one.mode)} <span class="quiet">account ${text(one.account)}</span></h2>
<p class="quiet">${momentText(one.from)} to ${momentText(one.to)} UTC</p>
<p class="proof ${isOff ? 'bad' : isProven ? 'good' : 'open'}">${isOff ? '✕' : isProven ? '✓' : '…'} ${text(proofText(one))}</p>
${(one.proof?.differences ?? []).map((difference) => `<p class="difference">${text(differenceText(difference))}</p>`).join('')}
${one.total === null ? '' : hero(one.total.figures, one.total.curve)}
<div class="cards">${one.agents.map(card).join('')}</div>
${
  held.length === 0
    ? ''
    : `<h3>Positions</h3><div class="scroll"><table><thead><tr><th>Agent</th><th>Symbol</th><th class="n">Quantity</th><th class="n">Cost</th><th class="n">Price</th><th class="n">Value</th><th class="n">Unrealised</th></tr></thead><tbody>${held
        .map(
          ({ agent, position: { symbol, qty, basis, mark, value, unrealised } }) =>
            `<tr><td>${agentText(agent)}</td><td>${text(symbol)}</td>${cell(short(qty))}${cell(dollars(basis))}${cell(mark === null ? '–' : short(mark))}${cell(value === null ? '–' : dollars(value))}${amount(unrealised)}</tr>`,
        )
        .join('')}</tbody></table></div><p class="quiet">${text(marksText(held.map(({ position }) => position)))}</p>`
}
<h3>Trades</h3>
${
  one.trades.length === 0
    ? '<p class="quiet">None in this period.</p>'
    : `<div class="scroll"><table><thead><tr><th>Time (UTC)</th><th>Agent</th><th>What</th><th>Symbol</th><th class="n">Quantity</th><th class="n">Price</th><th class="n">Cash</th><th class="n">Fee</th><th class="n">Realised</th><th>Order</th></tr></thead><tbody>${one.trades
        .map(trade)
        .join('')}</tbody></table></div>`
}
</section>`;
}

function hero(figures: Figures, curve: readonly CurvePoint[]): string {
  return `<div class="hero"><div><span class="label">Profit of all books</span><strong class="${tone(figures.profit)}">${signed(figures.profit)}</strong></div>${svg(curve, 720, 150, 'All books')}</div>`;
}

function card({ agent, figures, positions, curve }: AgentReport): string {
  const facts: readonly (readonly [string, string])[] = [
    ['Realised', signed(figures.realised)],
    ['Unrealised', signed(figures.unrealised)],
    ['Income', dollars(figures.income)],
    ['Fees', dollars(figures.fees)],
    ['Turnover', dollars(figures.turnover)],
    ['Cash flow', signed(figures.cash_flow)],
    ['Fills', String(figures.executions)],
    ['Won', `${winRate(figures)}${figures.closed === 0 ? '' : ` of ${figures.closed}`}`],
    ['Drawdown', dollars(figures.max_drawdown)],
    ['Positions', String(positions.length)],
  ];
  return `<article class="card${agent === '' ? ' nobody' : ''}"><h3>${agentText(agent)}</h3><strong class="${tone(figures.profit)}">${signed(figures.profit)}</strong>${svg(curve, 320, 90, nameOf(agent))}<dl>${facts
    .map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`)
    .join('')}</dl></article>`;
}

const trade = (row: PostedRow): string =>
  `<tr><td class="t">${momentText(row.at)}</td><td>${agentText(row.agent)}</td><td>${text(what(row))}</td><td>${text(row.symbol)}</td>${cell(row.qty === '0' ? '' : short(row.qty))}${cell(row.qty === '0' || row.price === '0' ? '' : short(row.price))}${cell(dollars(row.cash))}${cell(row.fee === '0' ? '' : dollars(row.fee))}${amount(row.realised)}<td class="id" title="${text(row.orderId ?? row.activity ?? '')}">${text(row.clientOrderId ?? row.orderId ?? row.activity ?? '')}</td></tr>`;

const what = ({ kind, qty }: PostedRow): string => (kind === 'fill' ? (qty.startsWith('-') ? 'sell' : 'buy') : kind);

/** A curve with its zero line, filled down to it. Coordinates are no money: whole pixels of it. */
function svg(curve: readonly CurvePoint[], width: number, height: number, name: string): string {
  const values = curve.map(({ profit }) => exact(profit));
  const [first, last] = [curve[0], curve.at(-1)];
  if (first === undefined || last === undefined) return '';
  const zero = exact('0');
  const low = values.reduce((least, value) => (value.lt(least) ? value : least), zero);
  const high = values.reduce((most, value) => (value.gt(most) ? value : most), zero);
  const span = high.minus(low);
  const y = (value: Exact): string =>
    span.eq(zero)
      ? String(height / 2)
      : high
          .minus(value)
          .div(span)
          .times(String(height - 8))
          .plus('4')
          .round(1)
          .toFixed();
  const time = Math.max(1, last.at - first.at);
  const points = curve.map(({ at }, index) => {
    const x = Math.round(((at - first.at) / time) * width * 10) / 10;
    return `${x},${y(values[index] ?? zero)}`;
  });
  // A profit stays what it was until something happens.
  const steps = points.flatMap((point, index) => {
    const before = points[index - 1];
    return before === undefined ? [point] : [`${point.split(',')[0]},${before.split(',')[1]}`, point];
  });
  const label = `${name}: profit from ${isoMicros(first.at).slice(0, 10)} to ${isoMicros(last.at).slice(0, 10)}, between ${dollars(decimal(low))} and ${dollars(decimal(high))}`;
  const end = values.at(-1) ?? zero;
  return `<svg viewBox="0 0 ${width} ${height}" class="${end.lt(zero) ? 'down' : 'up'}" preserveAspectRatio="none" role="img" aria-label="${text(label)}"><title>${text(label)}</title><polygon points="0,${y(zero)} ${steps.join(' ')} ${width},${y(zero)}"/><line x1="0" x2="${width}" y1="${y(zero)}" y2="${y(zero)}"/><polyline points="${steps.join(' ')}"/></svg>`;
}

const signed = (value: Decimal): string => `${exact(value).gt('0') ? '+' : ''}${dollars(value)}`;
const tone = (value: Decimal): string => (exact(value).gt('0') ? 'gain' : exact(value).lt('0') ? 'loss' : 'flat');
const cell = (value: string): string => `<td class="n">${text(value)}</td>`;
const amount = (value: Decimal | null): string =>
  value === null ? '<td class="n"></td>' : `<td class="n ${tone(value)}">${signed(value)}</td>`;
const agentText = (agent: string): string => (agent === '' ? '<em>unassigned</em>' : text(agent));

/** Text of others inside the page. */
const text = (value: string): string =>
  value.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`).replace(/\p{Cc}/gu, ' ');

const STYLE = `
:root{color-scheme:light dark;--ink:#1b2230;--quiet:#68738a;--paper:#f6f7f9;--card:#fff;--line:#e3e7ee;--gain:#0b7a4b;--loss:#c0362c;--shade:#eef1f6}
@media (prefers-color-scheme:dark){:root{--ink:#e6eaf2;--quiet:#8f9bb3;--paper:#0f131a;--card:#171d27;--line:#273040;--gain:#3ecf8e;--loss:#ff7a6e;--shade:#1d2532}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
header,main,footer{max-width:1120px;margin:0 auto;padding:0 24px}
header{padding-top:36px}footer{padding-top:24px;padding-bottom:48px;font-size:13px}
h1{margin:0;font-size:26px;letter-spacing:-.01em}h2{margin:36px 0 0;font-size:20px}h3{margin:28px 0 8px;font-size:15px}
p{margin:4px 0}.quiet{color:var(--quiet);font-weight:400}
.proof{display:inline-block;margin:10px 0 4px;padding:4px 12px;border-radius:999px;background:var(--shade);font-size:13px}
.proof.good{color:var(--gain)}.proof.bad{color:#fff;background:var(--loss);font-weight:600}
.difference{color:var(--loss);font-variant-numeric:tabular-nums;font-size:13px}
.hero{display:flex;gap:28px;align-items:center;margin:16px 0;padding:20px 24px;background:var(--card);border:1px solid var(--line);border-radius:14px}
.hero .label{display:block;color:var(--quiet);font-size:13px}.hero strong{font-size:30px;white-space:nowrap}.hero svg{flex:1;min-width:0}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(320px,1fr));gap:16px;margin-top:16px}
.card{padding:16px 18px 12px;background:var(--card);border:1px solid var(--line);border-radius:14px}
.card h3{margin:0;font-size:15px}.card strong{font-size:22px}.card.nobody{border-style:dashed}
strong,td.n,dd{font-variant-numeric:tabular-nums}
svg{display:block;width:100%;height:90px;margin:8px 0}.hero svg{height:150px}
svg polyline{fill:none;stroke:currentColor;stroke-width:1.6;vector-effect:non-scaling-stroke}
svg polygon{fill:currentColor;opacity:.1}svg line{stroke:var(--quiet);stroke-width:1;opacity:.5;stroke-dasharray:3 4;vector-effect:non-scaling-stroke}
svg.up,.gain{color:var(--gain)}svg.down,.loss{color:var(--loss)}
dl{display:grid;grid-template-columns:1fr 1fr;gap:2px 20px;margin:6px 0 0;font-size:13px}
dl div{display:flex;justify-content:space-between;gap:8px}dt{color:var(--quiet);white-space:nowrap}dd{margin:0}
.scroll{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:14px}
table{border-collapse:collapse;width:100%;font-size:13px}
th,td{padding:7px 12px;text-align:left;white-space:nowrap;border-bottom:1px solid var(--line)}tr:last-child td{border-bottom:0}
th{color:var(--quiet);font-weight:500;background:var(--shade)}.n{text-align:right}td.t{color:var(--quiet)}
td.id{max-width:220px;overflow:hidden;text-overflow:ellipsis;color:var(--quiet);font-size:12px}
@media (max-width:720px){.hero{display:block}.hero strong{font-size:26px}header,main,footer{padding-left:14px;padding-right:14px}}
`;

/** docs/order-states.md, made from the table of states. Must never be edited by hand in its result. */
import { STATES } from '../src/order/states.ts';

function render(): string {
  const states = Object.entries(STATES);
  const rows = states.map(([state, { meaning, sent, final, safeToResubmit, next }]) =>
    [
      `| \`${state}\``,
      meaning,
      sent,
      final ? 'yes' : 'no',
      safeToResubmit ? 'yes' : 'no',
      `${next.map((to) => `\`${to}\``).join(', ') || 'none'} |`,
    ].join(' | '),
  );
  const moves = states.flatMap(([state, { next }]) => next.map((to) => `  ${state} --> ${to}`));
  const ends = states.filter(([, { next }]) => next.length === 0).map(([state]) => `  ${state} --> [*]`);
  return `# States of a request

<!-- Made from src/order/states.ts by \`npm run docs\`. Do not edit. -->

A move that is not listed is an anomaly: it is journaled and raised, never dropped, because the broker's word wins.
\`sent\` and \`final\` stand in every response.

| state | meaning | sent | final | safe to resubmit | next |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}

\`\`\`mermaid
stateDiagram-v2
${[...moves, ...ends].join('\n')}
\`\`\`
`;
}

export const orderStatesPage = { path: 'docs/order-states.md', render };

/**
 * docs/errors.md, made from the table of error codes and the catalogue of bad input that the tests hold the tower to. Must
 * never be edited by hand in its result.
 */
import { ERROR_TYPES, ERRORS, type ErrorType } from '../src/order/errors.ts';
import { CATALOGUE, type Row } from '../test/bad-input/catalogue.ts';

const TYPES: Readonly<Record<ErrorType, string>> = {
  validation_error:
    'File, name, envelope or payload are wrong. All problems of one file are in `details.problems`, at most 20.',
  duplicate_error: 'The `client_order_id` was used before.',
  configuration_error: 'The tower is not set up for this mode, or its broker refuses it.',
  risk_error: "The tower's own limits, halts and switches said no.",
  rate_limit_error: 'The request budget was spent until `send_by`.',
  connection_error: 'Nothing of the request reached Alpaca.',
  in_doubt_error: 'The request may have reached Alpaca. The only type that is never final.',
  api_error:
    'Alpaca said no. Its HTTP status, code, message and request id are in `details`, verbatim. The list is open: a refusal unheard of has a name, too.',
  internal_error: 'A fault of the tower.',
};

const cell = (text: string): string => text.replaceAll('|', '\\|');

/** Text beside code marks, where two underscores would make it bold. */
const prose = (text: string): string => cell(text).replaceAll('__', '\\_\\_');

const LONGEST = 64;

/** Text of a file in one line of Markdown, clipped; what cannot be seen is written as an escape. */
function shown(text: string): string {
  const visible = text
    .replace(/[^\x20-\x7e]/g, (char) => JSON.stringify(`${char}\u0000`).slice(1, -7))
    .replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const short = visible.length > LONGEST ? `${visible.slice(0, LONGEST)}…` : visible;
  return short.includes('`') ? `\`\` ${short} \`\`` : `\`${short}\``;
}

/** What a line of the catalogue sends, in a few words. */
function sent(row: Row): string {
  if ('act' in row) return row.title;
  if ('name' in row) return `a file named ${shown(row.name)}`;
  const { change, text, hex, type } = row;
  if (change !== undefined) {
    const members = Object.entries(change).map(([path, value]) =>
      value === null ? `no \`${path}\`` : `${shown(path)}: ${typeof value === 'string' ? shown(value) : row.title}`,
    );
    return `${type} with ${members.join(', ')}`;
  }
  if (hex !== undefined) return `${row.title}: bytes \`${hex.slice(0, LONGEST)}\``;
  return text === '' || typeof text !== 'string' ? row.title : shown(text);
}

/** One example for every code that the catalogue has a line for: what was sent, and the answer. */
function examples(): string {
  const byCode = Map.groupBy(CATALOGUE, ({ code }) => code);
  const rows = [...ERRORS.keys()].flatMap((code) => {
    const all = byCode.get(code) ?? [];
    const row = all.find(({ hint }) => hint !== null) ?? all[0];
    if (row === undefined) return [];
    const field = row.field === null ? '' : shown(row.field);
    const answer = `${prose(row.message)}${row.hint === null ? '' : ` (${prose(row.hint)})`}`;
    return [`| \`${code}\` | ${cell(sent(row))} | ${field} | ${answer} |`];
  });
  return ['| code | sent | `field` | `message` (`hint`) |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function render(): string {
  const sections = ERROR_TYPES.map((type) => {
    const rows = [...ERRORS]
      .filter(([, entry]) => entry.type === type)
      .map(([code, { meaning, remedy, safeToResubmit, status }]) =>
        [`| \`${code}\``, cell(meaning), cell(remedy), safeToResubmit ? 'yes' : '**no**', `${status} |`].join(' | '),
      );
    const head = ['| code | meaning | remedy | safe to resubmit | HTTP |', '| --- | --- | --- | --- | --- |'];
    return [`## ${type}\n\n${TYPES[type]}\n`, ...head, ...rows].join('\n');
  });
  return `# Errors

<!-- Made from src/order/errors.ts by \`npm run docs\`. Do not edit. -->

The \`error\` of a response has a \`type\`, a \`code\`, a \`message\` and \`details\`: \`field\`, \`got\`, \`allowed\`, \`hint\` and
\`safe_to_resubmit\`. Safe to resubmit means: nothing was placed, so a new file (with a new timestamp, because an id is never
used twice) cannot double anything. Codes never change their meaning. When a file has several problems, the one that stands
first in this table gives the answer its code. The HTTP status is for ways in over the network.

${sections.join('\n\n')}

## Examples

What was sent and what was answered, one of each kind that an order file can bring about; … stands for what differs from time to
time. They come from [the catalogue of bad input](../test/bad-input/catalogue.jsonl), which has ${CATALOGUE.length} lines and
which the tests hold the tower to, word by word.

${examples()}
`;
}

export const errorsPage = { path: 'docs/errors.md', render };

/** docs/errors.md, made from the table of error codes. Must never be edited by hand in its result. */
import { ERROR_TYPES, ERRORS, type ErrorType } from '../src/order/errors.ts';

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

function render(): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|');
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
`;
}

export const errorsPage = { path: 'docs/errors.md', render };

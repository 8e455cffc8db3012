/** docs/order-format.md, made from the forms that order files are read with. Must never say a rule that the forms do not hold. */
import * as z from 'zod';
import { micros } from '../src/lib/clock.ts';
import { type AnyForm, unwrapped } from '../src/order/form.ts';
import { ORDER_LIMITS } from '../src/order/json-strict.ts';
import { MODES, NAME_FORM, ORDER_TYPES } from '../src/order/name.ts';
import { envelopeForm, FILE_BYTES } from '../src/order/parse.ts';
import { PRICES_BY_CLASS } from '../src/order/payload/terms.ts';
import { PAYLOADS } from '../src/order/payloads.ts';
import { samples } from '../src/order/samples.ts';

/** Any moment does; a fixed one keeps the page the same. */
const EXAMPLES_AT = micros(Date.UTC(2026, 10, 23, 15, 0, 0) * 1000);

const cell = (text: string): string => text.replaceAll('|', '\\|');

/** One row for each field, nested ones with their path. `inside` is empty, or names the optional object around them. */
function rows(shape: z.core.$ZodShape, prefix = '', inside = ''): readonly string[] {
  return Object.entries(shape).flatMap(([name, schema]) => {
    const optional = schema instanceof z.ZodOptional;
    const inner = unwrapped(schema);
    const list = inner instanceof z.ZodArray;
    const object = list ? unwrapped(inner.element) : inner;
    const path = `${prefix}${name}`;
    const needed = optional ? 'no' : inside === '' ? 'yes' : `with \`${inside}\``;
    const row = (rule: string): string => `| \`${path}\` | ${needed} | ${cell(rule)} |`;
    if (object instanceof z.ZodObject) {
      const what = list ? 'array of objects' : 'object';
      return [row(what), ...rows(object.shape, list ? `${path}[].` : `${path}.`, optional ? path : inside)];
    }
    return [row(ruleOf(inner))];
  });
}

function ruleOf(schema: z.core.$ZodType): string {
  const rule = schema instanceof z.ZodType ? schema.description : undefined;
  if (rule === undefined) throw new TypeError('a field of an order file has no rule in words');
  return rule;
}

function formText(form: AnyForm): string {
  const fields = rows(form.schema.shape);
  const table = fields.length === 0 ? '' : ['| field | required | rule |', '| --- | --- | --- |', ...fields].join('\n');
  const rules = form.rules.map(({ text }) => `- ${text}`).join('\n');
  return [table, rules].filter((part) => part !== '').join('\n\n');
}

const priceRow = ([kind, prices]: [string, readonly string[]]): string => {
  const listed = prices.map((price) => `\`${price}\``);
  return `| \`${kind}\` | ${listed.length === 0 ? 'none' : listed.join(kind === 'trailing_stop' ? ' or ' : ', ')} |`;
};

function render(): string {
  const examples = new Map(samples(EXAMPLES_AT).map((sample) => [sample.type, sample]));
  const types = ORDER_TYPES.map((type) => {
    const { purpose, form } = PAYLOADS[type];
    const { fileName, text } = examples.get(type) ?? { fileName: '', text: '' };
    const parts = [`### ${type}`, purpose, formText(form), `\`${fileName}\`\n\n\`\`\`json\n${text}\`\`\``];
    return parts.filter((part) => part !== '').join('\n\n');
  });
  return `# Order files

<!-- Made from the forms in src/order by \`npm run docs\`. Do not edit. -->

One JSON file asks for one thing. It goes to \`orders/incoming/\`; the answer is written to
\`responses/{agentid}/{mode}/{YYYYMMDD}/response_{name}.json\`, a path that the agent can compute before it asks. Write to a name
that begins with \`.\` or ends in \`.tmp\`, then rename. Whatever is wrong is told at once, field by field ([errors](errors.md));
nothing is guessed, rounded, trimmed or repaired.

## Name

\`${NAME_FORM}\`

| part | rule |
| --- | --- |
| mode | ${MODES.map((mode) => `\`${mode}\``).join(' or ')} |
| agentid | 1 to 20 of \`a-z\` and \`0-9\` |
| ordertype | ${ORDER_TYPES.map((type) => `\`${type}\``).join(', ')} |
| timestamp | 20 digits \`YYYYMMDDHHMMSSffffff\`, UTC: a real date and time with microseconds |

## Text

One JSON object in UTF-8 without byte order mark: at most ${FILE_BYTES.toLocaleString('en-US')} bytes, nested at most ${ORDER_LIMITS.depth} deep, at
most ${ORDER_LIMITS.keysPerObject} keys in an object, every key once, strings without control characters. Quantities and prices may be JSON numbers or
strings. They are plain decimals (\`1000\`, \`"0.5"\`) of at most 12 digits before and 9 after the point, taken digit for digit: no
sign, exponent, blank, separator or leading zero. \`null\` is no value: leave the field out.

## Signature

An agent with a \`key_file\` in the settings signs its files: behind the object, on a line of its own, stands
\`#hmac-sha256 \` and 64 lower-case hex digits, the HMAC-SHA256 of every byte before that line (with the line break that ends them)
under the key, which is the word in that file as it stands there. \`tower order --key-file FILE\` signs so, and in a shell:

\`\`\`sh
mac=$(openssl dgst -sha256 -hmac "$(cat agent.key)" -r order.json | cut -c1-64)   # order.json ends with a line break
printf '#hmac-sha256 %s\\n' "$mac" >> order.json
\`\`\`

What comes without a valid signature is refused with \`signature\` and does not use its name up: its answer lies beside, under
\`response_{name}.refused-{n}.json\`. Files of other agents carry none.

## What no answer tells

\`responses/{agentid}/_notices.json\` says what else an agent should know as long as it holds: a file that has been lying under a
temporary name for ten minutes, too many requests at a time, a folder that was replaced, an order that waits for days until the
market opens.

## Envelope

${formText(envelopeForm)}

## Prices

| \`order_class\` (multi-leg: \`type\`) | prices |
| --- | --- |
${Object.entries(PRICES_BY_CLASS).map(priceRow).join('\n')}

## Payloads

${types.join('\n\n')}
`;
}

export const orderFormatPage = { path: 'docs/order-format.md', render };

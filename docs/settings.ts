/** docs/settings.md, made from the table that the settings are checked with. Must never be edited by hand in its result. */
import { connectionTable, settingsTable } from '../src/settings.schema.ts';

const CONNECTIONS: Readonly<Record<string, string>> = {
  ALPACA_PAPER_API_KEY: 'Key of the paper account. Without it, paper is served by the embedded exchange.',
  ALPACA_PAPER_SECRET_KEY: 'Its secret.',
  ALPACA_LIVE_API_KEY: 'Key of the live account. Used only when `live` is true.',
  ALPACA_LIVE_SECRET_KEY: 'Its secret.',
  ALPACA_PAPER_BASE_URL: 'Endpoint of the paper account; its `/stream` is the trade_updates stream.',
  ALPACA_LIVE_BASE_URL: 'Endpoint of the live account.',
  ALPACA_DATA_BASE_URL: 'Endpoint of market data.',
};

function render(): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|');
  const settings = settingsTable().map(
    ({ name, variable, value, rule, doc }) =>
      `| \`${name}\` | \`${variable}\` | \`${value}\` | ${cell(rule)} | ${cell(doc)} |`,
  );
  const connections = connectionTable.map(
    ({ variable, value }) =>
      `| \`${variable}\` | ${value === null ? 'none' : `\`${value}\``} | ${CONNECTIONS[variable]} |`,
  );
  return `# Settings

<!-- Made from src/settings.schema.ts by \`npm run docs\`. Do not edit. -->

Settings come from \`tower.config.json\` and \`.env\` in the home folder and from the environment. The environment beats
\`.env\`, which beats the file, which beats the default. An empty variable is one that is not given. Whatever is wrong is
told at once, with its name, rule and remedy, and the tower does not start; a name that does not exist is wrong, too.
Changes are read at the next start; those of keys also when the process gets SIGHUP.

\`\`\`json
{
  "live": false,
  "agents": { "riskbot": { "controller": true } },
  "budget": { "per_minute": 200 }
}
\`\`\`

## tower.config.json

| setting | variable | default | rule | meaning |
| --- | --- | --- | --- | --- |
${settings.join('\n')}

\`{id}\` is an agent id as in the order file names; in a variable it is written in upper case:
\`agents.riskbot.controller\` is \`TOWER_AGENTS_RISKBOT_CONTROLLER\`. An agent that is not listed may use paper, may not use
live and controls nobody, unless \`agents_only\` is true: then it may do nothing.

## Keys and endpoints

These stand in \`.env\` or the environment, never in \`tower.config.json\`. A key without its secret is an error. Instead of a
key or a secret itself, \`{variable}_FILE\` can name a file that holds it and nothing else, for example
\`ALPACA_PAPER_SECRET_KEY_FILE\`; a relative path begins at the home folder. A file with keys, \`.env\` too, must be closed to
other users (\`chmod 600\`), or the tower does not start. Neither does it with a key of the other account in the place of this
one, nor, once \`live\` is true, with settings that other users of the machine can write.

| variable | default | meaning |
| --- | --- | --- |
${connections.join('\n')}

An endpoint is scheme, host and port: https, or http on this machine. The paper endpoint cannot be the live one, nor the
other way round.

## Home folder

\`--home DIR\`, else \`TOWER_HOME\`, else the current folder. It is made at the first start.
`;
}

export const settingsPage = { path: 'docs/settings.md', render };

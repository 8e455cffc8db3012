/** Settings: where values come from, that every problem is told at once, and that no secret is ever shown. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { format, inspect } from 'node:util';
import { Secret } from './settings.keys.ts';
import { homeFolder, loadSettings, SettingsError, type SettingsProblem } from './settings.ts';

interface Given {
  readonly config?: unknown;
  readonly dotenv?: string;
  readonly env?: Record<string, string>;
  readonly files?: Record<string, string>;
  /** Mode bits by path below the home; 0600 where none are given. */
  readonly modes?: Record<string, number>;
}

function load({ config, dotenv, env = {}, files = {}, modes = {} }: Given) {
  const all: Record<string, string> = { ...files };
  if (config !== undefined) all['tower.config.json'] = typeof config === 'string' ? config : JSON.stringify(config);
  if (dotenv !== undefined) all['.env'] = dotenv;
  const below = (path: string): string => path.replace(/^\/home\/?/, '');
  return loadSettings({
    home: '/home',
    env,
    readFile: (path) => all[below(path)] ?? null,
    modeOf: (path) => 0o100000 | (modes[below(path)] ?? 0o600),
  });
}

function problems(given: Given): readonly SettingsProblem[] {
  try {
    load(given);
  } catch (error) {
    assert.ok(error instanceof SettingsError, String(error));
    return error.problems;
  }
  assert.fail('accepted');
}

/** The one problem of `given`, as name, rule and remedy in one line. */
function problem(given: Given): string {
  const all = problems(given);
  assert.equal(all.length, 1, inspect(all));
  const [one] = all;
  return `${one?.name} | ${one?.value} | ${one?.rule} | ${one?.remedy}`;
}

test('without any file the defaults hold, and live is off', () => {
  const settings = load({});
  assert.equal(settings.live, false);
  assert.deepEqual(settings.budget, { per_minute: 200, per_second: 10, data_per_minute: 200 });
  assert.deepEqual(settings.keys, { paper: null, live: null });
  assert.equal(settings.urls.paper, 'https://paper-api.alpaca.markets');
  assert.equal(settings.doubt.late_policy, 'cancel');
  assert.equal(settings.account.live, null);
});

test('the environment beats .env, which beats the file, which beats the default', () => {
  const config = { budget: { per_minute: 100, per_second: 5 }, live: true };
  const dotenv = 'TOWER_BUDGET_PER_MINUTE=90\nTOWER_LIVE=false\n';
  const settings = load({ config, dotenv, env: { TOWER_BUDGET_PER_MINUTE: '80', TOWER_FILES_POLL_MS: '20' } });
  assert.deepEqual(settings.budget, { per_minute: 80, per_second: 5, data_per_minute: 200 });
  assert.equal(settings.live, false);
  assert.equal(settings.files.poll_ms, 20);
});

test('an empty variable is one that is not given', () => {
  assert.equal(load({ dotenv: 'ALPACA_PAPER_API_KEY=\nALPACA_PAPER_SECRET_KEY=\n' }).keys.paper, null);
  const both = load({ dotenv: 'TOWER_BUDGET_PER_SECOND=7', env: { TOWER_BUDGET_PER_SECOND: '' } });
  assert.equal(both.budget.per_second, 7);
});

test('agents come from the file and the environment, with the defaults of what is not said', () => {
  const settings = load({
    config: { agents: { riskbot: { live: true } } },
    env: { TOWER_AGENTS_RISKBOT_CONTROLLER: 'true', TOWER_AGENTS_ONLY: 'true' },
  });
  const rest = {
    weight: 1,
    per_minute: null,
    folder: false,
    uid: null,
    gid: null,
    key_file: null,
    key: null,
    allotment: null,
    limits: {},
  };
  assert.deepEqual([...settings.agents], [['riskbot', { controller: true, live: true, enabled: true, ...rest }]]);
  assert.equal(settings.agents_only, true);
});

test('limits come for the account, for every agent, and for one of them', () => {
  const settings = load({
    config: {
      limits: { account: { gross_value: 100000, symbols: ['AAPL', 'BTC/USD'] }, agent: { order_value: '2500.50' } },
      agents: { alpha: { allotment: 5000, limits: { order_value: 100 } } },
    },
    env: {
      TOWER_LIMITS_AGENT_OPEN_ORDERS: '20',
      TOWER_AGENTS_BETA_LIMITS_ORDER_QTY: '3',
      TOWER_LIMITS_ACCOUNT_SIDES: 'buy',
    },
  });
  assert.equal(settings.limits.account.gross_value, '100000');
  assert.deepEqual(settings.limits.account.sides, ['buy']);
  assert.deepEqual([settings.limits.agent.order_value, settings.limits.agent.open_orders], ['2500.50', 20]);
  assert.deepEqual(settings.agents.get('alpha')?.limits, { order_value: '100' });
  assert.deepEqual(
    [settings.agents.get('alpha')?.allotment, settings.agents.get('beta')?.limits],
    ['5000', { order_qty: '3' }],
  );
});

test('a limit above its ceiling, with a wrong form or an unknown name is refused by name', () => {
  for (const [limits, name] of [
    [{ agent: { order_value: 1_000_000_000 } }, 'limits.agent.order_value'],
    [{ agent: { order_value: '1e5' } }, 'limits.agent.order_value'],
    [{ account: { hours: '9-16' } }, 'limits.account.hours'],
    [{ agent: { order_valu: 5 } }, 'limits.agent.order_valu'],
    [{ conflicts: 'maybe' }, 'limits.conflicts'],
  ] as const) {
    assert.throws(
      () => load({ config: { limits } }),
      (error) => error instanceof SettingsError && error.problems.some((one) => one.name.startsWith(name)),
      name,
    );
  }
});

test('an agent named like a property of every object is just an agent', () => {
  assert.equal(load({}).agents.get('constructor'), undefined);
  assert.equal(load({ env: { TOWER_AGENTS_CONSTRUCTOR_LIVE: 'true' } }).agents.get('constructor')?.live, true);
});

test('what is returned cannot be changed', () => {
  const settings = load({ config: { agents: { a: {} } } });
  assert.throws(() => Object.assign(settings, { live: true }), TypeError);
  assert.throws(() => Object.assign(settings.budget, { per_minute: 1 }), TypeError);
  assert.throws(() => Object.assign(settings.agents.get('a') ?? {}, { live: true }), TypeError);
});

test('every problem is told at once, with name, value, rule and remedy', () => {
  const all = problems({
    config: {
      budget: { per_minute: '200', persecond: 3 },
      lives: true,
      agents: { 'Bad Id': {}, a: { lve: true } },
      doubt: 5,
    },
    dotenv: 'TOWER_LOG_LEVEL=loud\nALPACA_PAPER_API_KEY=PKABC\nALPACA_LIVE_BASE_UR=x',
    env: { TOWER_BUDGT_PER_MINUTE: '5', TOWER_LIVE: 'yes' },
  });
  const names = all.map(({ name, value, remedy }) => `${name} | ${value} | ${remedy}`).sort();
  assert.deepEqual(names, [
    'ALPACA_LIVE_BASE_UR in .env | null | Did you mean ALPACA_LIVE_BASE_URL?',
    'ALPACA_PAPER_SECRET_KEY | null | Set both in .env, or neither.',
    'TOWER_BUDGT_PER_MINUTE in the environment | null | Did you mean TOWER_BUDGET_PER_MINUTE?',
    'TOWER_LIVE in the environment | "yes" | Correct it, or remove it for the default false.',
    'TOWER_LOG_LEVEL in .env | "loud" | Correct it, or remove it for the default "info".',
    'agents.Bad Id in tower.config.json | null | Write the id as in the order file names.',
    'agents.a.lve in tower.config.json | null | Did you mean live?',
    'budget.per_minute in tower.config.json | "200" | Correct it, or remove it for the default 200.',
    'budget.persecond in tower.config.json | null | Did you mean budget.per_second?',
    'doubt in tower.config.json | null | Write { "name": value, … } there.',
    'lives in tower.config.json | null | Did you mean live?',
  ]);
  assert.match(
    all.find(({ name }) => name.startsWith('budget.per_minute'))?.rule ?? '',
    /whole number from 1 to 10000/,
  );
});

test('a file with another ending is refused, not overlooked', () => {
  assert.match(
    problem({ files: { 'tower.config.yaml': 'live: true' } }),
    /^tower\.config\.yaml .*only JSON is read.*tower\.config\.json/,
  );
});

test('a file that is not JSON is refused with the place, without its text', () => {
  const told = problem({ config: '{\n  "live": true,\n  hunter2\n}' });
  assert.match(told, /not one JSON object: reading stopped at line 3, column 3/);
  assert.doesNotMatch(told, /hunter2/);
  assert.match(problem({ config: '[1]' }), /is not one JSON object/);
});

test('a setting that the file gives twice is refused, not taken from the second place', () => {
  assert.match(problem({ config: '{ "live": false, "live": true }' }), /says live twice/);
});

test('an unreadable file is a problem, not an absent file', () => {
  const readFile = (path: string): string | null => {
    if (path.endsWith('.env')) throw new Error('EACCES: permission denied');
    return null;
  };
  assert.throws(
    () => loadSettings({ home: '/home', env: {}, readFile, modeOf: () => null }),
    /\.env: must be a file that can be read.*EACCES/,
  );
});

test('keys come in pairs, and a secret is shown to nobody who does not ask', () => {
  const { keys } = load({ dotenv: 'ALPACA_PAPER_API_KEY=PK1', env: { ALPACA_PAPER_SECRET_KEY: 'hunter2' } });
  assert.equal(keys.paper?.secret.reveal(), 'hunter2');
  for (const shown of [
    String(keys.paper?.secret),
    JSON.stringify(keys),
    inspect(keys, { depth: 9, showHidden: true }),
    format('%o', keys),
  ]) {
    assert.doesNotMatch(shown, /hunter2/);
  }
  const odd = problem({ env: { ALPACA_LIVE_API_KEY: 'AK1', ALPACA_LIVE_SECRET_KEY: 'hunter2 hunter2' } });
  assert.match(odd, /^ALPACA_LIVE_SECRET_KEY/);
  assert.doesNotMatch(odd, /hunter2/);
});

const PAIR = 'ALPACA_PAPER_API_KEY=PK1\nALPACA_PAPER_SECRET_KEY=hunter2\n';

test('keys that other users can read are refused with the command that mends it', () => {
  for (const mode of [0o644, 0o640, 0o604, 0o660, 0o606]) {
    const told = problem({ dotenv: PAIR, modes: { '.env': mode } });
    assert.match(told, /^\.env \| null \| holds a key, .*Run: chmod 600 \/home\/\.env$/);
    assert.ok(told.includes(`(mode ${mode.toString(8)})`));
  }
  for (const mode of [0o600, 0o400]) assert.doesNotThrow(() => load({ dotenv: PAIR, modes: { '.env': mode } }));
  // The template holds no key yet.
  assert.doesNotThrow(() => load({ dotenv: 'ALPACA_PAPER_API_KEY=\nTOWER_LIVE=false', modes: { '.env': 0o644 } }));
});

test('a key may stand in a file of its own, which is held to the same rights', () => {
  const env = { ALPACA_PAPER_API_KEY: 'PK1', ALPACA_PAPER_SECRET_KEY_FILE: 'keys/paper secret' };
  const files = { 'keys/paper secret': 'hunter2\n' };
  assert.equal(load({ env, files }).keys.paper?.secret.reveal(), 'hunter2');
  const told = problem({ env, files, modes: { 'keys/paper secret': 0o440 } });
  assert.match(told, /ALPACA_PAPER_SECRET_KEY_FILE in the environment \| \/home\/keys\/paper secret \| holds a key/);
  assert.match(told, /Run: chmod 600 '\/home\/keys\/paper secret'$/);
  assert.match(problem({ env }), /there is no such file/);
  assert.match(problem({ env: { ...env, ALPACA_PAPER_SECRET_KEY: 'x' }, files }), /are both given/);
  const odd = problem({ env, files: { 'keys/paper secret': 'hunter2 hunter2' } });
  assert.match(odd, /must be one word/);
  assert.doesNotMatch(odd, /hunter2/);
  assert.match(
    problem({ env: { ALPACA_PAPER_SECRET_KEY_FLE: 'x' }, dotenv: 'ALPACA_PAPER_SECRET_KEY_FLE=x' }),
    /_FILE\?$/,
  );
});

test('a key that was made for the other account is refused by its first letters', () => {
  const pair = (mode: string, id: string) => ({
    env: { [`ALPACA_${mode}_API_KEY`]: id, [`ALPACA_${mode}_SECRET_KEY`]: 'hunter2' },
  });
  const told = problem(pair('PAPER', 'AKABCDEFGH0123456789'));
  assert.match(told, /is a key of a live account: it begins with AK .*Put it into ALPACA_LIVE_API_KEY/);
  assert.doesNotMatch(told, /ABCDEFGH|hunter2/);
  assert.match(problem(pair('LIVE', 'PKABCDEFGH0123456789')), /is a key of a paper account/);
  assert.doesNotThrow(() => load(pair('PAPER', 'PKABCDEFGH0123456789')));
  assert.doesNotThrow(() => load(pair('LIVE', 'AKABCDEFGH0123456789')));
});

test('with live on, nobody else may write what switched it on', () => {
  const config = { live: true };
  assert.match(
    problem({ config, modes: { 'tower.config.json': 0o664 } }),
    /tower\.config\.json \| null \| may be written by other users .*Run: chmod go-w \/home\/tower\.config\.json$/,
  );
  assert.match(problem({ config, modes: { '': 0o777 } }), /^\/home \| /);
  assert.doesNotThrow(() => load({ config, modes: { '': 0o1777, 'tower.config.json': 0o644 } }));
  assert.doesNotThrow(() => load({ config: { live: false }, modes: { '': 0o777, 'tower.config.json': 0o666 } }));
});

test('keys in the settings file are refused without being shown', () => {
  const told = problem({ config: { paper_secret_key: 'hunter2' } });
  assert.match(told, /Keys belong in \.env/);
  assert.doesNotMatch(told, /hunter2/);
});

test('the same keys for both accounts are refused', () => {
  const env = {
    ALPACA_PAPER_API_KEY: 'K',
    ALPACA_PAPER_SECRET_KEY: 'a',
    ALPACA_LIVE_API_KEY: 'K',
    ALPACA_LIVE_SECRET_KEY: 'b',
  };
  assert.match(problem({ env }), /must differ/);
});

test('endpoints are https, or http on this machine, without a path, and never those of the other account', () => {
  const paper = (url: string) => ({ env: { ALPACA_PAPER_BASE_URL: url } });
  assert.equal(load(paper('http://127.0.0.1:9000/')).urls.paper, 'http://127.0.0.1:9000');
  assert.equal(load(paper('http://[::1]:9000')).urls.paper, 'http://[::1]:9000');
  assert.match(problem(paper('http://paper.example')), /must be https/);
  assert.match(problem(paper('http://127.0.0.1.evil.example')), /must be https/);
  assert.match(problem(paper('https://paper-api.alpaca.markets/v2')), /Leave out the path/);
  assert.match(problem(paper('https://api.alpaca.markets')), /is the host of ALPACA_LIVE_BASE_URL/);
  assert.match(problem(paper('paper')), /must be a URL/);
  const told = problem(paper('https://user:hunter2@paper.example'));
  assert.doesNotMatch(told, /hunter2/);
});

test('settings that contradict each other are refused', () => {
  assert.match(
    problem({ config: { budget: { per_second: 300 } } }),
    /budget\.per_second \| 300 \| must not be above budget\.per_minute/,
  );
  assert.equal(problems({ config: { send_by: { max_seconds: 10 } } }).length, 2);
});

test('only the environment can say where the home is', () => {
  assert.match(problem({ dotenv: 'TOWER_HOME=/elsewhere' }), /says where \.env is/);
  assert.doesNotThrow(() => load({ env: { TOWER_HOME: '/x' } }));
  assert.equal(homeFolder(undefined, { TOWER_HOME: 'b' }, '/a'), '/a/b');
  assert.equal(homeFolder('/c', { TOWER_HOME: 'b' }, '/a'), '/c');
  assert.equal(homeFolder(undefined, {}, '/a'), '/a');
});

test('a secret survives neither copy nor template', () => {
  const secret = new Secret('hunter2');
  assert.equal(`${secret}`, '[secret]');
  assert.doesNotMatch(JSON.stringify({ ...secret, secret }), /hunter2/);
});

test('switches for tests work in tests only', () => {
  const env = { TOWER_TEST: '1', TOWER_FAILPOINT: 'a:kill', TOWER_SABOTAGE: '2' };
  assert.deepEqual(load({ env }).testing, { on: true, failpoint: 'a:kill', sabotage: '2' });
  assert.deepEqual(load({}).testing, { on: false, failpoint: '', sabotage: '' });
  assert.match(problem({ env: { TOWER_FAILPOINT: 'a:kill' } }), /needs TOWER_TEST=1/);
  assert.match(problem({ dotenv: 'TOWER_TEST=1' }), /is for tests/);
});

/**
 * The example agents, run as a reader would run them, against a tower as a reader would start it: no keys, a fresh home.
 * Must never use anything but the command and the folders.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

const COMMAND = join('bin', 'tower');
const home = mkdtempSync(join(tmpdir(), 'tower-examples-'));
// Whatever keys and settings the machine has must not reach this tower.
const ours = (name: string): boolean => /^(?:TOWER_|ALPACA_)/.test(name);
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours(name)));
let tower: ChildProcess;
let output = '';

before(async () => {
  tower = spawn(COMMAND, ['start', '--home', home], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((ready, failed) => {
    tower.once('exit', (code) => failed(new Error(`the tower ended with ${code}: ${output}`)));
    tower.stdout?.on('data', (chunk) => {
      output += chunk;
      if (output.includes('ready')) ready();
    });
  });
});

after(async () => {
  if (tower.exitCode === null) {
    const ended = new Promise((resolve) => tower.once('exit', resolve));
    tower.kill('SIGTERM');
    await ended;
  }
  rmSync(home, { recursive: true, force: true });
});

/** Runs an agent to its end and answers what it printed as JSON. */
function answerOf(command: string, ...args: string[]): Record<string, unknown> {
  const { status, stdout, stderr } = spawnSync(command, [...args, home], { env, encoding: 'utf8', timeout: 20_000 });
  assert.equal(status, 0, `${stdout}${stderr}`);
  return JSON.parse(stdout);
}

test('the shell agent trades', () => {
  const answer = answerOf('sh', 'examples/agent.sh');
  assert.deepEqual([answer['agent_id'], answer['status'], answer['sent']], ['shagent', 'success', 'yes']);
});

test('the Python agent trades', (t) => {
  if (spawnSync('python3', ['--version'], { env }).status !== 0) {
    t.diagnostic('this machine has no python3');
    return;
  }
  const answer = answerOf('python3', 'examples/agent.py');
  assert.deepEqual([answer['agent_id'], answer['status'], answer['sent']], ['pyagent', 'success', 'yes']);
});

test('the command trades without a file of one’s own', () => {
  const fields = ['--symbol', 'AAPL', '--qty', '1', '--order-class', 'market', '--time-in-force', 'day'];
  const answer = answerOf(COMMAND, 'order', 'stockbuy', '--agent', 'me', ...fields, '--wait', '--json', '--home');
  assert.equal(answer['status'], 'success');
});

test('every sample is taken, and answered', async () => {
  const incoming = join(home, 'orders/incoming');
  const written = spawnSync(COMMAND, ['samples', '--out', incoming, '--json'], { env, encoding: 'utf8' });
  const files: { type: string; file: string }[] = JSON.parse(written.stdout);
  const answers = join(home, 'responses/sample/paper');
  const end = performance.now() + 15_000;
  const answered = (): number =>
    existsSync(answers)
      ? readdirSync(answers, { recursive: true }).filter((name) => String(name).endsWith('.json')).length
      : 0;
  while (answered() < files.length && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(answered(), files.length);
});

test('the tower says how it stands, and stops with 0 when it is asked to', async () => {
  const status = spawnSync(COMMAND, ['status', '--json', '--home', home], { env, encoding: 'utf8' });
  assert.equal(status.status, 0, status.stderr);
  const report = JSON.parse(status.stdout);
  assert.deepEqual([report.running, report.modes[0].service], [true, 'embedded exchange']);
  const code = new Promise((resolve) => tower.once('exit', resolve));
  tower.kill('SIGTERM');
  assert.equal(await code, 0);
  assert.match(output, /"event":"stopped"/);
});

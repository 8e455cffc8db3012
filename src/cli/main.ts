/**
 * The entry of the `tower` command: the one place that reads the process's environment, arguments, streams and signals.
 * Must never hold logic of its own: program.ts does, with what is handed to it here.
 */
import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { userInfo } from 'node:os';
import { systemClock } from '../lib/clock.ts';
import { systemRandom } from '../lib/random.ts';
import type { Context } from './context.ts';
import { run } from './program.ts';

const terminal = process.stdout.isTTY === true;

/** Who runs the command; behind sudo, who asked for it. */
function user(): string {
  const asked = process.env['SUDO_USER'];
  try {
    const { username } = userInfo();
    return asked === undefined || asked === username ? username : `${username} for ${asked}`;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

const context: Context = {
  env: process.env,
  node: process.versions.node,
  cwd: process.cwd(),
  clock: systemClock,
  random: systemRandom,
  terminal,
  colour: terminal && !process.env['NO_COLOR'],
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  user: user(),
  kill: (pid) => void process.kill(pid, 'SIGKILL'),
  onInterrupt(stop) {
    let asked = false;
    const interrupt = (): void => {
      // The exit code that shells give a process which a signal ended.
      if (asked) process.exit(130);
      asked = true;
      stop();
    };
    process.on('SIGINT', interrupt);
    process.on('SIGTERM', interrupt);
  },
  onHangup: (run) => void process.on('SIGHUP', run),
  isAlive(pid) {
    try {
      process.kill(pid, 0);
      return true;
    } catch (error) {
      // EPERM: it lives, under another user.
      return error instanceof Error && 'code' in error && error.code === 'EPERM';
    }
  },
};

// Without a debugger behind it the signal would end the tower.
process.on('SIGUSR1', () => {});

// Who reads our output may leave early (`tower samples | head`, a log collector that restarts): nothing stops for that.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

const { version }: { version: string } = JSON.parse(readFileSync(findPackageJSON('..', import.meta.url) ?? '', 'utf8'));

const code = await run(process.argv.slice(2), context, version, async (options) => {
  // Only `start` pays for loading the whole tower.
  const { startTower } = await import('../tower.ts');
  return startTower(options);
});
// A tower that cannot go on may still have timers and sockets open: they end with it.
if (code === 0) process.exitCode = 0;
else process.exit(code);

// A tower that had to give up may leave work behind that would keep the process alive; the next start recovers it.
process.exit(code);

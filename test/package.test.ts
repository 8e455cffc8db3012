/** The package that is published runs as compiled JavaScript, and brings no Node of its own. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { it } from 'node:test';

const root = join(import.meta.dirname, '..');

it('compiles, and its command works', () => {
  const folder = mkdtempSync(join(tmpdir(), 'package-'));
  try {
    const target = join(folder, 'package');
    execFileSync(process.execPath, [join(root, 'build/package.ts'), target], { stdio: 'pipe' });
    const manifest = JSON.parse(readFileSync(join(target, 'package.json'), 'utf8'));
    assert.equal(manifest.optionalDependencies, undefined);
    assert.equal(manifest.private, undefined);
    // Where npm would install it: the dependencies stand one folder up.
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    const env = {
      ...process.env,
      PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
      TOWER_HOME: join(folder, 'home'),
    };
    const samples = spawnSync(join(target, 'bin/tower'), ['samples', '--out', join(folder, 'samples')], {
      env,
      encoding: 'utf8',
    });
    assert.equal(samples.status, 0, samples.stderr);
    const files = readdirSync(join(folder, 'samples')).map((file) => join(folder, 'samples', file));
    assert.equal(files.length, 13);
    const check = spawnSync(join(target, 'bin/tower'), ['check', ...files], { env, encoding: 'utf8' });
    assert.equal(check.status, 0, check.stdout + check.stderr);
    // What was compiled is kept inside the package, where nobody else can write.
    const cache = join(target, 'node_modules/.cache/tower');
    assert.ok(readdirSync(cache, { recursive: true }).length > 20);
    // A package that cannot be written to works all the same.
    const unkept = spawnSync(join(target, 'bin/tower'), ['--version'], {
      env: { ...env, NODE_COMPILE_CACHE: join(target, 'package.json/cache') },
      encoding: 'utf8',
    });
    assert.deepEqual([unkept.status, unkept.stderr], [0, '']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/**
 * Makes the package that is published: compiled JavaScript, without the Node that a clone brings along.
 * `node build/package.ts [FOLDER]` (default `dist`), then `npm publish FOLDER`. Must never publish the clone itself.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const target = resolve(process.argv[2] ?? join(root, 'dist'));

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
const tsc = spawnSync(
  join(root, 'node_modules/.bin/tsc'),
  ['-p', join(root, 'tsconfig.build.json'), '--outDir', join(target, 'src')],
  {
    stdio: 'inherit',
  },
);
if (tsc.status !== 0) process.exit(tsc.status ?? 1);

const {
  private: _,
  scripts: __,
  devDependencies: ___,
  optionalDependencies: ____,
  ...kept
} = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const manifest = { ...kept, engines: { node: '>=24' }, files: ['bin', 'src', 'docs', 'examples', '*.md', 'LICENSE'] };
writeFileSync(join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
for (const item of ['README.md', 'CHANGELOG.md', 'ARCHITECTURE.md', 'LICENSE', 'examples', 'bin'])
  cpSync(join(root, item), join(target, item), { recursive: true });
cpSync(join(root, 'docs'), join(target, 'docs'), { recursive: true, filter: (file) => !file.endsWith('.ts') });
chmodSync(join(target, 'bin/tower'), 0o755);
console.log(`package ready in ${target}: publish it with npm publish ${target}`);

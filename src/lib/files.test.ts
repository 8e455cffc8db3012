/** The real file system: what is synced before what, what is opened and what is not, what is replaced and what never. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, mock, test } from 'node:test';
import { dirEntry, type Files, SWAPPED, systemFiles, TEMP_FOLDER } from './files.ts';

const homes: string[] = [];
const opened: Files[] = [];
afterEach(async () => {
  mock.restoreAll();
  for (const files of opened.splice(0)) await files.close();
  for (const home of homes.splice(0)) fs.rmSync(home, { recursive: true, force: true });
});

function makeHome(spares = 0): { readonly home: string; readonly files: Files } {
  const home = fs.mkdtempSync(path.join(tmpdir(), 'files-'));
  homes.push(home);
  const files = systemFiles(home, { temps: TEMP_FOLDER, spares });
  opened.push(files);
  for (const folder of ['in', 'out', TEMP_FOLDER]) files.makeFolder(folder);
  return { home, files };
}

/** The calls that matter for durability from here on, with the files that they are about, in their order. */
function watchCalls(home: string): string[] {
  const calls: string[] = [];
  const names = new Map<number, string>();
  // Folders are held open, and named by their descriptors.
  const named = (file: string): string =>
    file.replace(/^\/proc\/self\/fd\/[0-9]+/, (descriptor) => fs.readlinkSync(descriptor));
  const short = (file: unknown): string =>
    path.relative(home, named(String(file))).replace(/^data\/tmp\/.*/, 'a temporary file');
  const { openSync, writeFileSync, fsync, fsyncSync, rename, renameSync, linkSync } = fs;
  mock.method(fs, 'openSync', (...args: Parameters<typeof openSync>) => {
    const fd = openSync(...args);
    names.set(fd, short(args[0]));
    return fd;
  });
  mock.method(fs, 'writeFileSync', (...args: Parameters<typeof writeFileSync>) => {
    calls.push(`write ${names.get(Number(args[0]))}`);
    writeFileSync(...args);
  });
  mock.method(fs, 'fsyncSync', (fd: number) => {
    calls.push(`fsync ${names.get(fd)}`);
    fsyncSync(fd);
  });
  mock.method(fs, 'fsync', (...[fd, done]: Parameters<typeof fsync>) => {
    calls.push(`fsync ${names.get(fd)}`);
    fsync(fd, done);
  });
  mock.method(fs, 'rename', (...args: Parameters<typeof rename>) => {
    calls.push(`rename ${short(args[0])} to ${short(args[1])}`);
    rename(...args);
  });
  mock.method(fs, 'renameSync', (...args: Parameters<typeof renameSync>) => {
    calls.push(`rename ${short(args[0])} to ${short(args[1])}`);
    renameSync(...args);
  });
  mock.method(fs, 'linkSync', (...args: Parameters<typeof linkSync>) => {
    calls.push(`link ${short(args[0])} to ${short(args[1])}`);
    linkSync(...args);
  });
  return calls;
}

describe('durable writing', () => {
  test('the content is synced before it gets its name', async () => {
    const { home, files } = makeHome();
    const calls = watchCalls(home);
    await files.publish('out/a.json', '{}');
    assert.deepEqual(calls.splice(0), [
      'write a temporary file',
      'fsync a temporary file',
      'rename a temporary file to out/a.json',
    ]);
    await files.publishNew('out/b.json', Buffer.from('{}'));
    assert.deepEqual(calls, [
      'write a temporary file',
      'fsync a temporary file',
      'link a temporary file to out/b.json',
    ]);
    assert.deepEqual(files.list(TEMP_FOLDER), []);
  });

  test('what is asked for together is written before the first of it is synced', async () => {
    const { home, files } = makeHome();
    const calls = watchCalls(home);
    await Promise.all([
      files.publish('out/a.json', '{}'),
      files.publishNew('out/b.json', Buffer.from('{}')),
      files.publish('out/c.json', '{}'),
    ]);
    assert.deepEqual(
      calls.slice(0, 6).map((call) => call.split(' ')[0]),
      ['write', 'write', 'write', 'fsync', 'fsync', 'fsync'],
    );
  });

  test('syncs a folder, and the parents of a folder that it makes, also when it exists by now', async () => {
    const { home, files } = makeHome();
    const calls = watchCalls(home);
    await files.syncFolder('out');
    assert.deepEqual(calls.splice(0), ['fsync out']);
    files.makeFolder('out/one/two');
    assert.deepEqual(calls.splice(0), ['fsync out/one', 'fsync out', 'fsync ']);
    files.makeFolder('out/one');
    assert.deepEqual(calls, ['fsync out', 'fsync ']);
  });

  test('a write that fails is thrown and leaves nothing behind', async () => {
    const { home, files } = makeHome();
    mock.method(fs, 'fsync', (...[, done]: Parameters<typeof fs.fsync>) => {
      done(Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' }));
    });
    await assert.rejects(files.publish('out/a.json', '{}'), /EIO/);
    await assert.rejects(files.publishNew('out/a.json', Buffer.from('{}')), /EIO/);
    assert.deepEqual([fs.readdirSync(path.join(home, 'out')), files.list(TEMP_FOLDER)], [[], []]);
  });

  test('an answer whose folder is gone leaves no temporary file', async () => {
    const { home, files } = makeHome();
    files.makeFolder('out/day');
    fs.rmSync(path.join(home, 'out'), { recursive: true });
    await assert.rejects(files.publish('out/day/a.json', '{}'), { code: 'ENOENT' });
    assert.deepEqual(files.list(TEMP_FOLDER), []);
  });

  test('publish replaces, publishNew puts nothing in its place and never over what is there', async () => {
    const { home, files } = makeHome();
    const text = (): string => fs.readFileSync(path.join(home, 'out/a.json'), 'utf8');
    await files.publish('out/a.json', 'one');
    await files.publish('out/a.json', 'two');
    assert.equal(text(), 'two');
    assert.equal(await files.publishNew('out/a.json', Buffer.from('three')), false);
    assert.equal(text(), 'two');
    assert.equal(await files.publishNew('out/a.json', Buffer.from('two')), true);
    assert.deepEqual(files.list(TEMP_FOLDER), []);
  });
});

describe('files of others', () => {
  const drop = (home: string, name: string, text: string): string => {
    const file = path.join(home, 'in', name);
    fs.writeFileSync(file, text);
    return file;
  };

  test('a claim moves the very file', () => {
    const { home, files } = makeHome();
    const { ino } = fs.statSync(drop(home, 'a.json', '{}'));
    assert.equal(files.claim('in', dirEntry('a.json'), 'out/b.json'), true);
    assert.equal(fs.statSync(path.join(home, 'out/b.json')).ino, ino);
    assert.equal(files.claim('in', dirEntry('a.json'), 'out/c.json'), false);
  });

  test('the watch tells of what others do, and not of what was claimed', async () => {
    const { home, files } = makeHome();
    drop(home, 'a.json', '{}');
    const rung: (string | undefined)[] = [];
    let last = '';
    await new Promise<void>((done) => {
      const stop = files.watch('in', (entry) => {
        rung.push(entry?.name);
        if (entry?.name !== last) return;
        stop();
        done();
      });
      files.claim('in', dirEntry('a.json'), 'out/a.json');
      last = 'b.json';
      drop(home, last, '{}');
    });
    assert.ok(!rung.includes('a.json'), rung.join());
  });

  test('a symbolic link is told and not followed', () => {
    const { home, files } = makeHome();
    fs.symlinkSync(drop(home, 'secret', 'canary'), path.join(home, 'in/a.json'));
    assert.partialDeepStrictEqual(files.peek('in', dirEntry('a.json'), 100), {
      kind: 'foreign',
      what: 'a symbolic link',
    });
  });

  test('a link that was swapped in between look and opening is not followed either', () => {
    const { home, files } = makeHome();
    const secret = drop(home, 'secret', 'canary');
    const file = drop(home, 'a.json', '{}');
    const { lstatSync } = fs;
    mock.method(fs, 'lstatSync', (...args: Parameters<typeof lstatSync>) => {
      const look = lstatSync(...args);
      fs.unlinkSync(file);
      fs.symlinkSync(secret, file);
      return look;
    });
    assert.partialDeepStrictEqual(files.peek('in', dirEntry('a.json'), 100), {
      kind: 'foreign',
      what: 'a symbolic link',
    });
  });

  test('a FIFO that was put in between look and opening does not block', () => {
    const { home, files } = makeHome();
    const file = drop(home, 'a.json', '{}');
    const { lstatSync } = fs;
    mock.method(fs, 'lstatSync', (...args: Parameters<typeof lstatSync>) => {
      const look = lstatSync(...args);
      fs.unlinkSync(file);
      execFileSync('mkfifo', [file]);
      return look;
    });
    assert.partialDeepStrictEqual(files.peek('in', dirEntry('a.json'), 100), { kind: 'foreign', what: 'a FIFO' });
  });

  test('a second name, a size beyond the limit and a file that is gone are told', () => {
    const { home, files } = makeHome();
    fs.linkSync(drop(home, 'a.json', '{}'), path.join(home, 'in/b.json'));
    assert.partialDeepStrictEqual(files.peek('in', dirEntry('b.json'), 100), { kind: 'linked', links: 2 });
    drop(home, 'c.json', 'x'.repeat(101));
    const large = files.peek('in', dirEntry('c.json'), 100);
    assert.ok(large.kind === 'too_large' && large.size === 101);
    assert.deepEqual(files.peek('in', dirEntry('d.json'), 100), { kind: 'gone' });
  });

  test('a name that is not UTF-8 is listed, read and claimed', () => {
    const { home, files } = makeHome();
    const raw = Buffer.from([0x61, 0xff, 0x62]);
    fs.writeFileSync(Buffer.concat([Buffer.from(`${home}/in/`), raw]), 'x');
    const [entry] = files.list('in');
    assert.ok(entry?.raw.equals(raw));
    assert.ok(entry);
    assert.equal(files.peek('in', entry, 100).kind, 'file');
    assert.equal(files.claim('in', entry, 'out/unnamed'), true);
  });
});

describe('folders that change under their names', () => {
  const outside = (home: string): string => {
    const folder = path.join(home, 'outside');
    fs.mkdirSync(folder);
    fs.writeFileSync(path.join(folder, 'a.json'), 'canary');
    return folder;
  };
  const swapForLink = (home: string, folder: string, target: string): void => {
    fs.renameSync(path.join(home, folder), path.join(home, 'moved'));
    fs.symlinkSync(target, path.join(home, folder));
  };
  const swapped = { code: SWAPPED };

  test('a link in its place is neither listed, read nor written through, and is told', async () => {
    const { home, files } = makeHome();
    const target = outside(home);
    fs.writeFileSync(path.join(home, 'in/b.json'), '{}');
    swapForLink(home, 'in', target);
    assert.throws(() => files.list('in'), swapped);
    assert.equal(files.peek('in', dirEntry('a.json'), 100).kind, 'gone');
    assert.equal(files.peek('in', dirEntry('b.json'), 100).kind, 'file');
    await files.publish('in/c.json', 'one');
    assert.deepEqual(fs.readdirSync(path.join(home, 'moved')).sort(), ['b.json', 'c.json']);
    await assert.rejects(files.syncFolder('in'), swapped);
    assert.throws(() => files.makeFolder('in'), swapped);
    assert.deepEqual(fs.readdirSync(target), ['a.json']);
    assert.equal(fs.readFileSync(path.join(target, 'a.json'), 'utf8'), 'canary');
  });

  test('a link on the way down is not followed', async () => {
    const { home, files } = makeHome();
    fs.symlinkSync(outside(home), path.join(home, 'out/agent'));
    assert.throws(() => files.makeFolder('out/agent/day'), { code: 'ENOTDIR' });
    await assert.rejects(files.publish('out/agent/a.json', '{}'), { code: 'ENOTDIR' });
    assert.throws(() => files.read('out/agent/a.json'), { code: 'ENOTDIR' });
    assert.equal(fs.readFileSync(path.join(home, 'outside/a.json'), 'utf8'), 'canary');
  });

  test('a folder that was taken away is made anew, with what lies in it', async () => {
    const { home, files } = makeHome();
    files.makeFolder('out/agent/day');
    await files.publish('out/agent/day/a.json', 'one');
    fs.rmSync(path.join(home, 'out'), { recursive: true });
    await assert.rejects(files.syncFolder('out/agent/day'), { code: 'ENOENT' });
    files.makeFolder('out/agent/day');
    await files.publish('out/agent/day/a.json', 'two');
    await files.syncFolder('out/agent/day');
    assert.equal(fs.readFileSync(path.join(home, 'out/agent/day/a.json'), 'utf8'), 'two');
  });

  test('many more folders than are held open are written at once', async () => {
    const { home, files } = makeHome();
    const folders = Array.from({ length: 200 }, (_, n) => `out/agent${n}/day`);
    for (const folder of folders) files.makeFolder(folder);
    await Promise.all(folders.map((folder) => files.publish(`${folder}/a.json`, folder)));
    for (const folder of folders) assert.equal(fs.readFileSync(path.join(home, folder, 'a.json'), 'utf8'), folder);
    const open = fs.readdirSync('/proc/self/fd').length;
    files.makeFolder('out/one/more');
    assert.ok(fs.readdirSync('/proc/self/fd').length <= open + 3 && open < 330, `${open} descriptors`);
  });
});

test('what is planted where the tower reads is neither waited for nor followed', async () => {
  const { home, files } = makeHome();
  const secret = path.join(home, 'secret');
  fs.writeFileSync(secret, 'canary');
  execFileSync('mkfifo', [path.join(home, 'out/fifo.json')]);
  fs.symlinkSync(secret, path.join(home, 'out/link.json'));
  fs.mkdirSync(path.join(home, 'out/folder.json'));
  for (const name of ['fifo.json', 'link.json', 'folder.json']) {
    assert.equal(files.read(`out/${name}`), null, name);
    assert.equal(await files.publishNew(`out/${name}`, Buffer.from('canary')), false, name);
  }
  await files.publish('out/fifo.json', 'one');
  await files.publish('out/link.json', 'one');
  assert.deepEqual(
    [fs.readFileSync(path.join(home, 'out/fifo.json'), 'utf8'), fs.readFileSync(secret, 'utf8')],
    ['one', 'canary'],
  );
});

test('the folder of temporary files is made again when somebody has taken it away', async () => {
  const home = fs.mkdtempSync(path.join(tmpdir(), 'files-'));
  const files = systemFiles(home, { temps: 'data/tmp' });
  for (const folder of ['data/tmp', 'out']) files.makeFolder(folder);
  await files.publish('out/one', 'one');
  fs.rmSync(path.join(home, 'data/tmp'), { recursive: true });
  await files.publish('out/two', 'two');
  assert.equal(fs.readFileSync(path.join(home, 'out/two'), 'utf8'), 'two');
  await files.close();
  fs.rmSync(home, { recursive: true });
});

test('temporary files that lie ready are gone when it is closed, also those that are just being made', async () => {
  const home = fs.mkdtempSync(path.join(tmpdir(), 'files-'));
  homes.push(home);
  const files = systemFiles(home, { temps: TEMP_FOLDER, spares: 16 });
  for (const folder of [TEMP_FOLDER, 'out']) files.makeFolder(folder);
  const left = (): readonly string[] => fs.readdirSync(path.join(home, TEMP_FOLDER));
  await files.publish('out/one', 'one');
  // Making them has begun, and cannot be called off.
  await files.close();
  assert.deepEqual(left(), []);
});

describe('temporary files that lie ready', () => {
  const ready = (home: string): readonly string[] => fs.readdirSync(path.join(home, TEMP_FOLDER));
  const made = async (home: string, count: number): Promise<void> => {
    while (ready(home).length < count) await new Promise((resolve) => setImmediate(resolve));
    // They are there a moment before they are known to be.
    for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve));
  };

  test('are each used once, and made anew', async () => {
    const { home, files } = makeHome(3);
    await files.publish('out/first', 'first');
    await made(home, 3);
    const names = Array.from({ length: 10 }, (_, n) => `out/${n}`);
    await Promise.all(names.map((name) => files.publish(name, name)));
    for (const name of names) assert.equal(fs.readFileSync(path.join(home, name), 'utf8'), name);
    await made(home, 3);
    assert.equal(ready(home).length, 3);
  });

  test('are given up together when one of them is gone, and the next try makes its own', async () => {
    const { home, files } = makeHome(4);
    await files.publish('out/a', 'a');
    await made(home, 4);
    const open = fs.readdirSync('/proc/self/fd').length;
    for (const name of ready(home)) fs.rmSync(path.join(home, TEMP_FOLDER, name));
    await assert.rejects(files.publish('out/b', 'b'), { code: 'ENOENT' });
    assert.equal(fs.readdirSync('/proc/self/fd').length, open - 4);
    await files.publish('out/b', 'b');
    assert.equal(fs.readFileSync(path.join(home, 'out/b'), 'utf8'), 'b');
  });

  test('are given up also on a disk that removes nothing, and its first fault is told', async () => {
    const { home, files } = makeHome(4);
    await files.publish('out/a', 'a');
    await made(home, 4);
    const open = fs.readdirSync('/proc/self/fd').length;
    const fault = (code: string) => (): never => {
      throw Object.assign(new Error(code), { code });
    };
    mock.method(fs, 'writeFileSync', fault('ENOSPC'));
    mock.method(fs, 'rmSync', fault('EIO'));
    await assert.rejects(files.publish('out/b', 'b'), { code: 'ENOSPC' });
    assert.equal(fs.readdirSync('/proc/self/fd').length, open - 4);
  });
});

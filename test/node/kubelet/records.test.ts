import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openPulledRecords } from 'kubepull/node';
import type { ImagePullCredentials, ImagePulledRecord, PulledRecords } from 'kubepull/image-access';
import { describe, expect, it } from 'vitest';
import { createRecordCache } from '../../../src/node/kubelet/records.ts';
import { tempDir } from '../../support/temp-dir.ts';

const INTENT = 'sha256-aef2af226629a35d5f3ef0fdbb29fdbebf038d0acd8850590e8c48e1e283aa56';
const RECORD = 'sha256-b3c0cc4278800b03a308ceb2611161430df571ca733122f0a40ac8b9792a9064';
const INTENT_JSON =
  '{"kind":"ImagePullIntent","apiVersion":"kubelet.config.k8s.io/v1beta1","image":"docker.io/testing/test:latest"}\n';
const RECORD_JSON =
  '{"kind":"ImagePulledRecord","apiVersion":"kubelet.config.k8s.io/v1beta1","lastUpdatedTime":"2024-10-21T12:26:40Z","imageRef":"testimageref","credentialMapping":{"docker.io/testing/test":{"kubernetesSecrets":[{"uid":"testsecretuid","namespace":"default","name":"pull-secret","credentialHash":"testsecrethash"}]}}}\n';

const nobody: ImagePullCredentials = {
  kubernetesSecrets: [],
  kubernetesServiceAccounts: [],
  nodePodsAccessible: false,
};
const record = (
  imageRef: string,
  mapping: Readonly<Record<string, Partial<ImagePullCredentials>>> = {},
  lastUpdatedAt: number = Date.parse('2024-10-21T12:26:40Z'),
): ImagePulledRecord => ({
  imageRef,
  lastUpdatedAt,
  credentialMapping: new Map(Object.entries(mapping).map(([key, value]) => [key, { ...nobody, ...value }])),
});
const secret = { uid: 'testsecretuid', namespace: 'default', name: 'pull-secret', credentialHash: 'testsecrethash' };
const example = record('testimageref', { 'docker.io/testing/test': { kubernetesSecrets: [secret] } });

function kubeletRoot(): { readonly root: string; readonly pulling: string; readonly pulled: string } {
  const root = join(tempDir().path, 'kubelet');
  return { root, pulling: join(root, 'image_manager/pulling'), pulled: join(root, 'image_manager/pulled') };
}

function oldRoot(): ReturnType<typeof kubeletRoot> {
  const places = kubeletRoot();
  for (const directory of [places.pulling, places.pulled]) mkdirSync(directory, { recursive: true });
  return places;
}

async function written(value: ImagePulledRecord): Promise<string> {
  const { root, pulled } = kubeletRoot();
  await (await openPulledRecords(root)).writeRecord(value);
  const [name = ''] = readdirSync(pulled);
  return readFileSync(join(pulled, name), 'utf8');
}

describe('what could not be changed', () => {
  it.each([
    ['written', (records: PulledRecords) => records.writeRecord(record('testimageref'))],
    ['removed', (records: PulledRecords) => records.deleteRecord('testimageref')],
  ])('is looked for on the disk and not in memory: it may be half %s', async (_, change) => {
    const { root, pulled } = kubeletRoot();
    const records = await openPulledRecords(root);
    await records.writeRecord(example);
    // As nobody can replace or remove it.
    rmSync(join(pulled, RECORD));
    mkdirSync(join(pulled, RECORD, 'in the way'), { recursive: true });
    expect(await records.readRecord('testimageref')).toEqual(example);
    await expect(change(records)).rejects.toMatchObject({ code: 'ERR_STORE' });
    await expect(records.readRecord('testimageref')).rejects.toMatchObject({ code: 'ERR_STORE' });
    rmSync(join(pulled, RECORD), { recursive: true });
    expect(await records.readRecord('testimageref')).toBeUndefined();
  });
});

describe('what is written', () => {
  it('an intent, byte for byte', async () => {
    const { root, pulling } = kubeletRoot();
    await (await openPulledRecords(root)).writeIntent('docker.io/testing/test:latest');
    expect(readdirSync(pulling)).toEqual([INTENT]);
    expect(readFileSync(join(pulling, INTENT), 'utf8')).toBe(INTENT_JSON);
  });

  it('a record, byte for byte', async () => {
    const { root, pulled } = kubeletRoot();
    await (await openPulledRecords(root)).writeRecord(example);
    expect(readdirSync(pulled)).toEqual([RECORD]);
    expect(readFileSync(join(pulled, RECORD), 'utf8')).toBe(RECORD_JSON);
  });

  it('for the owner alone', async () => {
    const { root, pulling, pulled } = kubeletRoot();
    const records = await openPulledRecords(root);
    await records.writeIntent('docker.io/testing/test:latest');
    await records.writeRecord(example);
    const modes = [join(root, 'image_manager'), pulling, pulled, join(pulling, INTENT), join(pulled, RECORD)];
    expect(modes.map((path) => (statSync(path).mode & 0o777).toString(8))).toEqual(['700', '700', '700', '600', '600']);
  });

  it('leaves out what is empty, in the order of the fields', async () => {
    const account = { uid: 'u', namespace: 'n', name: 'sa' };
    const head = '{"kind":"ImagePulledRecord","apiVersion":"kubelet.config.k8s.io/v1beta1",';
    const time = '"lastUpdatedTime":"2024-10-21T12:26:40Z",';
    expect(await written(record('x'))).toBe(`${head}${time}"imageRef":"x"}\n`);
    expect(await written(record('x', { r: {} }))).toBe(`${head}${time}"imageRef":"x","credentialMapping":{"r":{}}}\n`);
    expect(await written(record('x', { r: { nodePodsAccessible: true } }))).toBe(
      `${head}${time}"imageRef":"x","credentialMapping":{"r":{"nodePodsAccessible":true}}}\n`,
    );
    const both = { kubernetesSecrets: [secret], kubernetesServiceAccounts: [account] };
    expect(await written(record('x', { r: both }))).toBe(
      `${head}${time}"imageRef":"x","credentialMapping":{"r":{"kubernetesSecrets":[{"uid":"testsecretuid","namespace":"default","name":"pull-secret","credentialHash":"testsecrethash"}],"kubernetesServiceAccounts":[{"uid":"u","namespace":"n","name":"sa"}]}}}\n`,
    );
  });

  it('sorts the repositories by their bytes', async () => {
    const keys = ['b', 'a/z', 'a', '\u{1f600}', '\uff5e', 'B'];
    const json = await written(record('x', Object.fromEntries(keys.map((key) => [key, {}]))));
    const found = [...json.matchAll(/"([^"]*)":\{\}/g)].map(([, key]) => key);
    expect(found).toEqual(['B', 'a', 'a/z', 'b', '\uff5e', '\u{1f600}']);
  });

  it('escapes as Go does', async () => {
    expect(await written(record('<a>&"\\\u2028\u0001\u007f\n'))).toContain(
      '"imageRef":"\\u003ca\\u003e\\u0026\\"\\\\\\u2028\\u0001\u007f\\n"',
    );
  });

  it.each([
    ['2024-10-21T12:26:40.999Z', '"2024-10-21T12:26:40Z"'],
    ['1969-12-31T23:59:58.001Z', '"1969-12-31T23:59:58Z"'],
    ['0001-01-01T00:00:00Z', 'null'],
    ['9999-12-31T23:59:59Z', '"9999-12-31T23:59:59Z"'],
    ['+010000-01-01T00:00:00Z', 'null'],
  ])('writes the time %s as %s', async (time, json) => {
    expect(await written(record('x', {}, Date.parse(time)))).toContain(`"lastUpdatedTime":${json},`);
  });
});

describe('what is read', () => {
  it("a kubelet's directory", async () => {
    const { root, pulling, pulled } = oldRoot();
    writeFileSync(join(pulling, INTENT), INTENT_JSON.trim());
    writeFileSync(join(pulled, RECORD), RECORD_JSON.trim());
    const records = await openPulledRecords(root);
    expect(await records.listIntents()).toEqual(['docker.io/testing/test:latest']);
    expect(await records.hasIntent('docker.io/testing/test:latest')).toBe(true);
    expect(await records.hasIntent('docker.io/testing/test:1')).toBe(false);
    expect(await records.listRecords()).toEqual([example]);
    expect(await records.readRecord('testimageref')).toEqual(example);
    expect(await records.readRecord('other')).toBeUndefined();
    // Nothing that is current is written anew.
    expect(readFileSync(join(pulled, RECORD), 'utf8')).toBe(RECORD_JSON.trim());
  });

  it('what kubelet 1.33 and 1.34 wrote, and writes it anew', async () => {
    const { root, pulling, pulled } = oldRoot();
    writeFileSync(join(pulling, INTENT), INTENT_JSON.replace('v1beta1', 'v1alpha1'));
    writeFileSync(join(pulled, RECORD), RECORD_JSON.replace('v1beta1', 'v1alpha1'));
    const records = await openPulledRecords(root);
    expect(readFileSync(join(pulling, INTENT), 'utf8')).toBe(INTENT_JSON);
    expect(readFileSync(join(pulled, RECORD), 'utf8')).toBe(RECORD_JSON);
    expect(await records.readRecord('testimageref')).toEqual(example);
  });

  it('neither other names, nor files half written, nor directories', async () => {
    const { root, pulling, pulled } = oldRoot();
    for (const [directory, name, json] of [[pulling, INTENT, INTENT_JSON] as const, [pulled, RECORD, RECORD_JSON]]) {
      writeFileSync(join(directory, `${name}.tmp`), json);
      writeFileSync(join(directory, `x${name}`), json);
      writeFileSync(join(directory, 'readme'), json);
      mkdirSync(join(directory, 'sha256-directory'));
    }
    const records = await openPulledRecords(root);
    expect(await records.listIntents()).toEqual([]);
    expect(await records.listRecords()).toEqual([]);
    expect(await records.readRecord('testimageref')).toBeUndefined();
  });

  it('not what has the name of something else', async () => {
    const { root, pulling, pulled } = oldRoot();
    writeFileSync(join(pulling, INTENT), INTENT_JSON.replace('test:latest', 'test:1'));
    writeFileSync(join(pulled, RECORD), RECORD_JSON.replace('testimageref', 'other'));
    const records = await openPulledRecords(root);
    expect(await records.hasIntent('docker.io/testing/test:latest')).toBe(false);
    expect(await records.readRecord('testimageref')).toBeUndefined();
    // One file that cannot be read, and it has to look.
    writeFileSync(join(pulling, 'sha256-x'), '{');
    writeFileSync(join(pulled, 'sha256-x'), '{');
    const looking = await openPulledRecords(root);
    expect(await looking.hasIntent('docker.io/testing/test:latest')).toBe(false);
    expect(await looking.readRecord('testimageref')).toBeUndefined();
    // The lists go by what is in the files, as in kubelet.
    expect(await records.listIntents()).toEqual(['docker.io/testing/test:1']);
    expect((await records.listRecords()).map(({ imageRef }) => imageRef)).toEqual(['other']);
  });

  it.each([
    ['nothing', ''],
    ['half of it', RECORD_JSON.slice(0, 200)],
    ['something behind it', `${RECORD_JSON}x`],
    ['another kind', RECORD_JSON.replace('ImagePulledRecord', 'ImagePullIntent')],
    ['no kind', RECORD_JSON.replace('"kind":"ImagePulledRecord",', '')],
    ['another version', RECORD_JSON.replace('v1beta1', 'v1')],
    ['another group', RECORD_JSON.replace('kubelet.config.k8s.io', 'kubelet.k8s.io')],
    ['an unknown field', RECORD_JSON.replace('"imageRef"', '"x":1,"imageRef"')],
    ['a field in other letters', RECORD_JSON.replace('"imageRef"', '"imageref"')],
    ['a field twice', RECORD_JSON.replace('"imageRef"', '"imageRef":"testimageref","imageRef"')],
    [
      'a repository twice',
      RECORD_JSON.replace('"docker.io/testing/test"', '"docker.io/testing/test":{},"docker.io/testing/test"'),
    ],
    ['an unknown field of a secret', RECORD_JSON.replace('"uid"', '"salt":"x","uid"')],
    [
      'an unknown field of credentials',
      RECORD_JSON.replace('"kubernetesSecrets"', '"preloaded":true,"kubernetesSecrets"'),
    ],
    ['a number for text', RECORD_JSON.replace('"testimageref"', '1')],
    ['text for a flag', RECORD_JSON.replace('"kubernetesSecrets"', '"nodePodsAccessible":"true","kubernetesSecrets"')],
    ['an object for a list', RECORD_JSON.replace(/\[(.*)\]/, '$1')],
    ['a list for an object', RECORD_JSON.replace(/"credentialMapping":.*/, '"credentialMapping":[]}')],
    ['a list as a whole', '[]'],
    ['no time of day', RECORD_JSON.replace('T12:26:40Z', '')],
    ['a day that its month does not have', RECORD_JSON.replace('2024-10-21', '2023-02-29')],
    ['a month that the year does not have', RECORD_JSON.replace('2024-10-21', '2023-13-01')],
    ['an hour that the day does not have', RECORD_JSON.replace('T12', 'T24')],
    ['no time zone', RECORD_JSON.replace('40Z', '40')],
    ['an empty time', RECORD_JSON.replace('2024-10-21T12:26:40Z', '')],
  ])('rejects a record with %s, and leaves it where it is', async (_, json) => {
    const { root, pulled } = oldRoot();
    writeFileSync(join(pulled, RECORD), json);
    const records = await openPulledRecords(root);
    await expect(records.readRecord('testimageref')).rejects.toMatchObject({ code: 'ERR_STORE', operation: 'decode' });
    await expect(records.readRecord('testimageref')).rejects.toThrow(/^Cannot decode "sha256-[0-9a-f]{64}": /);
    expect(await records.listRecords()).toEqual([]);
    expect(readFileSync(join(pulled, RECORD), 'utf8')).toBe(json);
  });

  it.each([
    [
      'null for everything',
      '{"kind":"ImagePulledRecord","apiVersion":"kubelet.config.k8s.io/v1beta1","imageRef":"testimageref","lastUpdatedTime":null,"credentialMapping":null}',
    ],
    [
      'nothing but its name',
      '{"imageRef":"testimageref","apiVersion":"kubelet.config.k8s.io/v1beta1","kind":"ImagePulledRecord"}',
    ],
  ])('takes a record with %s', async (_, json) => {
    const { root, pulled } = oldRoot();
    writeFileSync(join(pulled, RECORD), json);
    const records = await openPulledRecords(root);
    expect(await records.readRecord('testimageref')).toEqual(
      record('testimageref', {}, Date.parse('0001-01-01T00:00:00Z')),
    );
  });

  it.each([
    ['2024-10-21T14:26:40+02:00', '2024-10-21T12:26:40Z'],
    ['2024-10-21T12:26:40.123456789Z', '2024-10-21T12:26:40.123Z'],
    ['2024-02-29T23:59:59-23:59', '2024-03-01T23:58:59Z'],
  ])('takes the time %s', async (text, time) => {
    const { root, pulled } = oldRoot();
    writeFileSync(join(pulled, RECORD), RECORD_JSON.replace('2024-10-21T12:26:40Z', text));
    const found = await (await openPulledRecords(root)).readRecord('testimageref');
    expect(found?.lastUpdatedAt).toBe(Date.parse(time));
  });

  it('takes a repository named __proto__ as any other', async () => {
    const { root, pulled } = oldRoot();
    writeFileSync(join(pulled, RECORD), RECORD_JSON.replace('docker.io/testing/test', '__proto__'));
    const found = await (await openPulledRecords(root)).readRecord('testimageref');
    expect([...(found?.credentialMapping.keys() ?? [])]).toEqual(['__proto__']);
  });

  it('an intent is as strict', async () => {
    const { root, pulling } = oldRoot();
    writeFileSync(join(pulling, INTENT), INTENT_JSON.replace('"image"', '"x":1,"image"'));
    const records = await openPulledRecords(root);
    await expect(records.hasIntent('docker.io/testing/test:latest')).rejects.toMatchObject({ operation: 'decode' });
    expect(await records.listIntents()).toEqual([]);
  });
});

describe('openPulledRecords', () => {
  it('writes an intent twice, and deletes what is not there', async () => {
    const records = await openPulledRecords(kubeletRoot().root);
    await records.writeIntent('a');
    await records.writeIntent('a');
    expect(await records.listIntents()).toEqual(['a']);
    await records.deleteIntent('a');
    await records.deleteIntent('a');
    expect(await records.hasIntent('a')).toBe(false);
    await records.deleteRecord('a');
    await records.writeRecord(example);
    await records.writeRecord({ ...example, credentialMapping: new Map() });
    expect(await records.listRecords()).toEqual([record('testimageref')]);
    await records.deleteRecord('testimageref');
    expect(await records.listRecords()).toEqual([]);
  });

  it('overwrites what a crash left half written', async () => {
    const { root, pulled } = oldRoot();
    writeFileSync(join(pulled, `${RECORD}.tmp`), RECORD_JSON.repeat(3));
    const records = await openPulledRecords(root);
    await records.writeRecord(example);
    expect(readdirSync(pulled)).toEqual([RECORD]);
    expect(readFileSync(join(pulled, RECORD), 'utf8')).toBe(RECORD_JSON);
  });

  it('makes its directories again when they were taken away', async () => {
    const { root } = kubeletRoot();
    const records = await openPulledRecords(root);
    rmSync(root, { recursive: true });
    await records.writeIntent('a');
    expect(await records.hasIntent('a')).toBe(true);
    await expect(records.listRecords()).rejects.toMatchObject({ errno: 'ENOENT' });
  });

  it('does not follow a link to write, and says why in the words of Go', async () => {
    const { root, pulling } = kubeletRoot();
    const records = await openPulledRecords(root);
    const victim = join(root, 'victim');
    writeFileSync(victim, 'x');
    symlinkSync(victim, join(pulling, `${INTENT}.tmp`));
    const between = join(pulling, `${INTENT}.tmp`);
    await expect(records.writeIntent('docker.io/testing/test:latest')).rejects.toMatchObject({
      code: 'ERR_STORE',
      errno: 'ELOOP',
      message: `failed to create temporary file "${between}": open ${between}: too many levels of symbolic links`,
    });
    expect(readFileSync(victim, 'utf8')).toBe('x');
    // The link is gone, as a file half written would be.
    await records.writeIntent('docker.io/testing/test:latest');
  });

  it('says what the system refuses', async () => {
    const { path } = tempDir();
    writeFileSync(join(path, 'file'), '');
    const directory = join(path, 'file/image_manager/pulling');
    await expect(openPulledRecords(join(path, 'file'))).rejects.toMatchObject({
      errno: 'ENOTDIR',
      message: `failed to create directory "${directory}": mkdir ${directory}: not a directory`,
    });
  });

  it('does not take a directory for a record, nor puts a record in its place', async () => {
    const { root, pulled } = oldRoot();
    mkdirSync(join(pulled, RECORD));
    const records = await openPulledRecords(root);
    expect(await records.readRecord('testimageref')).toBeUndefined();
    await expect(records.writeRecord(example)).rejects.toMatchObject({ operation: 'rename' });
    expect(readdirSync(pulled)).toEqual([RECORD]);
  });

  it('does not wait for the other end of a pipe', async () => {
    const { root, pulled } = oldRoot();
    execFileSync('mkfifo', [join(pulled, RECORD)]);
    const records = await openPulledRecords(root);
    await expect(records.readRecord('testimageref')).rejects.toMatchObject({ code: 'ERR_STORE', operation: 'read' });
  });

  it('knows without looking what is there and what is not, as long as it could read all', async () => {
    const { root, pulled } = oldRoot();
    writeFileSync(join(pulled, RECORD), RECORD_JSON);
    const records = await openPulledRecords(root);
    rmSync(join(pulled, RECORD));
    expect(await records.readRecord('testimageref')).toEqual(example);
    await records.deleteRecord('testimageref');
    writeFileSync(join(pulled, RECORD), RECORD_JSON);
    expect(await records.readRecord('testimageref')).toBeUndefined();
  });

  it('keeps 2000 records and 1024 intents in memory', async () => {
    const { root, pulling, pulled } = oldRoot();
    const [refs, images] = [2001, 1025].map((count) => Array.from({ length: count }, (_, at) => `x:${at}`));
    for (const ref of refs ?? [])
      writeFileSync(join(pulled, `sha256-${ref}`), RECORD_JSON.replace('testimageref', ref));
    for (const image of images ?? [])
      writeFileSync(join(pulling, `sha256-${image}`), INTENT_JSON.replace('docker.io/testing/test:latest', image));
    const records = await openPulledRecords(root);
    for (const directory of [pulled, pulling]) rmSync(directory, { recursive: true });
    const known = await Promise.all((refs ?? []).map((ref) => records.readRecord(ref)));
    expect(known.filter((one) => one !== undefined)).toHaveLength(2000);
    const intended = await Promise.all((images ?? []).map((image) => records.hasIntent(image)));
    expect(intended.filter(Boolean)).toHaveLength(1024);
  });

  it('looks once there was a file that it could not read', async () => {
    const { root, pulled } = oldRoot();
    writeFileSync(join(pulled, RECORD), '{');
    const records = await openPulledRecords(root);
    writeFileSync(join(pulled, RECORD), RECORD_JSON);
    expect(await records.readRecord('testimageref')).toEqual(example);
  });
});

describe('createRecordCache', () => {
  it('forgets what was used longest ago, and is not complete from then on', () => {
    const cache = createRecordCache(2, { entries: [['a', 1] as const, ['b', 2]], isWhole: true });
    expect([cache.get('a'), cache.get('none'), cache.isComplete]).toEqual([1, undefined, true]);
    cache.set('a', 3);
    expect(cache.isComplete).toBe(true);
    cache.set('c', 4);
    expect([cache.get('a'), cache.get('b'), cache.get('c'), cache.isComplete]).toEqual([3, undefined, 4, false]);
    cache.delete('a');
    cache.delete('c');
    expect([cache.get('a'), cache.isComplete]).toEqual([undefined, false]);
  });

  it('takes a look at an entry for use of it', () => {
    const cache = createRecordCache(2, { entries: [['a', 1] as const, ['b', 2]], isWhole: true });
    cache.get('a');
    cache.set('c', 3);
    expect([cache.get('a'), cache.get('b')]).toEqual([1, undefined]);
  });

  it('stays complete when entries are deleted, and is not when the first listing was not', () => {
    const cache = createRecordCache(2, { entries: [['a', 1] as const], isWhole: true });
    cache.delete('a');
    expect(cache.isComplete).toBe(true);
    expect(createRecordCache(2, { entries: [], isWhole: false }).isComplete).toBe(false);
    expect(createRecordCache(1, { entries: [['a', 1] as const, ['b', 2]], isWhole: true }).isComplete).toBe(false);
  });
});

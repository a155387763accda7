// How what is done with many things grows when there are ten times as many. Everything is linear or
// better: a growth of 10 is a cost for each that stays the same, for what works on all, and 1 for what works on one.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryRecords, recordPull, toPullCredentials } from 'kubepull/image-access';
import { createImageManager } from 'kubepull/image-manager';
import { createPullerImageService } from 'kubepull/image-service';
import { createMirrorRoutes } from 'kubepull/mirrors';
import { createNodeRuntime, nodeHasher, openOciLayout } from 'kubepull/node';
import { createImageRules } from 'kubepull/rules';
import { toRow } from '../harness.mjs';

const REF_NAME = 'org.opencontainers.image.ref.name';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

/** @param {string} directory @param {string} text @param {string} mediaType */
function writeBlob(directory, text, mediaType) {
  const hex = createHash('sha256').update(text).digest('hex');
  writeFileSync(join(directory, 'blobs/sha256', hex), text);
  return { mediaType, digest: `sha256:${hex}`, size: Buffer.byteLength(text) };
}

/** A layout of images with a config and a layer each, which some other program has written. @param {number} images */
function writeLayout(images) {
  const directory = mkdtempSync(join(tmpdir(), 'kubepull-scale-'));
  mkdirSync(join(directory, 'blobs/sha256'), { recursive: true });
  const layer = writeBlob(directory, 'layer', 'application/vnd.oci.image.layer.v1.tar');
  const manifests = Array.from({ length: images }, (_, at) => {
    const config = writeBlob(directory, `{"n":${at}}`, 'application/vnd.oci.image.config.v1+json');
    const manifest = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers: [layer] });
    const annotations = { [REF_NAME]: `registry.example.com/team/app-${at}:1` };
    return { ...writeBlob(directory, manifest, MANIFEST), annotations };
  });
  const index = join(directory, 'index.json');
  writeFileSync(index, JSON.stringify({ schemaVersion: 2, manifests }));
  writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  utimesSync(index, 1, 1);
  return { directory, manifests };
}

/** Seconds that something takes once. @param {() => unknown} action */
async function timed(action) {
  const started = performance.now();
  await action();
  return (performance.now() - started) / 1000;
}

/** The seconds of each operation on a layout. @param {number} images */
async function measureLayout(images) {
  const { directory, manifests } = writeLayout(images);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const store = await openOciLayout(directory);
  const service = createPullerImageService({ runtime: createNodeRuntime(), store, garbageGraceMs: 0 });
  const spec = (/** @type {string} */ image) => ({ image, annotations: {}, runtimeHandler: '' });
  const [first] = await service.listImages();
  const names = manifests.map(({ annotations }) => annotations[REF_NAME] ?? '');
  const target = await store.resolve(names[0] ?? '');
  if (target === undefined) throw new Error('The layout has no image');
  const fresh = await openOciLayout(directory);
  const freshService = createPullerImageService({ runtime: createNodeRuntime(), store: fresh });
  const TAGS = 50;
  const result = {
    'list of stored images, new process': await timed(() => freshService.listImages()),
    'list of stored images, again': await timed(() => service.listImages()),
    'status by id': await timed(() => service.imageStatus(spec(first?.id ?? ''))),
    'file-system info': await timed(() => service.imageFsInfo()),
    'resolve of one name, 200 times': await timed(async () => {
      for (let at = 0; at < 200; at += 1) await store.resolve(names[(at * 7919) % images] ?? '');
    }),
    'first tag of a new name': await timed(() => store.tag('first', target)),
    [`tag of a new name, mean of ${TAGS}`]:
      (await timed(async () => {
        for (let at = 0; at < TAGS; at += 1) await store.tag(`new-${at}`, target);
      })) / TAGS,
    [`tag of ${TAGS} new names at once, each`]:
      (await timed(() => Promise.all(Array.from({ length: TAGS }, (_, at) => store.tag(`together-${at}`, target))))) /
      TAGS,
    'tag of a name that is there': await timed(() => store.tag(names[5] ?? '', target)),
    'removal by name': await timed(() => service.removeImage(spec(names[7] ?? ''))),
  };
  rmSync(directory, { recursive: true });
  return result;
}

/** @param {number} entries */
async function measureRules(entries) {
  const shapes = {
    literal: (/** @type {number} */ at) => `host-${at}.example.com/team/app`,
    prefixes: (/** @type {number} */ at) => `registry.example.com/team-${at}/**`,
    'globs below prefixes': (/** @type {number} */ at) => `registry.example.com/team-${at}/app-*`,
    'globs of hosts': (/** @type {number} */ at) => `*.zone-${at}.example.com/team/**`,
  };
  /** @type {Record<string, number>} */
  const result = {};
  for (const [shape, pattern] of Object.entries(shapes)) {
    const patterns = Array.from({ length: entries }, (_, at) => pattern(at));
    let rules = createImageRules({});
    result[`rules, ${shape}: compile`] = await timed(() => (rules = createImageRules({ deny: patterns })));
    const routes = createMirrorRoutes(patterns.map((match) => ({ match, endpoints: ['https://m.example.com'] })));
    const decide = (/** @type {string} */ name) =>
      timed(() => {
        for (let at = 0; at < 200; at += 1) rules.decide({ name });
      });
    result[`rules, ${shape}: 200 decisions, miss`] = await decide('registry.example.com/other/app-1');
    const last = pattern(entries - 1)
      .replaceAll('**', 'app')
      .replaceAll('*', 'x');
    result[`rules, ${shape}: 200 decisions, last`] = await decide(last);
    result[`routes, ${shape}: 200 choices, last`] = await timed(() => {
      for (let at = 0; at < 200; at += 1) routes.choose({ name: last });
    });
  }
  return result;
}

/** @param {number} names */
async function measureRecords(names) {
  const records = createMemoryRecords();
  const imageRef = `sha256:${'a'.repeat(64)}`;
  const credentials = toPullCredentials({ kind: 'node' });
  return {
    'records of one image pulled under as many names': await timed(async () => {
      for (let at = 0; at < names; at += 1) {
        const added = { imageRef, name: `registry.example.com/app-${at}`, credentials, at };
        await records.writeRecord(recordPull(await records.readRecord(imageRef), added));
      }
    }),
  };
}

/** Containers of as many pods that want the same image at the same time, of a manager that merges equal pulls. @param {number} pods */
async function measureMerged(pods) {
  const id = `sha256:${'a'.repeat(64)}`;
  let isPresent = false;
  const image = 'registry.example.com/app:1';
  const stored = {
    id,
    repoTags: [image],
    repoDigests: [],
    size: 1,
    spec: { image, annotations: {}, runtimeHandler: '' },
    pinned: false,
    runtimeHandler: '',
  };
  const images = {
    imageStatus: async () => (isPresent ? stored : undefined),
    pullImage: async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      isPresent = true;
      return id;
    },
    listImages: async () => [],
    removeImage: async () => {},
    imageFsInfo: async () => [],
  };
  const manager = createImageManager({ images, createHasher: nodeHasher, mergeEqualPulls: true });
  const containers = [{ name: 'app', image, imagePullPolicy: 'Always' }];
  const wanted = Array.from({ length: pods }, (_, at) => ({
    pod: { metadata: { name: `pod-${at}`, namespace: 'team', uid: `uid-${at}` }, spec: { containers } },
    container: 'app',
    secrets: [],
  }));
  return {
    'merged pulls of one image': await timed(() =>
      Promise.all(wanted.map((request) => manager.ensureContainerImage(request))),
    ),
  };
}

/** What has a goal in milliseconds, at the larger size, beside that of its growth. @type {Readonly<Record<string, number>>} */
const MOST_MS = { 'merged pulls of one image': 4000 };

/** @typedef {[(size: number) => Promise<Record<string, number>>, number]} Measure with the smaller size */

/** @type {{ merged: Measure, records: Measure, rules: Measure, layout: Measure }} */
const MEASURES = {
  merged: [measureMerged, 2000],
  records: [measureRecords, 250],
  rules: [measureRules, 1000],
  layout: [measureLayout, 500],
};

/** @type {import('../harness.mjs').Topic} */
export const topic = {
  name: 'scale',
  about: 'Work on many things, and on ten times as many: the goal is n log n for all of them.',
  async measure({ quick }) {
    const rows = [];
    for (const [measure, most] of [MEASURES.merged, MEASURES.records, MEASURES.rules, MEASURES.layout]) {
      const small = quick ? most / 5 : most;
      const sizes = { few: `kubepull, ${small}`, many: `kubepull, ${small * 10}` };
      const [few, many] = [await measure(small), await measure(small * 10)];
      for (const [what, seconds] of Object.entries(few)) {
        const samples = { [sizes.few]: [seconds * 1000], [sizes.many]: [(many[what] ?? 0) * 1000] };
        const limit = quick ? undefined : MOST_MS[what];
        const inTime = limit === undefined ? [] : [{ side: sizes.many, most: limit }];
        rows.push(toRow(what, 'ms', samples, [{ side: sizes.many, to: sizes.few, most: 15 }, ...inTime]));
      }
    }
    return rows;
  },
};

// Kubelet's record files, as transcripts have them: by their path below `image_manager`, byte for byte.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { PulledRecords } from 'kubepull/image-access';

export type RecordFiles = Readonly<Record<string, string>>;

/** A root directory of kubelet. */
export interface RecordsFolder {
  readonly root: string;
  read(): RecordFiles;
  remove(): void;
}

export function createRecordsFolder(files: RecordFiles = {}): RecordsFolder {
  const root = mkdtempSync(join(tmpdir(), 'kubepull-records-'));
  const manager = join(root, 'image_manager');
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(manager, name)), { recursive: true });
    writeFileSync(join(manager, name), text);
  }
  const list = (kind: string): readonly string[] => readdirSync(join(manager, kind)).map((name) => `${kind}/${name}`);
  return {
    root,
    read: () =>
      Object.fromEntries(
        [...list('pulled'), ...list('pulling')]
          .toSorted()
          .map((name) => [name, readFileSync(join(manager, name), 'utf8')]),
      ),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** Left open: when a record was written. What is compared is which was written before which. */
export function withOrderOfTimes(
  snapshots: Readonly<Record<string, RecordFiles>>,
): Readonly<Record<string, RecordFiles>> {
  const TIME = /"lastUpdatedTime":"([^"]*)"/u;
  const texts = Object.values(snapshots).flatMap((files) => Object.values(files));
  const times = [...new Set(texts.flatMap((text) => TIME.exec(text)?.[1] ?? []))].toSorted();
  const replace = (text: string): string =>
    text.replace(TIME, (_, time: string) => `"lastUpdatedTime":"time ${times.indexOf(time)}"`);
  const renamed = Object.entries(snapshots).map(([name, files]) => [
    name,
    Object.fromEntries(Object.entries(files).map(([path, text]) => [path, replace(text)])),
  ]);
  return Object.fromEntries(renamed) as Readonly<Record<string, RecordFiles>>;
}

/** The UIDs by which record files know the secrets of a name. */
export function uidsIn(files: Iterable<RecordFiles>): ReadonlyMap<string, string> {
  const uids = new Map<string, string>();
  for (const text of [...files].flatMap((one) => Object.values(one))) {
    for (const [, uid = '', name = ''] of text.matchAll(/"uid":"([^"]*)","namespace":"[^"]*","name":"([^"]*)"/gu)) {
      if (!uids.has(name)) uids.set(name, uid);
    }
  }
  return uids;
}

/** Records of a program that can be killed: from then on nothing is read or written any more. */
export function mortal(records: PulledRecords): { readonly records: PulledRecords; kill(): void } {
  let isDead = false;
  const guarded = Object.entries(records).map(([name, method]) => [
    name,
    (...args: unknown[]) =>
      isDead ? new Promise(() => undefined) : (method as (...all: unknown[]) => unknown)(...args),
  ]);
  return {
    records: Object.fromEntries(guarded) as never,
    kill() {
      isDead = true;
    },
  };
}

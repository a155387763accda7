import type { DockerConfigEntry } from '../../docker-config/index.js';
import { quote } from '../../internal/index.js';
import { matchTarget, normalizeKey, parsePattern, toTarget } from '../../match/index.js';
import { placeOf, showKey } from './key-parts.js';
import { finding } from '../rules/rules.js';
import type { LintFinding } from '../rules/finding.js';

const HUB_KEY = 'index.docker.io';

interface Keyed {
  readonly entry: DockerConfigEntry;
  /** The normal form. */
  readonly key: string;
}

/** What is wrong with entries beside each other, in the order of the document. */
export function* lintRelations(entries: readonly DockerConfigEntry[], root: string): Generator<LintFinding> {
  const keyed = entries.flatMap((entry) => {
    const key = normalizeKey(entry.pattern);
    return key === undefined ? [] : [{ entry, key }];
  });
  const repeats = findRepeats(keyed);
  const hub = keyed.find(({ key }) => key === HUB_KEY);
  const firstByKey = new Map<string, string>();
  for (const { entry, key } of keyed) {
    const place = placeOf(root, entry.pattern);
    const first = firstByKey.get(key);
    if (first === undefined) firstByKey.set(key, entry.pattern);
    else yield finding('KEY_SAME_NORMAL_FORM', place, `It is the same as ${showKey(first)}`);
    const shorter = repeats.get(entry);
    if (shorter !== undefined) yield finding('CREDENTIAL_REPEATED', place, `It also stands under ${showKey(shorter)}`);
    if (entry !== hub?.entry) continue;
    for (const message of findHiders(keyed)) yield finding('DOCKER_HUB_ENTRY_HIDDEN', place, message);
  }
}

/** Of each other entry that matches images of Docker Hub, what it hides. */
function findHiders(keyed: readonly Keyed[]): readonly string[] {
  const image = toTarget({ domain: 'docker.io', path: 'library/app' });
  return keyed.flatMap(({ entry }) => {
    const target = parsePattern(entry.pattern);
    if (image === undefined || target === undefined) return [];
    const isOnHub = matchTarget({ ...target, path: '' }, image).matched;
    const which = target.path === '' ? 'all images' : `images that begin with ${quote(target.path)}`;
    return isOnHub ? [`${showKey(entry.pattern)} is tried instead for ${which} of Docker Hub`] : [];
  });
}

/**
 * By entry, the shorter key with the same credential. In byte order a key stands behind all its beginnings, so those
 * that are open form a stack.
 */
function findRepeats(keyed: readonly Keyed[]): ReadonlyMap<DockerConfigEntry, string> {
  const repeats = new Map<DockerConfigEntry, string>();
  const open: Keyed[] = [];
  const openBy = new Map<string, Keyed[]>();
  for (const one of keyed.toSorted((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)))) {
    for (let top = open.at(-1); top !== undefined && !covers(top.key, one.key); top = open.at(-1)) {
      open.pop();
      openBy.get(credentialOf(top))?.pop();
    }
    const credential = credentialOf(one);
    const same = openBy.get(credential) ?? [];
    const shorter = same.findLast(({ key }) => key !== one.key);
    if (shorter !== undefined && !isEmpty(one)) repeats.set(one.entry, shorter.entry.pattern);
    open.push(one);
    same.push(one);
    openBy.set(credential, same);
  }
  return repeats;
}

function covers(shorter: string, longer: string): boolean {
  if (shorter === longer) return true;
  return longer.startsWith(shorter) && (shorter.includes('/') || longer.charAt(shorter.length) === '/');
}

function credentialOf({ entry: { credential } }: Keyed): string {
  return JSON.stringify([credential.username, credential.password.reveal()]);
}

function isEmpty({ entry: { credential } }: Keyed): boolean {
  return credential.username === '' && credential.password.reveal() === '';
}

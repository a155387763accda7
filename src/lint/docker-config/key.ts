import { matchImage, type ParsedTarget, parsePattern } from '../../match/index.js';
import { quote } from '../../internal/index.js';
import type { ImageName } from '../../reference/index.js';
import { imageNameText } from '../../reference/inner.js';
import { bareKey, faultlessKey, findKeyFault, hostOf, nearestKey } from './dead-key.js';
import { splitKey } from './key-parts.js';
import { finding } from '../rules/rules.js';
import type { LintFinding } from '../rules/finding.js';

/**
 * What is wrong with one key by itself.
 *
 * @param image - the image that the key may be meant for: what matches it exactly is not called unusual
 */
export function* lintKey(key: string, place: string, image: ImageName | undefined): Generator<LintFinding> {
  const parts = splitKey(key);
  if (parts.userInfo !== undefined) {
    const message = 'User info in a key is not used, and shows in logs';
    yield finding('KEY_HAS_USER_INFO', place, message, nearestKey(bareKey(parts)));
  }
  const fault = findKeyFault(key);
  if (fault !== undefined) {
    const message = `${fault.message.charAt(0).toUpperCase()}${fault.message.slice(1)}`;
    return yield finding(fault.code, place, message, nearestKey(key));
  }
  const target = parsePattern(key);
  if (target === undefined) return;
  const isWanted = image !== undefined && matchImage(key, image).matched;
  if (!isWanted) yield* lintHost(target, place);
  yield* lintGlob(target, place);
  yield* lintPath(target, place, image && imageNameText(image));
}

function* lintHost(target: ParsedTarget, place: string): Generator<LintFinding> {
  const { labels, port, path } = target;
  const host = hostOf(target);
  const lower = host.toLowerCase();
  if (host.startsWith('[')) return;
  if (host !== lower) {
    yield finding('KEY_HOST_CASE', place, `Only images with the host ${quote(host)} match`, faultlessKey(lower + path));
  }
  if (port === '443' || port === '80') {
    const bare = faultlessKey(labels.join('.') + path);
    yield finding('KEY_DEFAULT_PORT', place, `Only images with :${port} in their name match`, bare);
  }
}

function* lintGlob(target: ParsedTarget, place: string): Generator<LintFinding> {
  const { labels, port, path, literal } = target;
  if (literal) return;
  const [first = '', second = ''] = labels;
  const owned = labels.slice(0, -1).some((label) => label !== '*');
  if (!owned || labels.at(-1)?.includes('*')) {
    yield finding('KEY_GLOB_TOO_BROAD', place, `Any host of the form ${quote(labels.join('.'))} gets the password`);
  } else if (labels.length === 2 && /^\*[^*]+$/.test(first)) {
    const message = `It matches neither a subdomain nor stops at ${quote(`${first.slice(1)}.${second}`)}`;
    const dotted = `*.${first.slice(1)}.${second}${port === '' ? '' : `:${port}`}${path}`;
    yield finding('KEY_GLOB_WITHOUT_DOT', place, message, faultlessKey(dotted));
  }
}

function* lintPath({ key, path }: ParsedTarget, place: string, repository: string | undefined): Generator<LintFinding> {
  if (path === '') return;
  if (path.endsWith('/')) {
    const message = `The repository ${quote(key.slice(0, -1))} itself is not served`;
    return yield finding(
      'KEY_TRAILING_SLASH',
      place,
      message,
      key === `${repository}/` ? faultlessKey(key.slice(0, -1)) : undefined,
    );
  }
  const message = `${quote(`${key}-evil`)} gets the password as well`;
  yield finding('KEY_PREFIX_BROAD', place, message, key === repository ? undefined : faultlessKey(`${key}/`));
}

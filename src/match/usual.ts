import type { ImageName } from '../reference/index.js';
import type { MatchRule } from './types.js';

const STAR = 0x2a;
const DOT = 0x2e;

/**
 * Compares a usual key with an image in kubelet's dialect, and takes neither apart: labels, of which a star is a whole one, and a
 * path. `undefined` for what does not match, and for what has a port, a glob inside a label, or a meaning in a URL: the full
 * matcher tells that, and each reason.
 */
export function matchUsual(key: string, image: ImageName): MatchRule | undefined {
  // Only a caller without types can pass anything else, which the full matcher refuses.
  const { domain, path } = Object(image) as Partial<ImageName>;
  if (typeof key !== 'string' || typeof domain !== 'string' || typeof path !== 'string') return undefined;
  if (!/^[\w.-]+$/.test(domain) || !/^[\w./-]*$/.test(path)) return undefined;
  const slash = key.indexOf('/');
  if (slash < 0) return matchHost(key, domain);
  // A path that the normal form of a key loses, or a part of it.
  if (/\/(?:v[12]\/|$)/.test(key) || !path.startsWith(key.slice(slash + 1))) return undefined;
  return matchHost(key.slice(0, slash), domain);
}

function matchHost(pattern: string, host: string): MatchRule | undefined {
  let rule: MatchRule = 'literal';
  let step = 0;
  let at = 0;
  while (step < pattern.length && at < host.length) {
    const code = pattern.charCodeAt(step);
    step += 1;
    if (code === STAR) {
      if (step < pattern.length && pattern.charCodeAt(step) !== DOT) return undefined;
      const dot = host.indexOf('.', at);
      at = dot < 0 ? host.length : dot;
      rule = 'glob';
    } else {
      if (code !== host.charCodeAt(at)) return undefined;
      at += 1;
    }
  }
  return step === pattern.length && at === host.length ? rule : undefined;
}

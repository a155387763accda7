import type { Location } from './location.js';
import type { ParsedTarget } from './types.js';

export function makeTarget({ host, path }: Location, name: string, port: string): ParsedTarget {
  return { key: host + path, labels: name.split('.'), port, path, literal: !/[*?[\\]/.test(name) };
}

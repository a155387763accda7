// Every pattern of a family against every image of a family, compared with a second, naive reading of what kubelet does.
import { matchTarget, parsePattern, toTarget } from 'kubepull/match';
import { imageNamed } from '../support/image-name.ts';
import { describe, expect, it } from 'vitest';

const HOSTS = [
  'io',
  'r.io',
  'evil.io',
  'r.io.evil.test',
  'a.r.io',
  'a.b.r.io',
  'ar.io',
  'localhost',
  'R.io',
  '1.2.3.4',
];
const GLOBS = ['*', '*.io', 'r.*', '*.r.io', '*r.io', 'r*.io', '*.*', '*.*.io', '*.*.*', 'a*b.io', '*.*.*.*', 'l*t'];
const PORTS = ['', ':80', ':443', ':8080'];
const PATHS = ['', '/team', '/team/', '/team/app', '/team-evil/x', '/tea', '/v1/team', '/x/team', '/Team', '/team*'];

function combine(hosts: readonly string[]): readonly string[] {
  return hosts.flatMap((host) => PORTS.flatMap((port) => PATHS.map((path) => host + port + path)));
}

function parts(text: string): { readonly labels: readonly string[]; readonly port: string; readonly path: string } {
  const [authority = '', ...rest] = text.split('/');
  const [host = '', port = ''] = authority.split(':');
  return { labels: host.split('.'), port, path: rest.map((part) => `/${part}`).join('') };
}

function naiveLabel(glob: string, label: string): boolean {
  if (glob === '') return label === '';
  if (!glob.startsWith('*')) return glob[0] === label[0] && naiveLabel(glob.slice(1), label.slice(1));
  return naiveLabel(glob.slice(1), label) || (label !== '' && naiveLabel(glob, label.slice(1)));
}

function naiveMatch(pattern: string, image: string): boolean {
  const [want, have] = [parts(pattern.replace(/\/v1(?=\/)/, '')), parts(image)];
  return (
    want.port === have.port &&
    want.labels.length === have.labels.length &&
    have.path.startsWith(want.path) &&
    want.labels.every((glob, place) => naiveLabel(glob, have.labels[place] ?? ''))
  );
}

describe('matchTarget', () => {
  it('agrees with the naive reading on more than 300,000 pairs [A26]', () => {
    const patterns = combine([...HOSTS, ...GLOBS]).map((text) => ({ text, target: parsePattern(text) }));
    const images = combine(HOSTS).map((text) => ({ text, target: toTarget(imageNamed(text)) }));
    const differing: string[] = [];
    let matching = 0;
    for (const pattern of patterns) {
      for (const image of images) {
        if (pattern.target === undefined || image.target === undefined) throw new Error('these all parse');
        const { matched } = matchTarget(pattern.target, image.target);
        matching += Number(matched);
        if (matched !== naiveMatch(pattern.text, image.text)) differing.push(`${pattern.text} ${image.text}`);
      }
    }
    expect(patterns.length * images.length).toBeGreaterThan(300_000);
    expect(matching).toBeGreaterThan(3000);
    expect(differing).toEqual([]);
  });
});

// Image references of public reports: the host that they name, or what may be suggested instead.
import { expect } from 'vitest';
import { safeParseReference } from 'kubepull/reference';
import type { Case } from './case.ts';

const HEX = 'a'.repeat(64);

/** What each is or may be suggested as; nothing where it names no image. */
const IMAGES: Readonly<Record<string, readonly (string | undefined)[]>> = {
  'https://quay.io/repository/team/inspector': ['quay.io/team/inspector'],
  'https://hub.docker.com/r/team/app/tags': ['team/app'],
  'https://gallery.ecr.aws/docker/library/nginx': ['public.ecr.aws/docker/library/nginx', undefined],
  'docker pull nginx': ['nginx', undefined],
  'nginx 1.25': ['nginx:1.25', undefined],
  [`docker://sha256:${HEX}`]: [undefined],
  'registry.example.com/': [undefined],
  [`nginx:sha256:${HEX}`]: [`nginx@sha256:${HEX}`],
  'busybox":"latest': [undefined],
  'registry.example.com/nginx:': ['registry.example.com/nginx'],
  'team / url-shortener': ['team/url-shortener'],
};

export function checkImage({ input, expected }: Case): void {
  const result = safeParseReference(String(input));
  const host = /^host ([^,\s]+)/.exec(expected)?.[1];
  if (host !== undefined) expect(result).toMatchObject({ ok: true, value: { domain: host } });
  else expect(IMAGES[String(input)]).toContain(result.ok ? 'an image' : result.error.suggestion);
}

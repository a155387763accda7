import { describe, expect, it } from 'vitest';
import { type CurrentAnswer, isCurrent, type KnownImage } from 'kubepull/pin';

const hex = (letter: string): string => letter.repeat(64);
const [A, B, C] = ['a', 'b', 'c'].map((letter) => `sha256:${hex(letter)}`) as [string, string, string];

describe('isCurrent', () => {
  it.each<[string, string, KnownImage, CurrentAnswer['answer'], CurrentAnswer['reason']]>([
    [`nginx:1@${A}`, `docker.io/library/nginx@${A}`, {}, 'yes', 'digest'],
    [`nginx@${A}`, `docker-pullable://nginx@${A}`, {}, 'yes', 'digest'],
    [`nginx@${A}`, `docker://${A}`, {}, 'yes', 'digest'],
    [`nginx@${A}`, `mirror.example.com:5000/x@${A}`, {}, 'yes', 'digest'],
    [`nginx@${A}`, A, {}, 'yes', 'digest'],
    [`nginx@${A}`, hex('a'), {}, 'yes', 'digest'],
    ['nginx:1', `nginx@${A}`, { digest: A }, 'yes', 'digest'],
    [`nginx:1@${A}`, `nginx@${B}`, { digest: B, manifests: [] }, 'no', 'other-digest'],
    [`nginx@${A}`, `nginx@${B}`, { manifests: [C, B] }, 'yes', 'manifest'],
    [`nginx@${A}`, B, { manifests: [B] }, 'yes', 'manifest'],
    [`nginx@${A}`, `nginx@${B}`, { manifests: [C] }, 'no', 'other-digest'],
    [`nginx@${A}`, `nginx@${B}`, {}, 'unknown', 'manifests-not-known'],
    [`nginx@${A}`, `nginx@${B}`, { configs: [B] }, 'unknown', 'manifests-not-known'],
    [`nginx@${A}`, B, { configs: [C, B] }, 'yes', 'config'],
    [`nginx@${A}`, B, { configs: [C], manifests: [C] }, 'no', 'other-config'],
    [`nginx@${A}`, B, { configs: [C] }, 'unknown', 'manifests-not-known'],
    [`nginx@${A}`, B, { manifests: [C] }, 'unknown', 'configs-not-known'],
    [`nginx@${A}`, `docker://${B}`, {}, 'unknown', 'configs-not-known'],
    ['nginx:1', `nginx@${A}`, {}, 'unknown', 'no-digest'],
    ['nginx:1', `nginx@${A}`, { manifests: [A] }, 'yes', 'manifest'],
    [`nginx@${A}`, '', {}, 'unknown', 'not-pulled'],
    [`nginx@${A}`, 'nginx:1', {}, 'unknown', 'unreadable'],
    [`nginx@${A}`, 'sha256:abc', {}, 'unknown', 'unreadable'],
    [`nginx@${A}`, `sha1:${hex('a')}`, {}, 'unknown', 'unreadable'],
    ['Nginx', A, { digest: A }, 'unknown', 'invalid-image'],
  ])('says of %s beside %j, knowing %j: %s, %s', (image, imageID, known, answer, reason) => {
    expect(isCurrent(image, imageID, known)).toEqual({ answer, reason });
  });
});
